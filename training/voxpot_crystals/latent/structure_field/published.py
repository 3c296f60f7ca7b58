"""The networks of Chiba et al. 2023: a PointNet encoder and decoders that take the query at every layer.

One cell is in open space: inputs of the encoder are Cartesian positions, one-hot species and the
lattice parameters, with a maximum over atoms; the decoders take Cartesian queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import nn

from ase_voxpot.errors import SpecError

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

__all__ = ["PublishedField", "PublishedSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSpec:
    """Parameters of the networks; the defaults are those of the paper."""

    kind: Literal["published"] = "published"
    species: tuple[str, ...] = ()  # filled in from the training crystals
    box: tuple[float, ...] = ()  # Å, greatest coordinates of their atoms; likewise
    latent: int = 192
    dropout: float = 0.3
    octaves: int = 0  # queries as sin and cos of 2^k π x instead of x in Å; the paper's variant has 10

    def __post_init__(self) -> None:
        if not (1 <= self.latent <= 4096 and 0 <= self.dropout < 1 and 0 <= self.octaves <= 16):
            raise SpecError(f"model: expected latent 1-4096, dropout below 1, octaves up to 16, got {self}")


def perceptron(*widths: int, dropout: float = 0.0, normal: bool = True, last: bool = False) -> nn.Sequential:
    """Linear → ReLU → batch normalisation → dropout, layer by layer; the last one plain unless ``last``."""
    layers: list[nn.Module] = []
    for k, (inner, outer) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
        layers.append(nn.Linear(inner, outer))
        if k < len(widths) - 2 or last:
            layers.append(nn.ReLU())
            layers += [nn.BatchNorm1d(outer)] if normal else []
            layers += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers)


class QueryDecoder(nn.Module):
    """Hidden layers with the query as further input of each."""

    def __init__(self, latent: int, query: int, widths: tuple[int, ...], out: int) -> None:
        super().__init__()
        inner = (latent, *widths[:-1])
        self.hidden = nn.ModuleList([nn.Linear(i + query, w) for i, w in zip(inner, widths, strict=True)])
        self.norms = nn.ModuleList([nn.BatchNorm1d(w) for w in widths])
        self.out = nn.Linear(widths[-1], out)

    def forward(self, latent: Float[Tensor, "query latent"], query: Float[Tensor, "query feature"]) -> Tensor:
        """One row per query."""
        state = latent
        for layer, norm in zip(self.hidden, self.norms, strict=True):
            state = norm(torch.relu(layer(torch.cat([state, query], dim=1))))
        return self.out(state)


class PublishedField(nn.Module):
    """Crystals to latent vectors, and queries to fields."""

    def __init__(self, spec: PublishedSpec) -> None:
        super().__init__()
        self.spec, species = spec, len(spec.species)
        query = 6 * spec.octaves or 3
        self.position = perceptron(3, 64, 128, 128)
        self.kind = perceptron(species, 128, 128)
        self.mix = nn.Linear(256, 512)
        self.summary = perceptron(518, 256, 256, spec.latent, dropout=spec.dropout)
        self.where = QueryDecoder(spec.latent, query, (256, *[128] * 7), 3)
        self.which = QueryDecoder(spec.latent, query, (256, 128), species)
        self.lengths = perceptron(spec.latent, 128, 3, normal=False)
        self.angles = perceptron(spec.latent, 128, 3, normal=False)

    def see(self, points: Float[Tensor, "point 3"]) -> Float[Tensor, "point feature"]:
        """Features of a query."""
        waves = [f(2.0**k * np.pi * points) for k in range(self.spec.octaves) for f in (torch.sin, torch.cos)]
        return torch.cat(waves, dim=1) if waves else points

    def encode(
        self,
        positions: Float[Tensor, "atom 3"],
        kinds: Int[Tensor, " atom"],
        owner: Int[Tensor, " atom"],
        lattice: Float[Tensor, "crystal 6"],
        edges: object = None,
    ) -> Float[Tensor, "crystal latent"]:
        """Latent vectors.

        Args:
            positions: in Å.
            kinds: species numbers.
            owner: the crystal of every atom.
            lattice: lengths in Å and angles in rad.
            edges: not used.
        """
        onehot = nn.functional.one_hot(kinds, len(self.spec.species)).to(positions.dtype)
        seen = self.mix(torch.cat([self.position(positions), self.kind(onehot)], dim=1))
        place = owner[:, None].expand_as(seen)
        pooled = seen.new_zeros(len(lattice), seen.shape[1]).scatter_reduce(0, place, seen, "amax", include_self=False)
        return self.summary(torch.cat([pooled, lattice], dim=1))

    def displacement(self, latent: Float[Tensor, "crystal latent"], points: Tensor, owner: Tensor) -> Tensor:
        """P at points in Å, each of the crystal ``owner``."""
        return self.where(latent[owner], self.see(points))

    def species(self, latent: Float[Tensor, "crystal latent"], points: Tensor, owner: Tensor) -> Tensor:
        """Logits of the species of the nearest atom."""
        return self.which(latent[owner], self.see(points))

    def lattice(self, latent: Float[Tensor, "crystal latent"]) -> Float[Tensor, "crystal 6"]:
        """Lengths in Å and angles in rad."""
        return torch.cat([self.lengths(latent), self.angles(latent)], dim=1)

    def number(self, latent: Float[Tensor, "crystal latent"]) -> Float[Tensor, "crystal count"] | None:
        """None: the number of atoms is not predicted."""
        return None
