"""XDATCAR: cells and fractional positions, nothing else."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import DataError
from ase_voxpot.validation.frames import Frame, build
from ase_voxpot.validation.opening import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ase_voxpot.validation.frames import Run

__all__ = ["read_xdatcar"]

CONFIGURATION = re.compile(r"\s*Direct configuration=\s*(\d*)", re.IGNORECASE)
MOST = 1_000_000


class _Cut(Exception):  # noqa: N818
    """The file ended within a frame."""


def read_xdatcar(path: Path) -> list[Run]:
    """The run in a file; concatenated ones, of the same atoms, make one.

    The header may come once, or before every frame when the cell changes.

    Raises:
        DataError: no complete frame, other atoms further down, or numbers that make no sense.
    """
    stream = Stream(path)
    reader = _Reader(str(path), stream.lines())
    try:
        reader.read()
    except _Cut:
        stream.cut = True
    notes = [f"{path} holds positions only: energies, forces and stress cannot be compared"]
    if stream.cut:
        notes.append(f"{path} was cut off by a killed job: its {len(reader.frames)} complete frames are used")
    return [
        build(
            reader.frames,
            source=str(path),
            kind="XDATCAR",
            symbols=reader.symbols,
            settings={},
            notes=notes,
            starts=reader.starts,
        )
    ]


class _Reader:
    def __init__(self, source: str, lines: Iterator[str]) -> None:
        self.source = source
        self.frames: list[Frame] = []
        self.symbols: list[str] = []
        self.starts = [0]
        self._lines = lines
        self._cell = np.eye(3)
        self._last = 0

    def read(self) -> None:
        for line in self._lines:
            if found := CONFIGURATION.match(line):
                self._frame(int(found[1] or self._last + 1))
            elif line.strip() or self._more():
                self._header()

    def _more(self) -> bool:
        """Whether a blank line is the comment of a header."""
        line = next(self._lines, None)
        if line is None:
            return False
        self._lines = chain([line], self._lines)
        return bool(line.strip()) and not CONFIGURATION.match(line)

    def _line(self) -> str:
        line = next(self._lines, None)
        if line is None:
            raise _Cut
        return line

    def _numbers(self) -> list[float]:
        line = self._line()
        words = line.split()
        try:
            numbers = [float(w) for w in words[:3]]
        except ValueError:
            numbers = []
        if len(numbers) != 3:
            raise DataError(
                f"{self.source}: frame {len(self.frames) + 1}: expected three numbers, got {line.strip()[:60]!r}"
            )
        return numbers

    def _header(self) -> None:
        """All but its first line, which is a comment."""
        line = self._line()
        try:
            scale = float(line.split()[0])
        except (ValueError, IndexError):
            raise DataError(
                f"{self.source}: expected an XDATCAR with the scale of the cell in its second line, "
                f"got {line.strip()[:60]!r}"
            ) from None
        cell = np.array([self._numbers() for _ in range(3)])
        if scale < 0:  # then it is minus the volume
            scale = float(np.cbrt(-scale / max(abs(np.linalg.det(cell)), 1e-9)))
        names, counts = self._line().split(), self._line().split()
        if not names or len(names) != len(counts) or not all(w.isdigit() and int(w) < MOST for w in counts):
            raise DataError(
                f"{self.source}: expected lines with elements and their numbers, got {' '.join(names)[:40]!r} and "
                f"{' '.join(counts)[:40]!r}; files of VASP 4, which do not name elements, cannot be used"
            )
        clean = [re.split(r"[_/]", n)[0] for n in names]
        symbols = [n for n, many in zip(clean, counts, strict=True) for _ in range(int(many))]
        if self.symbols and symbols != self.symbols:
            raise DataError(f"{self.source}: frame {len(self.frames) + 1}: expected the atoms of the first frame")
        self.symbols, self._cell = symbols, scale * cell

    def _frame(self, number: int) -> None:
        if not self.symbols:
            raise DataError(f"{self.source}: expected a header with the cell and the elements before the first frame")
        fractional = np.array([self._numbers() for _ in self.symbols])
        if self.frames and number <= self._last:
            self.starts.append(len(self.frames))
        self._last = number
        self.frames.append(Frame(cell=self._cell, fractional=fractional))
