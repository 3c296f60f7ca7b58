"""Values of INCAR settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["number", "switched_on"]


def number(settings: Mapping[str, str], name: str) -> float | None:
    """A setting as a number, None if it is not one.

    >>> number({"TEBEG": " 300.0 "}, "TEBEG")
    300.0
    """
    try:
        value = float(settings[name])
    except (KeyError, ValueError):
        return None
    return value if abs(value) < 1e12 else None  # neither NaN


def switched_on(settings: Mapping[str, str], name: str) -> bool:
    """Whether a logical setting is true, in the spellings of Fortran."""
    return settings.get(name, "F").strip(". ").upper().startswith("T")
