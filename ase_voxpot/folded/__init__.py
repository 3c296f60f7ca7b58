"""What a steerable filter sees of the cube, without the cube.

A steerable network looks at the density through filters that are a solid harmonic
times a Gaussian, F_lm(x) = S_lm(x) exp(-x²/2w²).  A painted neighbour is a Gaussian of
width σ, and the sum over voxels is the trapezoidal rule for an integral of Gaussians:
spectrally accurate, and known in closed form,

    Σ_v F_lm(x_v) exp(-|x_v - d|²/2σ²)  ∝  S_lm(d) exp(-d²/2τ²),    τ² = σ² + w²

because harmonic polynomials keep their form under a Gaussian average.  So the sum can
be folded into the pairs: the coefficients are

    A_i[lm, (c, q)] = Σ_{j: Z_j = c} f_q(r_ij) exp(-r_ij²/2τ²) S_lm(d_ij / r_c)

with one more exp(r_ij²/2λ²) where the grid has a lift λ; with λ = τ no Gaussian is left.
Harmonics come first in the arrays, so that each degree is one contiguous matrix.  The
coefficients are exactly rotation-equivariant, at a hundredth of the price.  ``network.steerable``
holds the filters on the grid; the tests keep both roads equal.  The three functions
of ``cpu`` (Numba) and ``gpu`` (torch) are named and related as in ``voxelize``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ase_voxpot.spec import SteerableSpec

if TYPE_CHECKING:
    from ase_voxpot.spec import PotentialSpec

__all__ = ["Fold", "folding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """The numbers that the folded sum depends on."""

    cutoff: float  # Å
    narrowing: float  # 1/Å², of the Gaussian that is left, exp(-narrowing r²/2): 1/τ² - 1/λ²
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
    window = spec.grid.width**2 + spec.network.filter_width**2
    rate = 1 / window - (0.0 if spec.grid.lift is None else spec.grid.lift**-2)
    return Fold(
        cutoff=spec.grid.cutoff,
        narrowing=rate if abs(rate) * window > 1e-12 else 0.0,
        shells=spec.grid.shells,
        degree=spec.network.degree,
    )
