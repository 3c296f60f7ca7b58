"""Chemical symbols in VASP files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["repeated", "symbol_of"]


def symbol_of(text: str) -> str:
    """A symbol; VASP abbreviates Zr to r.

    >>> symbol_of(" r ")
    'Zr'
    """
    return {"r": "Zr"}.get(text.strip(), text.strip())


def repeated(names: Iterable[str], counts: Iterable[int]) -> list[str]:
    """One name per atom."""
    return [name for name, many in zip(names, counts, strict=True) for _ in range(many)]
