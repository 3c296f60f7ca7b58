"""OUTCAR, line by line.

An ionic step is the part between one ``Iteration n(`` and the next: its table of positions and
forces and its energies, in an order that depends on the version.  Of two similar lines,
``free  energy   TOTEN`` (two blanks) is that of the step, ``free energy    TOTEN`` that of an
electronic step; the former does not hold PSTRESS times the volume.

In runs with a machine-learned force field every step has a block of its predictions, whose
lines say ML; only the steps that were computed with DFT, too, are frames.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import DataError
from ase_voxpot.vasp.building import build
from ase_voxpot.vasp.elements import repeated, symbol_of
from ase_voxpot.vasp.fortran import Overflow, numbers
from ase_voxpot.vasp.frames import Run
from ase_voxpot.vasp.ionic import Steps
from ase_voxpot.vasp.opening import Stream
from ase_voxpot.vasp.reasons import Seen, no_steps
from ase_voxpot.vasp.vasprun import voigt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["read_outcar"]

SETTING = re.compile(r"\b([A-Z][A-Z0-9_]+) *= *([^\s;!#]+)")
WANTED = {"ENCUT", "GGA", "METAGGA", "LHFCALC", "LDAU", "ISMEAR", "SIGMA", "ISPIN", "LSORBIT", "IBRION", "ISIF", "PREC"}
WANTED |= {"POTIM", "TEBEG", "TEEND", "PSTRESS", "SMASS", "MDALGO", "IVDW", "NSW", "EDIFF", "NBLOCK", "LUSE_VDW"}
WANTED |= {"NELM", "ALGO", "ML_LMLFF", "ML_MODE", "NWRITE"}
MARK = re.compile(
    r"TOTAL-FORCE|lattice vectors|in kB|energy|temperature|Iteration|aborting loop|FORCE on|General timing"
)
"""Regular expression of the lines that are parsed after the settings."""
ITERATION = re.compile(r"-- *Iteration *(\d+|\*+) *\( *(\d+|\*+)\)")
FREE = re.compile(r"^ *free  energy   TOTEN *= *(\S+)")
ZERO = re.compile(r"^ *energy  without entropy *= *\S+.*? energy\(sigma->0\) *= *(\S+)")
TEMPERATURE = re.compile(r"\(temperature *([^\sK]+) *K\)")
MOST = 1_000_000
"""Largest number of atoms."""


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
    for job in jobs:
        job.end()
    runs = [run for k, job in enumerate(jobs, 1) for run in job.runs(part=k, of=len(jobs))]
    if not runs:
        raise DataError(jobs[-1].nothing())
    return runs


class _Job:
    """The part of a file written by one job."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.steps = Steps(source)
        self.counts: list[int] = []
        self.cut = False
        self._settings: dict[str, str] = {}
        self._elements: list[str] = []
        self._titles: list[str] = []
        self._potcars: list[str] = []
        self._masses: list[float] = []
        self._cell: np.ndarray | None = None
        self._cell_stars = False
        self._learned = False  # whether the block that is read is that of a machine-learned force field
        self._begun = False
        self._finished = False

    def take(self, line: str, rest: Iterator[str]) -> None:
        """Parse one line; blocks read further lines from ``rest``."""
        if not MARK.search(line):
            if not self._begun:
                self._head(line)
        elif "lattice vectors" in line:
            self._lattice(line, rest)
        elif "TOTAL-FORCE (eV/Angst)" in line:
            self._forces(line, rest)
        elif found := ITERATION.search(line):
            self._begin()
            self.steps.iterate(found[1], found[2])
        elif not self._values(line) and not self._begun:
            self._head(line)

    def _values(self, line: str) -> bool:
        """Whether this is a line of energies, stress, temperature or of how a loop ended."""
        if line.startswith("  in kB "):
            if not self._learned:
                self._stress(line)
        elif "energy" in line:
            return self._energy(line)
        elif found := TEMPERATURE.search(line):
            self.steps.temperature(found[1])
        elif "aborting loop" in line:
            self.steps.current().converged = "EDIFF is reached" in line
        elif "FORCE on cell" in line:
            self._begin(learned="ML FORCE" in line)
        elif "General timing and accounting" in line:
            self._finished = True
        else:
            return False
        return True

    def _energy(self, line: str) -> bool:
        """Whether this is a line of the energies of an ionic step, or of the temperature that comes with one."""
        if found := FREE.match(line):
            self._begin()
            self.steps.energy("free", found[1])
        elif found := ZERO.match(line):
            self.steps.energy("zero", found[1])
        elif " energy ML TOTEN" in line:
            self._begin(learned=True)
            self.steps.learned += 1
        elif found := TEMPERATURE.search(line):
            self.steps.temperature(found[1])
        else:
            return False
        return True

    def _begin(self, *, learned: bool = False) -> None:
        """End of the settings; what follows is of DFT, or of a machine-learned force field after a step of DFT."""
        if not self._begun:
            limit = self._settings.get("NELM", "")
            self.steps.limit = int(limit) if limit.isdigit() else None
        self._begun, self._learned = True, learned
        if learned:
            self.steps.close()

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
            self._masses = [float(w) for w in re.findall(r"\d+\.\d{2}", line)]
        else:
            self._settings = {n: v for n, v in SETTING.findall(line) if n in WANTED} | self._settings

    def _count(self, line: str) -> None:
        self.counts = [int(w) if w.isdigit() else 0 for w in line.split("=", 1)[-1].split()]
        if not 0 < sum(self.counts) < MOST:
            raise DataError(f"{self.source}: expected numbers of ions per type, got {line.strip()[:60]!r}")

    def _lattice(self, line: str, rest: Iterator[str]) -> None:
        if "direct lattice vectors" in line:
            self._cell, self._cell_stars = self._block(rest, 3, 3, "cell")

    def _forces(self, line: str, rest: Iterator[str]) -> None:
        """The table of positions and forces; columns behind the sixth are forces without van der Waals."""
        self._begin(learned="(ML)" in line)
        if self._learned:
            return
        step = self.steps.with_table()
        next(rest, "")
        step.rows, stars = self._block(rest, sum(self.counts), 6, "positions or forces")
        step.cell = self._cell
        step.stars |= dict.fromkeys(["positions or forces"] * stars + ["cell"] * self._cell_stars)

    def _block(self, rest: Iterator[str], rows: int, columns: int, what: str) -> tuple[np.ndarray | None, bool]:
        """The first numbers of the next lines, and whether some are stars; None if the file ends before they do."""
        lines = list(islice(rest, rows))
        if len(lines) < rows:
            return None, False
        found, stars = np.full((rows, columns), np.nan), False
        for k, line in enumerate(lines):
            try:
                found[k] = numbers(line, columns)
            except Overflow:
                stars = True
            except ValueError:
                raise DataError(
                    f"{self.source}: {self.steps.name()}: expected {columns} numbers in a line of {what}, "
                    f"got {line.strip()[:60]!r}"
                ) from None
        return found, stars

    def _stress(self, line: str) -> None:
        """XX YY ZZ XY YZ ZX, the first time in a step."""
        step = self.steps.with_stress()
        if step.stress is not None or "stress" in step.stars:
            return
        try:
            xx, yy, zz, xy, yz, zx = numbers(line.split("kB", 1)[1], 6)
        except Overflow:
            step.stars["stress"] = None
        except ValueError:
            return
        else:
            step.stress = voigt(np.array([[xx, xy, zx], [xy, yy, yz], [zx, yz, zz]]))

    def end(self) -> None:
        """No more lines come; of a killed job the last step may be incomplete."""
        self.cut |= not self._finished
        self.steps.close(torn=self.cut)

    def nothing(self) -> str:
        """Why there is no frame."""
        seen = Seen(
            learned=self.steps.learned,
            bare=len(self.steps.bare),
            spoiled=self.steps.spoiled,
            loops=self.steps.loops,
            finished=self._finished,
        )
        return no_steps(self.source, seen, self._settings, kind="OUTCAR")

    def runs(self, *, part: int, of: int) -> list[Run]:
        """One; or more, where a job began again without a header."""
        if not any(self.steps.parts):
            return []
        whose = f"{self.source}{f' (part {part} of {of})' if of > 1 else ''}"
        symbols = self._symbols()
        kinds = list(dict.fromkeys(symbols))
        masses = dict(zip(kinds, self._masses, strict=True)) if len(kinds) == len(self._masses) else {}
        settings = self._settings | {"POTCAR": "; ".join(dict.fromkeys(self._titles or self._potcars))}
        notes = self.steps.notes(whose)
        count = sum(map(len, self.steps.parts))
        if self.cut:
            notes.insert(0, f"{whose} was cut off by a killed job: its {count} complete ionic steps are used")
        parts = [(p, out) for p, out in zip(self.steps.parts, self.steps.left_out, strict=True) if p]
        last = max(self.steps.last, self.steps.learned)
        return [
            build(
                frames,
                source=self.source,
                kind="OUTCAR",
                symbols=symbols,
                settings=settings,
                masses=masses,
                tick=self._tick(),
                last=last if len(parts) == 1 else None,
                notes=notes if k == 0 else (),
                left_out=left_out,
            )
            for k, (frames, left_out) in enumerate(parts)
        ]

    def _tick(self) -> float | None:
        """Fs of a step of dynamics."""
        if self._settings.get("IBRION", "0") != "0":
            return None
        try:
            return float(self._settings.get("POTIM", "0")) or None
        except ValueError:
            raise DataError(
                f"{self.source}: expected a number as POTIM, got {self._settings['POTIM'][:40]!r}"
            ) from None

    def _symbols(self) -> list[str]:
        titles, potcars = (
            [t.split()[1].split("_")[0] if len(t.split()) > 1 else "" for t in lines]
            for lines in (self._titles, self._potcars)
        )
        for elements in (self._elements, titles, potcars):
            # some versions name every type twice
            for names in (elements, elements[: len(elements) // 2]):
                if len(names) == len(self.counts):
                    return repeated(map(symbol_of, names), self.counts)
        raise DataError(
            f"{self.source}: expected {len(self.counts)} elements, one per type of ions, "
            f"got {', '.join(self._elements)[:60] or 'none'}"
        )
