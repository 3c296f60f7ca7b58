"""Analysis of a coexistence simulation: phases, temperature of coexistence and its error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from ase import units

from ase_voxpot.properties.phases import Boundary, bond_order, layers
from ase_voxpot.statistics import Estimate, block_average

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["FEWEST", "Melting", "crystalline", "is_single", "judge", "lasting"]

VANISHED = 0.1
"""Fraction of the atoms below which a phase has vanished."""
LASTING = 1.0
"""ps, after which a phase counts as vanished."""
SETTLING = 0.25
"""Fraction of the coexistence that is discarded as equilibration."""
BLOCKS = 4
"""Blocks for errors; motion of interfaces is correlated over some ps."""
FEWEST = 20
"""Least number of frames of a mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Melting:
    """Observables per frame, and the melting point."""

    guess: float  # K
    verdict: Literal["coexistence", "frozen", "molten"]
    temperature: Estimate | None  # K, of coexistence; none when a phase vanished
    drift: Estimate  # K, second half of the counted frames less the first
    counted: slice  # frames of the mean
    times: Float[np.ndarray, " frame"]  # ps
    temperatures: Float[np.ndarray, " frame"]  # K
    along: Float[np.ndarray, " frame"]  # GPa, pressure along the normal
    across: Float[np.ndarray, " frame"]  # GPa, across it
    crystalline: Float[np.ndarray, " frame"]  # part of the atoms in the crystal
    profile: Float[np.ndarray, "frame layer"]  # order: 0 as in the melt, 1 as in the crystal
    boundary: Boundary
    last: Atoms  # the last frame, with the order of every atom under "order"

    @property
    def end(self) -> float:
        """K, of the last frames."""
        return float(self.temperatures[-FEWEST:].mean())

    @property
    def better_guess(self) -> float:
        """K, a better initial temperature if a phase has vanished.

        Freezing half of the cell heats it by L / 2c, and coexistence spans as much on either
        side of a guess.  The melting point is beyond the end, the nearer the longer the phase took to vanish.
        """
        return self.end + (self.end - self.guess) / 4

    def sentence(self) -> str:
        """The result in a sentence, with advice."""
        if self.temperature is None:
            lost, way, side = ("melt", "raise", "above") if self.verdict == "frozen" else ("crystal", "lower", "below")
            return (
                f"the {lost} has vanished after {self.times[max(self.counted.stop - 1, 0)]:.1f} ps, all is "
                f"{self.verdict} at {self.end:.0f} K: the melting point lies {side} that; {way} the guess of "
                f"{self.guess:.0f} K to {self.better_guess:.0f} K, or take a larger cell if it was close"
            )
        text = f"crystal and melt coexist at {self.temperature.value:.0f} ± {self.temperature.error:.0f} K"
        if self.drifts:
            text += f", but the temperature still goes {'up' if self.drift.value > 0 else 'down'}: run longer"
        return text

    @property
    def drifts(self) -> bool:
        """Whether the halves of the counted time differ by more than three standard errors and 3 %."""
        return abs(self.drift.value) > max(3 * self.drift.error, 0.03 * abs(self.guess))


def crystalline(atoms: Atoms, boundary: Boundary) -> float:
    """Fraction of the atoms in the crystal."""
    return float((bond_order(atoms) > boundary.value).mean())


def is_single(part: float) -> bool:
    """Whether a crystalline fraction means a single phase."""
    return not VANISHED <= part <= 1 - VANISHED


def lasting(interval: float) -> int:
    """Frames for which a phase has to be gone, ``interval`` fs apart."""
    return max(2, round(1000 * LASTING / interval))


def _verdict(parts: Float[np.ndarray, " frame"], least: int) -> tuple[Literal["coexistence", "frozen", "molten"], int]:
    """The phases at the end, and the number of frames with two phases."""
    single = np.array([is_single(part) for part in parts])
    both = len(single) - int(np.argmin(single[::-1])) if not single.all() else 0
    if len(single) - both < least:
        return "coexistence", len(single)
    return ("frozen" if parts[-1] > 0.5 else "molten"), both


def _drift(series: Float[np.ndarray, " frame"]) -> Estimate:
    """Difference of the two halves by a linear fit, with an error from its residuals."""
    count = 2 * BLOCKS
    if len(series) < count:
        return Estimate(0.0, 0.0)
    means = np.array([part.mean() for part in np.array_split(series, count)])
    place = np.arange(count) - (count - 1) / 2
    slope = float(place @ means / (place @ place))
    rest = means - means.mean() - slope * place
    error = float(np.sqrt(rest @ rest / (count - 2) / (place @ place)))
    return Estimate(slope * count / 2, error * count / 2)


def judge(frames: Sequence[Atoms], boundary: Boundary, *, guess: float, interval: float) -> Melting:
    """Evaluate the frames of a coexistence simulation.

    Args:
        frames: with momenta and stress, centre of mass at rest.
        boundary: between the phases.
        guess: K, initial temperature.
        interval: fs from frame to frame.
    """
    atoms = len(frames[0])
    count = max(8, round(frames[0].cell[2, 2] / 3.0))
    span = boundary.crystal - boundary.melt
    parts, profile, temperatures, pressures = [], [], [], []
    for frame in frames:
        order = bond_order(frame)
        parts.append(float((order > boundary.value).mean()))
        height = frame.get_scaled_positions()[:, 2]
        profile.append((layers(height, order, count) - boundary.melt) / span)
        # three degrees of freedom less than ASE counts
        temperatures.append(frame.get_temperature() * atoms / (atoms - 1))
        stress = frame.get_stress(include_ideal_gas=True, apply_constraint=False)
        pressures.append((-stress[2] / units.GPa, -stress[:2].mean() / units.GPa))
    times = np.arange(len(frames)) * interval / 1000
    last = frames[-1].copy()
    last.set_array("order", (bond_order(last) - boundary.melt) / span)
    verdict, both = _verdict(np.array(parts), lasting(interval))
    counted = slice(round(SETTLING * both), max(both, 2))
    kept = np.array(temperatures)[counted]
    mean, drift = block_average(kept), _drift(kept)
    # the temperature follows the slow motion of the interfaces, which short blocks would miss
    quarters = [part.mean() for part in np.array_split(kept, BLOCKS) if len(part)]
    slow = float(np.std(quarters) / np.sqrt(BLOCKS - 1))
    mean = Estimate(mean.value, max(mean.error, slow, abs(drift.value) / 2))
    return Melting(
        guess=guess,
        verdict=verdict,
        temperature=mean if verdict == "coexistence" else None,
        drift=drift,
        counted=counted,
        times=times,
        temperatures=np.array(temperatures),
        along=np.array(pressures)[:, 0],
        across=np.array(pressures)[:, 1],
        crystalline=np.array(parts),
        profile=np.array(profile),
        boundary=boundary,
        last=last,
    )
