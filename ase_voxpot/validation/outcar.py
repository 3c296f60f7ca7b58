"""OUTCAR, line by line.

An ionic step is complete with the line of its last energies.  Of the two that look alike,
``free  energy   TOTEN`` (two blanks) is that of the step, ``free energy    TOTEN`` that of an
electronic step; the former does not hold PSTRESS times the volume.
"""

from __future__ import annotations

import re
from itertools import chain, repeat
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import DataError
from ase_voxpot.validation.frames import Frame, build
from ase_voxpot.validation.opening import Stream
from ase_voxpot.validation.vasprun import voigt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ase_voxpot.validation.frames import Run

__all__ = ["read_outcar"]

NUMBER = r"([-+.\dEe*]+|NaN)"
SETTING = re.compile(r"\b([A-Z][A-Z0-9_]+) *= *([^\s;]+)")
WANTED = {"ENCUT", "GGA", "METAGGA", "LHFCALC", "LDAU", "ISMEAR", "SIGMA", "ISPIN", "LSORBIT", "IBRION", "ISIF", "PREC"}
WANTED |= {"POTIM", "TEBEG", "TEEND", "PSTRESS", "SMASS", "MDALGO", "IVDW", "NSW", "EDIFF", "NBLOCK", "LUSE_VDW"}
FREE = re.compile(rf"^ *free  energy   TOTEN *= *{NUMBER}")
ZERO = re.compile(rf"^ *energy  without entropy *= *{NUMBER} +energy\(sigma->0\) *= *{NUMBER}")
TEMPERATURE = re.compile(rf"\(temperature *{NUMBER} K\)")
MOST = 1_000_000
"""Atoms beyond which this is no file of VASP."""


def read_outcar(path: Path) -> list[Run]:
    """The runs in a file: one, or as many as were concatenated.

    Raises:
        DataError: no complete ionic step, or numbers that make no sense.
    """
    stream = Stream(path)
    jobs = [_Job(str(path))]
    lines = stream.lines()
    for line in lines:
        if line.startswith(" vasp.") and jobs[-1].counts:
            jobs.append(_Job(str(path)))
        jobs[-1].take(line, lines)
    jobs[-1].cut |= stream.cut
    runs = [job.run(part=k, of=len(jobs)) for k, job in enumerate(jobs, 1) if job.frames]
    if not runs:
        build([], source=str(path), kind="OUTCAR", symbols=(), settings={})
    return runs


