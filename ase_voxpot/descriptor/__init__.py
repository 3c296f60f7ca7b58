"""Coefficients of the atomic density, the input of a steerable network, in closed form as sums over neighbours.

    A_i[lm, (c, q)] = Σ_{j: Z_j = c} f_q(r_ij) exp(-κ r_ij²/2) S_lm(d_ij / r_c)

They are the limit of infinitely fine voxels of a convolution.  On a grid, a neighbour is a Gaussian of width
σ, and the filters at the central atom are F_lm(x) = S_lm(x) exp(-x²/2w²).  The sum over voxels is the trapezoidal
rule for an integral of Gaussians: it converges faster than any power of the voxel size, and its limit is

    Σ_v F_lm(x_v) exp(-|x_v - d|²/2σ²)  ∝  S_lm(d) exp(-d²/2τ²),    τ² = σ² + w²

because harmonic polynomials keep their form under a Gaussian average.  A weight exp(r²/2λ²) of the neighbours
leaves κ = 1/τ² - 1/λ².  All shipped models have κ = 0.  ``voxelize.limit`` makes a grid and filters for a
given κ, to compare the sum over voxels with the closed form.

Harmonics come first in the arrays, so that each degree is one contiguous matrix.  The coefficients are exactly
rotation-equivariant.  The three functions of ``cpu`` (Numba) and ``autograd`` (torch) are named and related
as in ``voxelize``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ase_voxpot.spec import Density, SteerableSpec

if TYPE_CHECKING:
    from ase_voxpot.spec import PotentialSpec

__all__ = ["Expansion", "expansion_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """Parameters of the coefficients."""

    cutoff: float  # Å
    narrowing: float  # 1/Å², κ = 1/τ² - 1/λ² of the factor exp(-κ r²/2)
    radial: int  # radial functions per element, Q
    degree: int  # highest l, L

    @property
    def harmonics(self) -> int:
        """Number of (l, m)."""
        return (self.degree + 1) ** 2


def expansion_of(spec: PotentialSpec) -> Expansion:
    """The parameters of a steerable potential.

    Raises:
        TypeError: the network is of another kind.
    """
    if not isinstance(spec.network, SteerableSpec) or not isinstance(spec.descriptor, Density):
        raise TypeError(f"only steerable networks have a closed form, got {type(spec.network).__name__}")
    density = spec.descriptor
    return Expansion(
        cutoff=density.cutoff, narrowing=density.narrowing, radial=density.radial, degree=spec.network.degree
    )
