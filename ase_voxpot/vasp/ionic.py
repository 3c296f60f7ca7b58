"""Assembly of the ionic steps of an OUTCAR from its lines, whose order depends on the version."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ase_voxpot.errors import DataError
from ase_voxpot.vasp.frames import Frame
from ase_voxpot.vasp.words import many, ranges, stars

__all__ = ["Step", "Steps"]


@dataclass(slots=True)
class Step:
    """One ionic step, as far as it has been read."""

    number: int | None = None
    loops: int = 0  # electronic steps
    converged: bool | None = None  # of the electronic loop, if the file states it
    cell: np.ndarray | None = None  # Å, rows; NaN for stars
    rows: np.ndarray | None = None  # Å and eV/Å
    tabled: bool = False  # whether a table began, complete or not
    stress: np.ndarray | None = None  # eV/Å³
    energies: dict[str, float] = field(default_factory=dict)  # eV
    temperature: float | None = None  # K
    stars: dict[str, None] = field(default_factory=dict)  # what is stars, in the order of the file

    @property
    def empty(self) -> bool:
        """Whether nothing has been read, not even its number."""
        return self.number is None and not (self.energies or self.tabled) and self.stress is None

    @property
    def complete(self) -> bool:
        """Whether it makes a frame."""
        return self.rows is not None and self.cell is not None and {"free", "zero"} <= set(self.energies)


class Steps:
    """All steps of a job, closed one after the other.

    The order of table and energies is taken from the first step: files without
    ``Iteration`` lines have no other mark of the end of a step.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.parts: list[list[Frame]] = [[]]
        """Frames; more than one list where the numbers of the steps begin again."""
        self.learned = 0
        """Blocks of a machine-learned force field."""
        self.last = 0
        """The highest number of a step with energies."""
        self.bare: list[int] = []
        """Steps with energies and no table."""
        self.limit: int | None = None
        """NELM, largest number of electronic steps."""
        self.open: Step | None = None
        self.loops = (0, 0)
        """Ionic and electronic step that were begun last."""
        self.spoiled: list[tuple[int, str]] = []
        """Complete steps left out for overflowed numbers (stars): number and quantity."""
        self.left_out: list[list[tuple[int, str]]] = [[]]
        """The same for every part, with the number of frames before them."""
        self._cold: list[int] = []
        self._torn: list[int] = []
        self._first: str | None = None
        self._count = 0

    def current(self) -> Step:
        """The step that is open."""
        if self.open is None:
            self.open = Step()
        return self.open

    def name(self) -> str:
        """Name of the open step for messages: its place among the frames, and its number if that differs."""
        place = sum(map(len, self.parts)) + len(self.spoiled) + 1
        number = None if self.open is None else self.open.number
        return f"frame {place}" + ("" if number in (None, place) else f" (step {number})")

    def iterate(self, number: str, loop: str) -> None:
        """An electronic step begins."""
        step = self.open
        done = 0 if step is None else step.loops
        i = int(loop) if loop.isdigit() else done + 1
        # a number too large for its field is stars: the next one if the electronic steps begin again
        n = int(number) if number.isdigit() else self.loops[0] + (i == 1)
        if step is None or i <= done or (step.number != n and not step.empty):
            self.close()
            step = self.current()
        step.number, step.loops = n, max(step.loops, i)
        self.loops = (n, i)

    def with_table(self) -> Step:
        """The step that a table belongs to."""
        step = self.open
        if step is not None and (step.tabled or (step.energies and self._first == "table" and not step.loops)):
            self.close()
        self._first = self._first or ("energy" if self.current().energies else "table")
        step = self.current()
        step.tabled = True
        return step

    def with_stress(self) -> Step:
        """The step that a stress belongs to: the next one if this one is complete and steps are not numbered."""
        step = self.open
        if step is not None and not step.loops and (step.stress is not None or step.complete):
            self.close()
        return self.current()

    def energy(self, name: str, text: str) -> None:
        """An energy of the step."""
        step = self.open
        if step is not None and (name in step.energies or (step.tabled and self._first == "energy" and not step.loops)):
            self.close()
        step = self.current()
        self._first = self._first or ("table" if step.tabled else "energy")
        if "*" in text:
            step.stars["energy" if name == "free" else "energy(sigma->0)"] = None
            step.energies[name] = float("nan")
        else:
            step.energies[name] = self._number(text)

    def temperature(self, text: str) -> None:
        """That of the step with energies, if one is open."""
        step = self.open
        if step is None or not step.energies:
            return
        if "*" in text:
            step.stars["temperature"] = None
        else:
            step.temperature = self._number(text)

    def _number(self, text: str) -> float:
        try:
            return float(text)
        except ValueError:
            raise DataError(f"{self.source}: {self.name()}: expected a number, got {text[:40]!r}") from None

    def close(self, *, torn: bool = False) -> None:
        """The open step is over; or, if the file ends here without its end, ``torn``."""
        step, self.open = self.open, None
        if step is None:
            return
        if step.energies:
            self._count += 1
            step.number = self._count if step.number is None else step.number
            self.last = max(self.last, step.number)
        if step.complete:
            self._keep(step)
        elif torn:
            return
        elif step.energies and not step.tabled:
            self.bare.append(step.number or 0)
        elif step.tabled:
            self._torn.append(step.number or 0)

    def _keep(self, step: Step) -> None:
        """Keep the step as a frame, unless it contains stars."""
        number = step.number or 0
        if step.stars.pop("temperature", "kept") is None:
            self._cold.append(number)
        if step.stars:
            self.spoiled.append((number, ", ".join(step.stars)))
            self.left_out[-1].append((len(self.parts[-1]), f"step {number}: {', '.join(step.stars)}"))
            return
        assert step.cell is not None and step.rows is not None  # noqa: S101, PT018
        if not np.isfinite(step.cell).all():
            raise DataError(f"{self.source}: {self.name()}: expected finite cell, got NaN or infinity")
        try:
            fractional = step.rows[:, :3] @ np.linalg.inv(step.cell)
        except np.linalg.LinAlgError:
            raise DataError(f"{self.source}: {self.name()}: expected a cell with a volume") from None
        kelvin = step.temperature
        frame = Frame(
            cell=step.cell,
            fractional=fractional,
            energies={"free": step.energies["free"], "zero": step.energies["zero"]},
            forces=step.rows[:, 3:],
            stress=step.stress,
            temperature=kelvin if kelvin is None or np.isfinite(kelvin) else None,
            step=number,
            converged=self._converged(step),
        )
        if self.parts[-1] and number <= (self.parts[-1][-1].step or 0):
            self.parts.append([])
            self.left_out.append([])
        self.parts[-1].append(frame)

    def _converged(self, step: Step) -> bool:
        """Convergence of the electronic loop as stated in the file; else whether it had fewer than NELM steps."""
        if step.converged is not None:
            return step.converged
        return self.limit is None or step.loops < self.limit

    def notes(self, source: str) -> list[str]:
        """Sentences on steps left out."""
        found = []
        frames = sum(map(len, self.parts))
        if self.learned:
            found.append(
                f"{source}: the {many(frames, 'step')} computed with DFT are used; the machine-learned force field "
                f"(ML_LMLFF), which wrote energies and forces of its own {many(self.learned, 'time')}, is left out"
            )
        if self.bare:
            found.append(
                f"{source}: {len(self.bare)} of {many(len(self.bare) + frames + len(self.spoiled), 'step')} have "
                "energies, but no table of positions and forces (NWRITE = 0 writes few), and are left out"
            )
        if self._torn:
            found.append(
                f"{source}: {many(len(self._torn), 'step')} ({ranges(self._torn)}) with a table of positions and "
                "forces, but without energies, left out"
            )
        if self._cold:
            which = f"{many(len(self._cold), 'step')} ({ranges(self._cold)})"
            found.append(f"{source}: the temperature of {which} is stars: not known")
        return [*found, *stars(source, self.spoiled)]
