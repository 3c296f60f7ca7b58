"""Selection of structures to label, by greedy D-optimal design.

The structure with the most uncertain energy per atom comes first;
then the posterior is updated as if it were labelled,

    y_A = R φ_A / n_A,   σ_A = |y_A|,   y_B -> y_B - (1 - s) (y_B·u) u,
    u = y_A / σ_A,   s² = ν² / (σ_A² + ν²)

with ν the error of the model in training, and so on.  The uncertainty of frames similar to a
picked one decreases with it, so that they are not picked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import ConfigError, DataError, StructureError, VoxPotError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
    gain: float  # eV/atom, the same after all earlier picks are labelled
    atom: float  # eV, of its most uncertain atom
    extrapolation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The picks in order, and all structures before and after their labels."""

    picks: list[Pick]
    before: Float[np.ndarray, " frame"]  # eV/atom, NaN for refused frames
    after: Float[np.ndarray, " frame"]  # eV/atom, likewise
    refused: dict[int, str]  # reasons by number


def select(
    potential: Potential,
    frames: Sequence[Atoms | VoxPotError],
    *,
    count: int,
    least: float | None = None,
    strict: bool = True,
    weights: Sequence[float] | None = None,
    quotas: Mapping[str, int] | None = None,
    observe: Callable[[], None] = lambda: None,
) -> Selection:
    """Pick structures to label.

    Args:
        potential: a model with an uncertainty.
        frames: the structures to choose from, or the error of one that could not be read; labels are not used.
        count: how many to pick at most.
        least: eV/atom, least uncertainty of a pick.  The error of the model in
            training by default.
        strict: raise for the first invalid structure, instead of returning it in ``refused``.
        weights: factors of the uncertainties in the choice, one per structure: small for what is costly to label.
        quotas: how many to pick at most of a kind (``info["config_type"]``).
        observe: called after every structure.

    Raises:
        SpecError: the model has no uncertainty.
        ConfigError: invalid count, least or weights.
        StructureError: one of its kinds, with the number of the frame; if strict, or if no structure is valid.
        DataError: the uncertainty of a frame is not finite; likewise.
    """
    known = potential.known_uncertainty()
    noise = known.calibration.noise
    least = noise if least is None else least
    if count < 1:
        raise ConfigError(f"count: expected a whole number from 1 on, got {count}")
    if not (least >= 0 and np.isfinite(least)):
        raise ConfigError(f"min-uncertainty: expected a number from 0 on, got {least}")
    worth = np.ones(len(frames)) if weights is None else np.asarray(weights, float)
    if worth.shape != (len(frames),) or not (worth > 0).all():
        raise ConfigError(f"weights: expected a positive number for each of {len(frames)} structures, got others")
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
    kinds = np.array(["" if isinstance(a, VoxPotError) else str(a.info.get("config_type", "")) for a in frames])
    order, gains = _greedy(y, count=count, least=least, noise=noise, worth=worth, kinds=kinds, quotas=quotas or {})
    picks = [
        Pick(
            frame=k,
            uncertainty=float(before[k]),
            gain=gain,
            atom=float(estimates[k].energies.max()),
            extrapolation=estimates[k].extrapolation,
        )
        for k, gain in zip(order, gains, strict=True)
    ]
    return Selection(picks=picks, before=before, after=np.linalg.norm(y, axis=1), refused=refused)


def _greedy(
    y: Float[np.ndarray, "frame row"],
    *,
    count: int,
    least: float,
    noise: float,
    worth: Float[np.ndarray, " frame"],
    kinds: np.ndarray,
    quotas: Mapping[str, int],
) -> tuple[list[int], list[float]]:
    """Numbers of the picks, and their uncertainties after earlier ones; ``y`` is updated in place."""
    order: list[int] = []
    gains: list[float] = []
    left = dict(quotas)
    free = np.isfinite(y).all(axis=1) & ~np.isin(kinds, [kind for kind, most in left.items() if most < 1])
    while len(order) < count:
        sigma = np.linalg.norm(y, axis=1)
        free &= sigma > least
        if not free.any():
            break
        best = int(np.where(free, worth * sigma, -1.0).argmax())
        order.append(best)
        gains.append(float(sigma[best]))
        free[best] = False
        kind = str(kinds[best])
        if kind in left:
            left[kind] -= 1
            free &= (kinds != kind) | (left[kind] > 0)
        direction = y[best] / sigma[best]
        shrink = noise / np.hypot(sigma[best], noise)
        y -= (1 - shrink) * np.outer(y @ direction, direction)
    return order, gains


def _look(potential: Potential, atoms: Atoms | VoxPotError) -> tuple[Estimate, Float[np.ndarray, " row"]]:
    if isinstance(atoms, VoxPotError):
        raise atoms
    known = potential.known_uncertainty()
    features, species = potential.features(atoms)
    if not np.isfinite(features).all():
        raise DataError("expected finite features from the model, got NaN or infinity")
    return known.of_features(features, species), known.sum_of(features, species) / len(atoms)
