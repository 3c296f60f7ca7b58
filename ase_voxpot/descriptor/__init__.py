"""Coefficients of the atomic density, the input of a steerable network, in closed form as sums over neighbours.

    A_i[lm, (c, q)] = Σ_{j: Z_j = c} f_q(r_ij) exp(-κ r_ij²/2) S_lm(d_ij / r_c)

They are the limit of infinitely fine voxels of a convolution.  On a grid, a neighbour is a Gaussian of width
σ, and the filters at the central atom are F_lm(x) = S_lm(x) exp(-x²/2w²).  The sum over voxels is the trapezoidal
rule for an integral of Gaussians: it converges faster than any power of the voxel size, and its limit is

    Σ_v F_lm(x_v) exp(-|x_v - d|²/2σ²)  ∝  S_lm(d) exp(-d²/2τ²),    τ² = σ² + w²

because harmonic polynomials keep their form under a Gaussian average.  The lift λ of the grid multiplies by
exp(r²/2λ²), so that κ = 1/τ² - 1/λ².  All shipped models have λ = τ and κ = 0: neither the grid nor σ, w and λ
occur in their energy.

Harmonics come first in the arrays, so that each degree is one contiguous matrix.  The coefficients are exactly
equivariant under rotation.  ``network.steerable`` holds the filters on the grid; the tests compare the sum over voxels
with the closed form.  The three functions of ``cpu`` (Numba) and ``gpu`` (torch) are named and related as in
``voxelize``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ase_voxpot.spec import SteerableSpec

if TYPE_CHECKING:
    from ase_voxpot.spec import Grid, PotentialSpec

__all__ = ["Fold", "fold_of", "folding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Parameters of the coefficients."""

    cutoff: float  # Å
    narrowing: float  # 1/Å², κ = 1/τ² - 1/λ² of the factor exp(-κ r²/2)
    shells: int
    degree: int

    @property
    def harmonics(self) -> int:
        """Number of (l, m)."""
        return (self.degree + 1) ** 2


def folding(spec: PotentialSpec) -> Fold:
    """The closed form of the filters of a steerable potential.

    Raises:
        TypeError: the network is of another kind.
    """
    if not isinstance(spec.network, SteerableSpec):
        raise TypeError(f"only steerable networks can be folded, got {type(spec.network).__name__}")
    return fold_of(spec.grid, spec.network)


def fold_of(grid: Grid, network: SteerableSpec) -> Fold:
    """The same from the grid and the network of a spec."""
    window = grid.width**2 + network.filter_width**2
    rate = 1 / window - (0.0 if grid.lift is None else grid.lift**-2)
    return Fold(
        cutoff=grid.cutoff,
        narrowing=rate if abs(rate) * window > 1e-12 else 0.0,
        shells=grid.shells,
        degree=network.degree,
    )
