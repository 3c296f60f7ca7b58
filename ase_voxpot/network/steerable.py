"""The default network: sums of solid harmonics over neighbours, invariants of them, dense layers.

    A[lm, c]    Σ_j f_q(r) S_lm(d/r_c)                coefficients, in closed form (``descriptor``)
    u_l[m, k]   = Σ_c A[lm, c] W_l[c, k]              learned mixtures, one matrix per degree
    pairs       u_0k,  Σ_m u_lmk²,  Σ_m u_lmk u_lm,k-1      the power spectrum
    field_k(s)  = Σ_lm u'_lmk S_lm(s)                 the mixtures as functions on a sphere
    products    ⟨f³⟩, ⟨f² f₋⟩, ⟨f f₋ f₋₋⟩, ⟨f⁴⟩, ⟨f² f₋²⟩   means over the sphere
    E_i         = MLP_Z(asinh(standardised invariants)) - that of an atom without neighbours

The coefficients are the limit of infinitely fine voxels of a convolution with steerable filters on a cube
around the atom, ``filter_bank``.  A cube is filled only for the comparison of both in ``voxpot check`` and the
tests.  A Lebedev rule of sufficient degree makes the means over the sphere exact, and so the energies exactly
invariant.  The energy of a free atom is exactly its reference energy.
"""

from __future__ import annotations

import math
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from ase_voxpot.descriptor.harmonics import solid_harmonics
from ase_voxpot.network.layers import SpeciesDense, asinh
from ase_voxpot.network.products import products, squares
from ase_voxpot.network.shapes import invariant_count
from ase_voxpot.network.sphere import sphere_rule
from ase_voxpot.voxelize.reference import voxel_points

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, Int
    from torch import Tensor

    from ase_voxpot.spec import Grid, SteerableSpec

__all__ = ["SteerableNetwork", "filter_bank"]


def filter_bank(grid: Grid, spec: SteerableSpec) -> Float[np.ndarray, "voxel harmonic"]:
    """The filters F_lm = S_lm(x) exp(-x²/2w²) on the voxels, float64.

    They are scaled so that the coefficients of a Gaussian at d are S_lm(d/r_c) exp(-d²/2τ²),
    τ² = σ² + w²: with s² = σ²w²/τ² the integral over the product of both Gaussians is
    (2πs²)^{3/2} exp(-d²/2τ²), and its centre of mass is d w²/τ².
    """
    points = voxel_points(grid).reshape(-1, 3)
    sigma2, filter2 = grid.width**2, spec.filter_width**2
    volume = (2 * np.pi * sigma2 * filter2 / (sigma2 + filter2)) ** 1.5
    shrink = filter2 / (sigma2 + filter2) * grid.cutoff
    degrees = np.repeat(np.arange(spec.degree + 1), 2 * np.arange(spec.degree + 1) + 1)
    window = np.exp(-(points**2).sum(axis=1) / (2 * filter2)) * grid.spacing**3 / volume
    return solid_harmonics(points, spec.degree)[0] * window[:, None] / shrink**degrees


