"""Comparison of predicted uncertainties with errors: coverage, correlation, bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import erf
from scipy.stats import spearmanr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

    from ase_voxpot.uncertainty import Uncertainty
    from voxpot_training.potential.trials import Trial

__all__ = ["LEVELS", "Reliability", "binned", "coverage", "measure", "summary"]

LEVELS = np.array([0.25, 0.5, 0.683, 0.8, 0.9, 0.954])
"""Nominal shares of errors that intervals should hold."""
MILLI = 1000.0


@dataclass(frozen=True, slots=True)
class Reliability:
    """Uncertainties beside errors, of energies per atom and of the forces on single atoms."""

    groups: list[str]  # of every frame
    sigma: Float[np.ndarray, " frame"]  # meV/atom
    error: Float[np.ndarray, " frame"]  # meV/atom
    owner: np.ndarray  # frame of every atom below
    force_sigma: Float[np.ndarray, " atom"]  # meV/Å per component
    force_error: Float[np.ndarray, "atom 3"]  # meV/Å
    atom_sigma: Float[np.ndarray, " atom"]  # meV, of the energy of the atom
    extrapolation: Float[np.ndarray, " frame"]


def measure(trials: Sequence[Trial], uncertainty: Uncertainty) -> Reliability:
    """Uncertainties and errors of every frame; atoms without force by symmetry are left out."""
    result = [uncertainty.of_features(t.inputs[:, :-1], t.species) for t in trials]
    pairs = list(zip(result, trials, strict=True))
    return Reliability(
        [t.group for t in trials],
        MILLI * np.array([s.energy / t.atoms for s, t in pairs]),
        MILLI * np.array([t.energy for t in trials]),
        np.concatenate([np.full(t.free.sum(), k) for k, t in enumerate(trials)]),
        MILLI * np.concatenate([s.forces[t.free] for s, t in pairs]),
        MILLI * np.concatenate([t.forces[t.free] for t in trials]),
        MILLI * np.concatenate([s.energies[t.free] for s, t in pairs]),
        np.array([s.extrapolation for s in result]),
    )


def coverage(score: Float[np.ndarray, " value"]) -> Float[np.ndarray, " level"]:
    """Share of standardised errors within the interval of every nominal level."""
    inside = erf(np.abs(score)[:, None] / np.sqrt(2)) <= LEVELS
    return inside.mean(axis=0)


def binned(
    sigma: Float[np.ndarray, " value"], error: Float[np.ndarray, " value"], bins: int
) -> tuple[Float[np.ndarray, " bin"], Float[np.ndarray, " bin"]]:
    """RMS uncertainty and RMS error in bins of equal numbers."""
    parts = [p for p in np.array_split(np.argsort(sigma), bins) if len(p)]
    return (
        np.array([np.sqrt((sigma[p] ** 2).mean()) for p in parts]),
        np.array([np.sqrt((error[p] ** 2).mean()) for p in parts]),
    )


def _figures(sigma: np.ndarray, error: np.ndarray) -> dict[str, Any]:
    """Statistics of one group of errors and uncertainties; errors may have components."""
    if not len(sigma):
        return {"count": 0}
    size = np.abs(error) if error.ndim == 1 else np.linalg.norm(error, axis=1)
    score = (error / (sigma if error.ndim == 1 else sigma[:, None])).ravel()
    varied = len(sigma) > 2 and np.ptp(sigma) > 0 and np.ptp(size) > 0
    inside = coverage(score)
    return {
        "count": len(sigma),
        "sigma": float(np.sqrt((sigma**2).mean())),
        "rms_error": float(np.sqrt((error**2).mean())),
        "spearman": float(spearmanr(sigma, size)[0]) if varied else None,
        "within_68": float(inside[2]),
        "within_95": float(inside[-1]),
    }


def summary(found: Reliability) -> dict[str, Any]:
    """The figures in total and per group: energies in meV/atom, forces in meV/Å."""

    def both(frames: np.ndarray) -> dict[str, Any]:
        atoms = np.isin(found.owner, np.flatnonzero(frames))
        return {
            "energy": _figures(found.sigma[frames], found.error[frames]),
            "forces": _figures(found.force_sigma[atoms], found.force_error[atoms]),
        }

    groups = np.array(found.groups)
    return both(np.ones(len(groups), dtype=bool)) | {"groups": {g: both(groups == g) for g in sorted(set(groups))}}
