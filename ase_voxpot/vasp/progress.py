"""The ionic steps of a vasprun.xml: which are frames, and how far they are apart in time.

Nothing in the file numbers a step.  Steps are counted, those of a machine-learned force field among them; where fewer
are written than were asked for and the rest cannot be accounted for, the motion is used as a check: velocities from
positions must give the kinetic energy in the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase import units

from ase_voxpot.vasp.incar import number, switched_on
from ase_voxpot.vasp.reasons import computed_instead
from ase_voxpot.vasp.words import many, stars

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase_voxpot.vasp.frames import Frame

__all__ = ["Calculations"]

SNAPSHOTS = ": the frames are taken as snapshots, without velocities (--timestep says that they are equally spaced)"
FASTER = 2.0
"""Ratio of the kinetic energy from positions to that of the file, above which frames are not consecutive."""
SLOWER = 0.3
"""Ratio below which the spacing of frames is unknown."""


class Calculations:
    """All steps of one document."""

    def __init__(self, source: str, settings: Mapping[str, str]) -> None:
        self.source = source
        self.frames: list[Frame] = []
        self.learned = 0
        """Steps of a machine-learned force field that are no frames."""
        self.last = 0
        """Steps that were counted."""
        self.bare: list[int] = []
        self._settings = settings
        self._predicted: np.ndarray | None = None  # fractional positions of the step counted last, if it was learned
        self.spoiled: list[tuple[int, str]] = []
        """Complete steps left out for overflowed numbers (stars): number and quantity."""
        self.left_out: list[tuple[int, str]] = []
        """The same, with the number of frames before them."""
        self._without: list[int] = []  # calculations without electronic steps

    def name(self) -> str:
        """Name of the current step for messages."""
        return f"frame {len(self.frames) + len(self.spoiled) + 1}"

    def learn(self, positions: np.ndarray | None) -> None:
        """A structure outside of any calculation: a step of a machine-learned force field."""
        self.last += 1
        self.learned += 1
        self._predicted = positions

    def skip(self) -> None:
        """A calculation without positions or a cell."""
        self.last += 1

    def take(
        self, frame: Frame, loops: Sequence[Mapping[str, float]], overflown: Mapping[str, None], *, energies: bool
    ) -> None:
        """A calculation with positions and a cell."""
        before, self._predicted = self._predicted, None
        if before is not None and before.shape == frame.fractional.shape and np.allclose(before, frame.fractional):
            self.learned -= 1  # the prediction for the step that was computed then
        else:
            self.last += 1
        frame.step = self.last
        if not loops and (switched_on(self._settings, "ML_LMLFF") or self.learned):
            self.learned += 1
        elif overflown:
            self.spoiled.append((self.last, ", ".join(overflown)))
            self.left_out.append((len(self.frames), f"step {self.last}: {', '.join(overflown)}"))
        elif not energies or (frame.forces is None and computed_instead(self._settings)):
            self.bare.append(self.last)
        else:
            frame.converged = self._converged(loops)
            if not loops:
                self._without.append(len(self.frames))
            self.frames.append(frame)

    def _converged(self, loops: Sequence[Mapping[str, float]]) -> bool:
        """Whether a loop ended before NELM, or just then: its last step changed the energy by less than EDIFF.

        If a step before that did so, too, it was the eigenvalues that did not converge.
        """
        most, tolerance = number(self._settings, "NELM"), number(self._settings, "EDIFF")
        if most is None or len(loops) < most:
            return True
        energies = np.array([scf.get("e_fr_energy", np.nan) for scf in loops[-3:]])
        if tolerance is None or len(energies) < 3 or not np.isfinite(energies).all():
            return False
        before, last = np.abs(np.diff(energies))
        return bool(last < tolerance <= before)

    def finish(self) -> None:
        """Calculations without electronic steps among others that have them are of a machine-learned force field."""
        if 0 < len(self._without) < len(self.frames):
            self.learned += len(self._without)
            without = set(self._without)
            self.frames = [f for k, f in enumerate(self.frames) if k not in without]
        self._without = []

    def notes(self, source: str) -> list[str]:
        """Sentences on steps left out."""
        found = []
        if self.learned:
            found.append(
                f"{source}: the {many(len(self.frames), 'step')} computed with DFT are used; {self.learned} of a "
                "machine-learned force field (ML_LMLFF) are left out"
            )
        if self.bare:
            found.append(f"{source}: {many(len(self.bare), 'ionic step')} without energies left out")
        return [*found, *stars(source, self.spoiled)]

    def doubt(self, masses: np.ndarray, tick: float, *, cut: bool) -> str | None:
        """Reason why the frames are not consecutive steps; None if they are.

        Args:
            masses: amu.
            tick: fs, POTIM.
            cut: whether the job did not come to its end, so that steps are missing at the end.
        """
        asked, block = number(self._settings, "NSW"), number(self._settings, "NBLOCK") or 1.0
        if asked is None or self.last >= asked or len(self.frames) < 2:
            return None
        many = f"the file holds {self.last} of {asked:g} steps (NSW)"
        if switched_on(self._settings, "ML_LMLFF") and not self.learned:
            return f"{many} of a run with a machine-learned force field (ML_LMLFF), without telling which{SNAPSHOTS}"
        ratio = self._speed(masses, tick)
        if ratio is not None and ratio > FASTER:
            times = f"{ratio**0.5:.1f} times as far from frame to frame as their kinetic energy and POTIM allow"
            return f"{many}, and atoms move {times}{SNAPSHOTS}"
        known = ratio is not None and ratio > SLOWER
        if not known and not cut and len(self.frames) > 2:
            every = f", as if only every {block:g}th were written (NBLOCK)" if self.last == asked // block else ""
            return f"{many}{every}, though the job ended normally, and nothing tells which{SNAPSHOTS}"
        return None

    def _speed(self, masses: np.ndarray, tick: float) -> float | None:
        """Median over frames of the kinetic energy from central differences over that of the file."""
        ratios = []
        for a, b, c in zip(self.frames, self.frames[1:], self.frames[2:], strict=False):
            if b.temperature is None or b.temperature < 1 or (c.step or 0) - (a.step or 0) != 2:
                continue
            moved = [x - np.round(x) for x in (b.fractional - a.fractional, c.fractional - b.fractional)]
            speed = (moved[0] + moved[1]) @ b.cell / (2 * tick * units.fs)
            speed -= masses @ speed / masses.sum()
            kelvin = (masses[:, None] * speed**2).sum() / ((3 * len(masses) - 3) * units.kB)
            ratios.append(kelvin / b.temperature)
        found = float(np.median(ratios)) if ratios else np.nan
        return found if np.isfinite(found) else None
