"""Points on the unit sphere at which the fields of a steerable network are multiplied."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.descriptor.harmonics import solid_harmonics

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["sphere_rule"]


@cache
def sphere_rule(degree: int) -> tuple[Float[np.ndarray, "point harmonic"], Float[np.ndarray, " point"]]:
    """Harmonics up to ``degree`` at the points of a Lebedev rule, and its weights, of sum 1.

    The rule is exact for products of four harmonics.  The second half of the points are the
    antipodes of the first, in the same order.
    """
    from scipy.integrate import lebedev_rule

    available = (*range(3, 32, 2), 35, 41, 47, 53, 59, 65)
    points, weights = lebedev_rule(next(d for d in available if d >= 4 * degree))
    x, y, z = np.where(np.abs(points) < 1e-9, 0, points)
    upper = (z > 0) | ((z == 0) & ((y > 0) | ((y == 0) & (x > 0))))
    half = points.T[upper]
    weights = np.tile(weights[upper], 2)
    found = solid_harmonics(np.concatenate([half, -half]), degree), weights / weights.sum()
    for array in found:
        array.flags.writeable = False  # they are kept
    return found
