"""The default network: sums of solid harmonics over neighbours, invariants of them, dense layers.

    A[lm, c]    Σ_j f_q(r) S_lm(d/r_c)                coefficients, in closed form (``descriptor``)
    u_l[m, k]   = Σ_c A[lm, c] W_l[c, k]              learned mixtures, one matrix per degree
    pairs       u_0k,  Σ_m u_lmk²,  Σ_m u_lmk u_lm,k-1      the power spectrum
    field_k(s)  = Σ_lm u'_lmk S_lm(s)                 the mixtures as functions on a sphere
    products    ⟨f³⟩, ⟨f² f₋⟩, ⟨f f₋ f₋₋⟩, ⟨f⁴⟩, ⟨f² f₋²⟩   means over the sphere
    E_i         = MLP_Z(asinh(standardised invariants)) - that of an atom without neighbours

The coefficients are the limit of infinitely fine voxels of a convolution with steerable filters on a cube
around the atom (``voxelize.limit``).  No cube is filled, but for the comparison of both in ``voxpot check`` and
the tests.  A Lebedev rule of sufficient degree makes the means over the sphere exact, and so the energies exactly
invariant.  A free atom costs its reference energy exactly.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import nn

from ase_voxpot.network.layers import SpeciesDense, asinh
from ase_voxpot.network.products import power_spectrum, products
from ase_voxpot.network.shapes import invariant_count
from ase_voxpot.network.sphere import sphere_rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from jaxtyping import Float, Int
    from torch import Tensor

    from ase_voxpot.spec import SteerableSpec

__all__ = ["SteerableNetwork"]


class SteerableNetwork(nn.Module):
    """Energy of every atom from the coefficients A."""

    whiten: Tensor
    mean: Tensor
    scale: Tensor
    sphere: Tensor
    weights: Tensor

    def __init__(self, spec: SteerableSpec, *, radial: int, species: int) -> None:
        """Random weights for ``species`` elements with ``radial`` functions each."""
        super().__init__()
        self.spec = spec
        degrees, inputs = spec.degree + 1, species * radial
        self.product_degree = min(spec.degree, spec.product_degree)
        self.register_buffer("whiten", torch.eye(inputs).repeat(degrees, 1, 1))
        self.pairs = nn.Parameter(torch.randn(degrees, inputs, spec.channels) / math.sqrt(inputs))
        invariants = invariant_count(spec)
        if spec.products:
            harmonics, weights = sphere_rule(self.product_degree)
            self.register_buffer("sphere", torch.tensor(harmonics), persistent=False)
            self.register_buffer("weights", torch.tensor(weights), persistent=False)
            size = (self.product_degree + 1, inputs, spec.products)
            self.fields = nn.Parameter(torch.randn(size) / math.sqrt(inputs * (self.product_degree + 1)))
        self.register_buffer("mean", torch.zeros(invariants))
        self.register_buffer("scale", torch.ones(invariants))
        self.dense = SpeciesDense(invariants, spec.hidden, species=species)

    def mix(self, blocks: Sequence[Tensor], matrices: Tensor) -> Float[Tensor, "harmonic atom channel"]:
        """Mixtures u of the coefficients, in blocks of equal degree, for every degree that ``matrices`` holds."""
        whole = torch.bmm(self.whiten[: len(matrices)], matrices)
        return torch.cat([block @ matrix for block, matrix in zip(blocks, whole.unbind(), strict=False)])

    def invariants(self, coefficients: Tensor, *, once: bool = False) -> Float[Tensor, "atom invariant"]:
        """Invariants of every atom, not standardised; ``once`` as for ``products.power_spectrum``."""
        blocks = coefficients.split([2 * l + 1 for l in range(self.spec.degree + 1)])
        found = power_spectrum(self.mix(blocks, self.pairs), self.spec.degree, once=once)
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
        empty = self.dense.constant(self._standardise(torch.zeros_like(self.mean)))
        return self.dense(self._standardise(self.invariants(coefficients)), species, features=features) - empty[species]

    def of_sorted(
        self, coefficients: Float[Tensor, "harmonic atom channel"], ends: Int[np.ndarray, " species_plus_1"]
    ) -> tuple[Float[Tensor, " atom"], Float[Tensor, "atom feature"]]:
        """As ``forward``, of atoms sorted by species and to be differentiated once; and the inputs of the last layer.

        Args:
            coefficients: of all atoms.
            ends: those of species k are ``ends[k]:ends[k + 1]``.
        """
        empty = self.dense.constant(self._standardise(torch.zeros_like(self.mean)))
        x = self._standardise(self.invariants(coefficients, once=True))
        features = [self.dense.hidden(x[a:b], kind) for kind, (a, b) in enumerate(pairwise(ends))]
        last = self.dense.weights[-1]
        result = [(h @ last[kind])[:, 0] - empty[kind] for kind, h in enumerate(features)]
        return torch.cat(result), torch.cat(features)

    def _standardise(self, invariants: Tensor) -> Tensor:
        """Standardised, and growing like a logarithm beyond the range of the training data.

        Products of four fields grow with the fourth power of the coefficients; without the
        logarithm, energies outside the training data can be far too low.
        """
        return asinh((invariants - self.mean) * self.scale)
