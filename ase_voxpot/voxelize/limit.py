"""Cubes and filters whose limit of fine voxels is the density in closed form, see ``descriptor``.

A neighbour is a Gaussian of width σ on the grid, with the weight exp(r²/2λ²), and the filters are
F_lm(x) = S_lm(x) exp(-x²/2w²).  Every σ, w and λ with κ = 1/(σ² + w²) - 1/λ² have the same limit; those chosen here
let the sum over voxels converge fast.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.descriptor.harmonics import solid_harmonics
from ase_voxpot.spec import Cubes
from ase_voxpot.voxelize.reference import voxel_points

if TYPE_CHECKING:
    from jaxtyping import Float

    from ase_voxpot.spec import Density

__all__ = ["cubes_of", "filter_bank", "filter_width"]

WIDEST = 0.3
"""τ over the cutoff, where κ allows it."""
SHARE = 0.8
"""σ over τ."""
FINENESS = 0.4
"""Voxel edge over τ; the error of the sum over voxels is about exp(-2π² SHARE² (1 - SHARE²) / FINENESS²) = 5e-13."""
MARGIN = 1.02
"""Half an edge of the cube over the cutoff."""


def cubes_of(density: Density) -> Cubes:
    """A grid for a density, with τ² = σ² + w² as large as κ allows, up to ``WIDEST`` of the cutoff."""
    tau = WIDEST * density.cutoff
    if density.narrowing > tau**-2:
        tau = density.narrowing**-0.5
    lifted = tau**-2 - density.narrowing
    spacing = FINENESS * tau
    return Cubes(
        n=2 * math.ceil(MARGIN * density.cutoff / spacing),
        spacing=spacing,
        width=SHARE * tau,
        cutoff=density.cutoff,
        radial=density.radial,
        lift=lifted**-0.5 if lifted > 1e-12 * tau**-2 else None,
    )


def filter_width(cubes: Cubes) -> float:
    """Å, width w of the filters that belong to ``cubes_of``."""
    return cubes.width * math.sqrt(1 / SHARE**2 - 1)


def filter_bank(cubes: Cubes, degree: int, width: float) -> Float[np.ndarray, "voxel harmonic"]:
    """The filters F_lm = S_lm(x) exp(-x²/2w²), w = ``width`` in Å, on the voxels, float64.

    They are scaled so that a Gaussian at d gives S_lm(d/r_c) exp(-d²/2τ²), τ² = σ² + w²: with
    s² = σ²w²/τ² the integral over the product of both Gaussians is (2πs²)^{3/2} exp(-d²/2τ²), and its centre
    of mass is d w²/τ².
    """
    points = voxel_points(cubes).reshape(-1, 3)
    sigma2, filter2 = cubes.width**2, width**2
    volume = (2 * np.pi * sigma2 * filter2 / (sigma2 + filter2)) ** 1.5
    shrink = filter2 / (sigma2 + filter2) * cubes.cutoff
    degrees = np.repeat(np.arange(degree + 1), 2 * np.arange(degree + 1) + 1)
    window = np.exp(-(points**2).sum(axis=1) / (2 * filter2)) * cubes.spacing**3 / volume
    return solid_harmonics(points, degree) * window[:, None] / shrink**degrees
