"""Reader of XDATCAR: cells and fractional positions.

Every frame begins with ``Direct configuration=`` and the number of the step (every NBLOCK-th is written);
in old files with an empty line.  The header comes once, or before every frame when the cell changes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import DataError
from ase_voxpot.vasp.building import build
from ase_voxpot.vasp.elements import repeated
from ase_voxpot.vasp.fortran import Overflow, numbers
from ase_voxpot.vasp.frames import Frame
from ase_voxpot.vasp.opening import Stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ase_voxpot.vasp.frames import Run

__all__ = ["read_xdatcar"]

CONFIGURATION = re.compile(r"\s*(?:Direct\s+configuration|Konfig)", re.IGNORECASE)
COUNTER = re.compile(r"=\s*(\d+)")
MOST = 1_000_000


class _Cut(Exception):  # noqa: N818
    """The file ended within a frame."""


def read_xdatcar(path: Path) -> list[Run]:
    """The runs in a file: one, or as many as were concatenated, which count their steps from the beginning.

    Raises:
        DataError: no complete frame, other atoms further down, or numbers that make no sense.
    """
    stream = Stream(path)
    reader = _Reader(str(path), stream.lines())
    try:
        reader.read()
    except _Cut:
        stream.cut = True
    parts = [(part, out) for part, out in zip(reader.parts, reader.left_out, strict=True) if part]
    if not parts:
        raise DataError(f"{path}: expected at least one complete frame, got none{reader.named_stars()}")
    notes = [f"{path} holds positions only: energies, forces and stress cannot be compared"]
    if stream.cut:
        notes.append(f"{path} was cut off by a killed job: its {len(reader)} complete frames are used")
    if reader.stars:
        notes.append(f"{path}: {len(reader.stars)} frames are left out{reader.named_stars()}")
    return [
        build(
            part,
            source=str(path),
            kind="XDATCAR",
            symbols=reader.symbols,
            settings={},
            notes=() if k else notes,
            left_out=left_out,
        )
        for k, (part, left_out) in enumerate(parts)
    ]


class _Reader:
    def __init__(self, source: str, lines: Iterator[str]) -> None:
        self.source = source
        self.parts: list[list[Frame]] = [[]]
        self.symbols: list[str] = []
        self.left_out: list[list[tuple[int, str]]] = [[]]
        self.stars: list[int] = []
        """Numbers of frames that hold stars."""
        self._lines = lines
        self._ahead: list[str] = []
        self._cell = np.eye(3)
        self._last = 0
        self._stride = 1

    def __len__(self) -> int:
        """Complete frames so far."""
        return sum(map(len, self.parts))

    @property
    def count(self) -> int:
        """Frames so far, complete or with stars."""
        return len(self) + len(self.stars)

    def named_stars(self) -> str:
        """Which frames hold stars, to end a sentence with."""
        if not self.stars:
            return ""
        named = ", ".join(map(str, self.stars[:5])) + (", …" if len(self.stars) > 5 else "")
        return f", as numbers in them are stars, too large for their columns (frames {named})"

    def read(self) -> None:
        """All frames.

        Raises:
            _Cut: the file ends within a frame.
        """
        while (line := self._next()) is not None:
            if CONFIGURATION.match(line):
                found = COUNTER.search(line)
                self._frame(int(found[1]) if found else self._last + self._stride)
            elif not line.strip() and self.symbols and self._is_row(self._peek()):
                self._frame(self._last + self._stride)
            elif line.strip() or self._begins_header():
                self._header()

    def _next(self) -> str | None:
        return self._ahead.pop(0) if self._ahead else next(self._lines, None)

    def _peek(self, distance: int = 0) -> str:
        """A line further on; empty behind the end."""
        while len(self._ahead) <= distance and (line := next(self._lines, None)) is not None:
            self._ahead.append(line + "\n")
        return self._ahead[distance] if len(self._ahead) > distance else ""

    @staticmethod
    def _is_row(line: str) -> bool:
        """Whether a line holds the positions of an atom."""
        try:
            return len(numbers(line)) >= 3
        except Overflow:
            return True
        except ValueError:
            return False

    def _begins_header(self) -> bool:
        """Whether an empty line is the comment of a header: a scale and a vector follow."""
        return len(self._peek().split()) == 1 and self._is_row(self._peek(1))

    def _line(self) -> str:
        line = self._next()
        if line is None:
            raise _Cut
        return line

    def _three(self, what: str) -> list[float]:
        line = self._line()
        try:
            return numbers(line, 3)
        except Overflow:
            raise
        except ValueError:
            raise DataError(
                f"{self.source}: frame {self.count + 1}: expected three numbers of {what}, got {line.strip()[:60]!r}"
            ) from None

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
        try:
            cell = np.array([self._three("a cell vector") for _ in range(3)])
        except Overflow as error:
            raise DataError(f"{self.source}: frame {self.count + 1}: cell: {error}") from None
        if scale < 0:  # then it is minus the volume
            scale = float(np.cbrt(-scale / max(abs(np.linalg.det(cell)), 1e-9)))
        names, counts = self._line().split(), self._line().split()
        if not names or len(names) != len(counts) or not all(w.isdigit() and int(w) < MOST for w in counts):
            raise DataError(
                f"{self.source}: expected lines with elements and their numbers, got {' '.join(names)[:40]!r} and "
                f"{' '.join(counts)[:40]!r}; files of VASP 4, which do not name elements, cannot be used"
            )
        symbols = repeated([re.split(r"[_/]", n)[0] for n in names], map(int, counts))
        if self.symbols and symbols != self.symbols:
            raise DataError(f"{self.source}: frame {self.count + 1}: expected the atoms of the first frame")
        self.symbols, self._cell = symbols, scale * cell

    def _frame(self, number: int) -> None:
        if not self.symbols:
            raise DataError(f"{self.source}: expected a header with the cell and the elements before the first frame")
        while self._peek() and not self._peek().strip():
            self._next()
        rows = np.full((len(self.symbols), 3), np.nan)
        stars = False
        for k in range(len(rows)):
            try:
                rows[k] = self._three("a position")
            except Overflow:
                stars = True
        if self.parts[-1] and number <= self._last:
            self.parts.append([])
            self.left_out.append([])
        elif self._last:
            self._stride = max(1, number - self._last)
        self._last = number
        if stars:
            self.stars.append(self.count + 1)
            self.left_out[-1].append((len(self.parts[-1]), "positions"))
        else:
            self.parts[-1].append(Frame(cell=self._cell, fractional=rows, step=number))