class _Job:
    """What one run has written so far."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.frames: list[Frame] = []
        self.counts: list[int] = []
        self.cut = False
        self._settings: dict[str, str] = {}
        self._elements: list[str] = []
        self._titles: list[str] = []
        self._potcars: list[str] = []
        self._masses: list[float] = []
        self._cell: np.ndarray | None = None
        self._stress: np.ndarray | None = None
        self._rows: np.ndarray | None = None
        self._free: float | None = None
        self._finished = False

    def take(self, line: str, rest: Iterator[str]) -> None:
        """One line; blocks take what follows from ``rest``."""
        if "TOTAL-FORCE (eV/Angst)" in line:
            next(rest, "")
            self._rows = self._block(rest, sum(self.counts), 6)
        elif "direct lattice vectors" in line:
            cell = self._block(rest, 3, 6)
            self._cell = None if cell is None else cell[:, :3]
        elif not self._energy(line) and not self.frames:
            self._head(line)

    def _energy(self, line: str) -> bool:
        """Whether this is a line of energies, stress or temperature."""
        if line.startswith("  in kB "):
            self._stress = self._kilobar(line)
        elif found := FREE.match(line):
            self._free = self._number(found[1])
        elif found := ZERO.match(line):
            self._finish(self._number(found[2]))
        elif (found := TEMPERATURE.search(line)) and self.frames:
            self.frames[-1].temperature = self._number(found[1])
        elif "General timing and accounting" in line:
            self._finished = True
        else:
            return False
        return True

    def _head(self, line: str) -> None:
        if "VRHFIN" in line:
            self._elements.append(line.split("=", 1)[-1].split(":")[0].strip())
        elif "TITEL" in line:
            self._titles.append(line.split("=", 1)[-1].strip()[:80])
        elif line.startswith(" POTCAR:"):
            self._potcars.append(line.split(":", 1)[-1].strip()[:80])
        elif "ions per type" in line:
            self._count(line)
        elif line.startswith("   POMASS =") and ";" not in line:
            self._masses = [self._number(w) for w in re.findall(r"\d+\.\d{2}", line)]
        else:
            self._settings = {n: v for n, v in SETTING.findall(line) if n in WANTED} | self._settings

    def _count(self, line: str) -> None:
        self.counts = [int(w) if w.isdigit() else 0 for w in line.split("=", 1)[-1].split()]
        if not 0 < sum(self.counts) < MOST:
            raise DataError(f"{self.source}: expected numbers of ions per type, got {line.strip()[:60]!r}")

    def _number(self, text: str) -> float:
        try:
            return float(text)
        except ValueError:
            raise DataError(
                f"{self.source}: frame {len(self.frames) + 1}: expected a number, got {text[:40]!r}"
            ) from None

    def _block(self, rest: Iterator[str], rows: int, columns: int) -> np.ndarray | None:
        """The next lines as numbers; None if the file ends before they do."""
        lines = [line for _, line in zip(range(rows), chain(rest, repeat(None)))]  # noqa: B905
        if None in lines:
            return None
        # six columns may touch where numbers are large
        words = [re.findall(r"-?\d+\.\d+|\S+", line or "") for line in lines]
        if any(len(row) != columns for row in words):
            wrong = next(line for line, row in zip(lines, words, strict=True) if len(row) != columns)
            raise DataError(
                f"{self.source}: frame {len(self.frames) + 1}: expected {columns} numbers in a line, "
                f"got {(wrong or '').strip()[:60]!r}"
            )
        return np.array([[self._number(w) for w in row] for row in words])

    def _kilobar(self, line: str) -> np.ndarray | None:
        """XX YY ZZ XY YZ ZX."""
        words = re.findall(r"-?\d+\.\d+|\S+", line.split("kB", 1)[1])
        if len(words) != 6:
            return None
        xx, yy, zz, xy, yz, zx = (self._number(w) for w in words)
        return voigt(np.array([[xx, xy, zx], [xy, yy, yz], [zx, yz, zz]]))

    def _finish(self, zero: float) -> None:
        if self._rows is None or self._cell is None or self._free is None:
            return
        try:
            fractional = self._rows[:, :3] @ np.linalg.inv(self._cell)
        except np.linalg.LinAlgError:
            raise DataError(f"{self.source}: frame {len(self.frames) + 1}: expected a cell with a volume") from None
        self.frames.append(
            Frame(
                cell=self._cell,
                fractional=fractional,
                energies={"free": self._free, "zero": zero},
                forces=self._rows[:, 3:],
                stress=self._stress,
            )
        )
        self._rows = self._stress = self._free = None

    def _symbols(self) -> list[str]:
        titles, potcars = (
            [t.split()[1].split("_")[0] if len(t.split()) > 1 else "" for t in lines]
            for lines in (self._titles, self._potcars)
        )
        for elements in (self._elements, titles, potcars):
            # some versions name every type twice
            for names in (elements, elements[: len(elements) // 2]):
                if len(names) == len(self.counts):
                    return [
                        {"r": "Zr"}.get(n, n) for n, many in zip(names, self.counts, strict=True) for _ in range(many)
                    ]
        raise DataError(
            f"{self.source}: expected {len(self.counts)} elements, one per type of ions, "
            f"got {', '.join(self._elements)[:60] or 'none'}"
        )

    def run(self, *, part: int, of: int) -> Run:
        symbols = self._symbols()
        notes = []
        if self.cut or not self._finished:
            whose = f"{self.source}{f' (part {part} of {of})' if of > 1 else ''}"
            notes.append(f"{whose} was cut off by a killed job: its {len(self.frames)} complete ionic steps are used")
        moving = self._settings.get("IBRION", "0") == "0"
        kinds = list(dict.fromkeys(symbols))
        masses = dict(zip(kinds, self._masses, strict=True)) if len(kinds) == len(self._masses) else {}
        return build(
            self.frames,
            source=self.source,
            kind="OUTCAR",
            symbols=symbols,
            settings=self._settings | {"POTCAR": "; ".join(dict.fromkeys(self._titles or self._potcars))},
            masses=masses,
            interval=(self._number(self._settings.get("POTIM", "0")) or None) if moving else None,
            notes=notes,
        )
