"""Dense layers on the flattened cube of voxels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from ase_voxpot.network.layers import SpeciesDense

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from ase_voxpot.spec import Cubes, DenseSpec

__all__ = ["DenseNetwork"]


class DenseNetwork(nn.Module):
    """All voxels of all channels as input of dense layers per species."""

    def __init__(self, spec: DenseSpec, cubes: Cubes, *, species: int) -> None:
        super().__init__()
        self.dense = SpeciesDense(species * cubes.radial * cubes.n**3, spec.hidden, species=species)

    def forward(
        self,
        cube: Float[Tensor, "atom channel n n n"],
        species: Int[Tensor, " atom"],
        *,
        features: Float[Tensor, "atom feature"] | None = None,
    ) -> Float[Tensor, " atom"]:
        """Energy of every atom beyond the baseline, in eV; ``features`` as ``SpeciesDense`` fills them."""
        empty = self.dense.constant(torch.zeros_like(cube[0]).flatten())
        return self.dense(cube.flatten(1), species, features=features) - empty[species]
