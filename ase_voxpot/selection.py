"""Which structures a model would learn most from, were they labelled.

Greedy D-optimal design: the structure whose energy per atom is least certain comes first;
then the posterior is what it would be after its label,

    y_A = R φ_A / n_A,   σ_A = |y_A|,   y_B -> y_B - (1 - s) (y_B·u) u,
    u = y_A / σ_A,   s² = ν² / (σ_A² + ν²)

with ν the error that the model has on frames it was trained on, and so on.  What is like a
frame that was picked becomes certain with it, and is not picked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import ConfigError, DataError, StructureError, VoxPotError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms
    from jaxtyping import Float

    from ase_voxpot.potential import Potential
    from ase_voxpot.uncertainty import Estimate

__all__ = ["Pick", "Selection", "select"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One structure to be labelled."""

    frame: int
    uncertainty: float  # eV/atom, before anything is labelled
    gain: float  # eV/atom, the same once all earlier picks are
    atom: float  # eV, of the least certain of its atoms
    extrapolation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The picks in order, and all structures before and after their labels."""

    picks: list[Pick]
    before: Float[np.ndarray, " frame"]  # eV/atom, NaN of those that could not be taken
    after: Float[np.ndarray, " frame"]  # eV/atom, likewise
    refused: dict[int, str]  # why these could not be taken


def select(
    potential: Potential,
    frames: Sequence[Atoms | VoxPotError],
    *,
    count: int,
    least: float | None = None,
    strict: bool = True,
    observe: Callable[[], None] = lambda: None,
) -> Selection:
    """Pick structures worth labelling.

    Args:
        potential: a model with an uncertainty.
        frames: the structures to choose from, or why one could not be read; labels are not needed and not looked at.
        count: how many to pick at most.
        least: eV/atom; what is more certain is not picked.  The model's own error in
            training by default: labels teach nothing below it.
        strict: raise at the first structure that cannot be taken, instead of telling it with the picks.
        observe: called after every structure.

    Raises:
        SpecError: the model has no uncertainty.
        ConfigError: count or least make no sense.
        StructureError: one of its kinds, naming the frame; if strict, or if no structure can be taken.
        DataError: the uncertainty of a frame is not finite; likewise.
    """
    known = potential.known_uncertainty()
    noise = known.calibration.noise
    least = noise if least is None else least
    if count < 1:
        raise ConfigError(f"count: expected a whole number from 1 on, got {count}")
    if not (least >= 0 and np.isfinite(least)):
        raise ConfigError(f"min-uncertainty: expected a number from 0 on, got {least}")
    estimates: dict[int, Estimate] = {}
    rows: dict[int, Float[np.ndarray, " row"]] = {}
    refused: dict[int, str] = {}
    for number, atoms in enumerate(frames):
        try:
            estimates[number], rows[number] = _look(potential, atoms)
        except (StructureError, DataError) as error:
            refused[number] = str(error)
            if strict or len(refused) == len(frames):
                raise type(error)(f"frame {number}: {error}") from None
        observe()
    y = np.full((len(frames), len(known.root)), np.nan)
    y[list(rows)] = np.stack(list(rows.values())) @ known.root.T
    before = np.linalg.norm(y, axis=1)
    picks: list[Pick] = []
    free = np.isfinite(before)
    while len(picks) < count and free.any():
        sigma = np.where(free, np.linalg.norm(y, axis=1), -1.0)
        best = int(sigma.argmax())
        if sigma[best] <= least:
            break
        result = estimates[best]
        picks.append(
            Pick(
                frame=best,
                uncertainty=float(before[best]),
                gain=float(sigma[best]),
                atom=float(result.energies.max()),
                extrapolation=result.extrapolation,
            )
        )
        free[best] = False
        direction = y[best] / sigma[best]
        shrink = noise / np.hypot(sigma[best], noise)
        y -= (1 - shrink) * np.outer(y @ direction, direction)
    return Selection(picks=picks, before=before, after=np.linalg.norm(y, axis=1), refused=refused)


def _look(potential: Potential, atoms: Atoms | VoxPotError) -> tuple[Estimate, Float[np.ndarray, " row"]]:
    if isinstance(atoms, VoxPotError):
        raise atoms
    known = potential.known_uncertainty()
    features, species = potential.features(atoms)
    if not np.isfinite(features).all():
        raise DataError("expected finite features from the model, got NaN or infinity")
    return known.of_features(features, species), known.sum_of(features, species) / len(atoms)
