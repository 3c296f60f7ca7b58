"""Keys of tasks: a hash of everything that a result depends on."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["as_plain", "key_of", "structure_key"]

LENGTH = 20
"""Hexadecimal digits of a key: 80 bits."""
DIGITS = 8
"""Decimals of positions and cells in Å, as extended XYZ has them."""


def as_plain(value: Any) -> Any:
    """A value as JSON has it: dataclasses with the name of their class, tuples as lists, paths as text.

    Raises:
        TypeError: a value of another type, whose text would not be the same in every process.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: as_plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.compare}
        return {"": type(value).__name__} | fields
    if isinstance(value, dict):
        return {str(k): as_plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [as_plain(v) for v in value]
    if isinstance(value, np.ndarray | np.generic):
        return as_plain(value.tolist())
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"expected numbers, texts, lists, tables and dataclasses of them, got {type(value).__name__}")


def key_of(value: Any) -> str:
    """SHA-256 of the canonical JSON of a value, shortened.

    Fields of dataclasses that are not compared (``field(compare=False)``) do not count.

    >>> key_of({"a": 1, "b": (2.0, None)}) == key_of({"b": [2.0, None], "a": 1})
    True
    """
    text = json.dumps(as_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def structure_key(atoms: Atoms) -> str:
    """A key of elements, positions and cell, which a copy read from extended XYZ shares."""
    scale = 10.0**DIGITS
    numbers = [np.rint(np.asarray(x) * scale).astype(np.int64).tolist() for x in (atoms.positions, atoms.cell.array)]
    return key_of([atoms.numbers, *numbers, atoms.pbc])