class SteerableNetwork(nn.Module):
    """Energy of every atom from the coefficients A."""

    whiten: Tensor
    mean: Tensor
    scale: Tensor
    sphere: Tensor
    weights: Tensor

    def __init__(self, spec: SteerableSpec, grid: Grid, *, species: int) -> None:
        """Random weights for ``species`` kinds of atoms painted on ``grid``."""
        super().__init__()
        self.spec, self.grid = spec, grid
        degrees, inputs = spec.degree + 1, species * grid.shells
        self.product_degree = min(spec.degree, spec.product_degree)
        self.register_buffer("whiten", torch.eye(inputs).repeat(degrees, 1, 1))
        self.pairs = nn.Parameter(torch.randn(degrees, inputs, spec.channels) / math.sqrt(inputs))
        invariants = invariant_count(spec)
        if spec.products:
            harmonics, weights = sphere_rule(self.product_degree)
            self.register_buffer("sphere", torch.from_numpy(harmonics), persistent=False)
            self.register_buffer("weights", torch.from_numpy(weights), persistent=False)
            size = (self.product_degree + 1, inputs, spec.products)
            self.fields = nn.Parameter(torch.randn(size) / math.sqrt(inputs * (self.product_degree + 1)))
        self.register_buffer("mean", torch.zeros(invariants))
        self.register_buffer("scale", torch.ones(invariants))
        self.dense = SpeciesDense(invariants, spec.hidden, species=species)

    @cached_property
    def filters(self) -> Float[np.ndarray, "voxel harmonic"]:
        """The filters on the voxels; computed on first use, as the closed form needs none."""
        return filter_bank(self.grid, self.spec)

    def look(self, cube: Float[Tensor, "atom channel n n n"]) -> Float[Tensor, "harmonic atom channel"]:
        """The coefficients of a cube: the convolution at its central voxel."""
        return torch.einsum("acv,vm->mac", cube.flatten(2), torch.from_numpy(self.filters).to(cube))

    def mix(self, blocks: Sequence[Tensor], matrices: Tensor) -> Float[Tensor, "harmonic atom channel"]:
        """Mixtures u of the coefficients, in blocks of equal degree, for every degree that ``matrices`` holds."""
        whole = torch.bmm(self.whiten[: len(matrices)], matrices)
        return torch.cat([block @ matrix for block, matrix in zip(blocks, whole.unbind(), strict=False)])

    def invariants(self, coefficients: Tensor, *, once: bool = False) -> Float[Tensor, "atom invariant"]:
        """Rotation-invariant numbers of every atom, not yet standardised; ``once`` as for ``products.squares``."""
        blocks = coefficients.split([2 * l + 1 for l in range(self.spec.degree + 1)])
        found = squares(self.mix(blocks, self.pairs), self.spec.degree, once=once)
        if not self.spec.products:
            return found
        mixed = self.mix(blocks, self.fields)
        fields = (self.sphere @ mixed.flatten(1)).unflatten(1, mixed.shape[1:])
        return torch.cat([found, products(fields, self.weights, once=once)], 1)

    def forward(
        self,
        coefficients: Float[Tensor, "harmonic atom channel"],
        species: Int[Tensor, " atom"],
        *,
        features: Float[Tensor, "atom feature"] | None = None,
    ) -> Float[Tensor, " atom"]:
        """Energy of every atom beyond the baseline, in eV; ``features`` as ``SpeciesDense`` fills them."""
        empty = self.dense.constant(self._tame(torch.zeros_like(self.mean)))
        return self.dense(self._tame(self.invariants(coefficients)), species, features=features) - empty[species]

    def of_sorted(
        self, coefficients: Float[Tensor, "harmonic atom channel"], ends: Int[np.ndarray, " species_plus_1"]
    ) -> tuple[Float[Tensor, " atom"], Float[Tensor, "atom feature"]]:
        """As ``forward``, of atoms sorted by species and to be differentiated once; and the inputs of the last layer.

        Args:
            coefficients: of all atoms.
            ends: those of species k are ``ends[k]:ends[k + 1]``.
        """
        empty = self.dense.constant(self._tame(torch.zeros_like(self.mean)))
        x = self._tame(self.invariants(coefficients, once=True))
        features = [self.dense.hidden(x[a:b], kind) for kind, (a, b) in enumerate(pairwise(ends))]
        last = self.dense.weights[-1]
        result = [(h @ last[kind])[:, 0] - empty[kind] for kind, h in enumerate(features)]
        return torch.cat(result), torch.cat(features)

    def _tame(self, invariants: Tensor) -> Tensor:
        """Standardised, and growing like a logarithm beyond the range of the training data.

        Products of four fields grow with the fourth power of the coefficients; without the
        logarithm, energies outside the training data can be far too low.
        """
        return asinh((invariants - self.mean) * self.scale)
