"""Crystals and queries, side by side as tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from voxpot_crystals.latent.structure_field.queries import Asked
    from voxpot_crystals.latent.structure_field.views import Seen, View

__all__ = ["Batch", "collate", "with_other_species"]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some crystals; the last six are empty without queries."""

    positions: Tensor  # atom 3, in coordinates of the network
    kinds: Tensor  # atom
    owner: Tensor  # atom
    lattice: Tensor  # crystal 6
    edges: tuple[Tensor, Tensor, Tensor]  # centre, neighbour, distance
    points: Tensor  # query 3, in coordinates of the network
    points_owner: Tensor
    displacement: Tensor  # query 3, Å
    species_points: Tensor
    species_owner: Tensor
    species: Tensor


def collate(crystals: Sequence[Seen], asked: Sequence[Asked], view: View) -> Batch:
    """One batch; ``asked`` is empty or has one entry per crystal."""
    sizes = np.array([len(c.kinds) for c in crystals])
    shift = np.cumsum(sizes) - sizes
    pairs = list(zip(asked, crystals, strict=True)) if asked else []

    def real(parts: Sequence[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.concatenate(parts) if parts else np.zeros((0, 3))).float()

    def whole(parts: Sequence[np.ndarray]) -> Tensor:
        return torch.from_numpy(np.concatenate(parts) if parts else np.zeros(0)).long()

    def owners(counts: Sequence[int]) -> Tensor:
        return torch.from_numpy(np.repeat(np.arange(len(counts)), np.asarray(counts, int)))

    return Batch(
        positions=real([view.coordinates(c.positions, c.cell) for c in crystals]),
        kinds=whole([c.kinds for c in crystals]),
        owner=owners(sizes.tolist()),
        lattice=torch.from_numpy(np.array([c.lattice for c in crystals])).float(),
        edges=(
            whole([c.centre + s for c, s in zip(crystals, shift, strict=True)]),
            whole([c.neighbour + s for c, s in zip(crystals, shift, strict=True)]),
            torch.from_numpy(np.concatenate([c.distance for c in crystals])).float(),
        ),
        points=real([view.coordinates(a.points, c.cell) for a, c in pairs]),
        points_owner=owners([len(a.points) for a in asked]),
        displacement=real([a.displacement for a in asked]),
        species_points=real(
            [view.coordinates(a.species_points, c.cell) for a, c in zip(asked, crystals, strict=False)]
        ),
        species_owner=owners([len(a.kinds) for a in asked]),
        species=whole([a.kinds for a in asked]),
    )


def with_other_species(seen: Seen, species: int, rng: np.random.Generator) -> Seen:
    """The same crystal with its elements replaced one by one, which leaves the field valid."""
    from dataclasses import replace

    return replace(seen, kinds=rng.permutation(species)[seen.kinds])
