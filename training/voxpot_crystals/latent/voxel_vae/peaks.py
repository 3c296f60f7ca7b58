"""Atoms from a density on the unit torus: its local maxima, refined between the voxels.

The logarithm of a Gaussian of width σ has a curvature that is known: near a lone atom

    log ρ(u) = log ρ₀ - (u - u₀) G (u - u₀)ᵀ / 2σ²

with the Gram matrix G of the cell.  The slope of the logarithm at the highest voxel, from its
neighbours, thus gives the position of the atom between the voxels, exactly for an isolated one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import maximum_filter

from voxpot_crystals.structures.space import Space

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__ = ["Peaks", "find_peaks"]

TINY = 1e-12
"""Least density in logarithms."""


@dataclass(frozen=True, slots=True)
class Peaks:
    """Local maxima, the highest first."""

    fractions: Float[np.ndarray, "peak 3"]  # of the cell, from 0 to 1
    height: Float[np.ndarray, " peak"]  # of the highest voxel
    voxel: Int[np.ndarray, "peak 3"]


def find_peaks(
    density: Float[np.ndarray, "n n n"],
    cell: Float[np.ndarray, "3 3"],
    *,
    width: float,
    least: float,
    apart: float,
) -> Peaks:
    """The atoms of a density whose voxel v sits at the fractions v / n.

    Args:
        density: as of ``voxelize.torus.deposit``, of height 1 for an atom.
        cell: rows in Å.
        width: σ of its Gaussians in Å.
        least: lower maxima are ignored.
        apart: Å; of maxima closer than this the highest is used.
    """
    high = (density == maximum_filter(density, size=3, mode="wrap")) & (density >= least)
    voxels = np.argwhere(high)
    voxels = voxels[np.argsort(-density[tuple(voxels.T)], kind="stable")]
    fractions = _refined(density, voxels, cell, width)
    kept: list[int] = []
    space = Space(cell)
    shifts = space.images(apart)
    places = space.wrap(fractions @ cell)
    for k in range(len(voxels)):
        distances = np.linalg.norm(places[kept][:, None] + shifts - places[k], axis=-1) if kept else np.array([np.inf])
        if distances.min() >= apart:
            kept.append(k)
    chosen = voxels[kept]
    return Peaks(fractions[kept] % 1.0, density[tuple(chosen.T)], chosen)


def _refined(density: np.ndarray, voxels: np.ndarray, cell: np.ndarray, width: float) -> np.ndarray:
    """Fractions of the maxima, at most one voxel from where they are highest."""
    n = len(density)
    logarithm = np.log(np.maximum(density, TINY))
    slope = np.empty((len(voxels), 3))
    for axis in range(3):
        step = np.zeros(3, int)
        step[axis] = 1
        ahead, behind = (logarithm[tuple(((voxels + sign * step) % n).T)] for sign in (1, -1))
        slope[:, axis] = (ahead - behind) * n / 2
    shift = width**2 * slope @ np.linalg.inv(cell @ cell.T)
    return voxels / n + np.clip(shift, -1 / n, 1 / n)
