"""3-D convolutions on the cube of voxels.

The network is not invariant under rotation; it is trained on rotated copies.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import silu

from ase_voxpot.errors import SpecError
from ase_voxpot.network.layers import SpeciesDense

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from ase_voxpot.spec import Cubes, PlainSpec

__all__ = ["PlainNetwork"]


class PlainNetwork(nn.Module):
    """Convolutions of 3³ voxels with SiLU between them, then dense layers per species."""

    def __init__(self, spec: PlainSpec, cubes: Cubes, *, species: int) -> None:
        """Random weights.

        Raises:
            SpecError: the cube is too small for the convolutions.
        """
        super().__init__()
        left = cubes.n - 2 * len(spec.channels)
        if left < 1:
            raise SpecError(
                f"{len(spec.channels)} convolutions of 3 voxels need a cube of at least "
                f"{2 * len(spec.channels) + 1} voxels per edge, got {cubes.n}"
            )
        widths = (species * cubes.radial, *spec.channels)
        self.convolutions = nn.ModuleList(nn.Conv3d(a, b, 3) for a, b in pairwise(widths))
        self.dense = SpeciesDense(spec.channels[-1] * left**3, spec.hidden, species=species)

    def features(self, cube: Float[Tensor, "atom channel n n n"]) -> Float[Tensor, "atom feature"]:
        """Output of the convolutions."""
        for convolution in self.convolutions:
            cube = silu(convolution(cube))
        return cube.flatten(1)

    def forward(
        self,
        cube: Float[Tensor, "atom channel n n n"],
        species: Int[Tensor, " atom"],
        *,
        features: Float[Tensor, "atom feature"] | None = None,
    ) -> Float[Tensor, " atom"]:
        """Energy of every atom beyond the baseline, in eV; ``features`` as ``SpeciesDense`` fills them."""
        empty = self.dense.constant(self.features(torch.zeros_like(cube[:1]))[0])
        return self.dense(self.features(cube), species, features=features) - empty[species]
