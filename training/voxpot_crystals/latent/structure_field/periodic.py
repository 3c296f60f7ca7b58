"""Periodic networks: a field on the torus, an encoder with periodic edges.

Every coordinate enters as exp(2πi n·u) with whole n, so that the functions are periodic. The
origin is shifted to an atom (of the rarest element) before encoding and back after decoding,
which makes the networks invariant under translation. The lattice is the logarithm of its Gram
matrix; any six numbers are a valid lattice. The decoder is the same for all crystals; the
latent vector scales and shifts its layers (E. Perez et al., AAAI 32 (2018), feature-wise
linear modulation).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import nn

from ase_voxpot.errors import SpecError
from voxpot_crystals.regression.elements import HEAVIEST, element_features
from voxpot_crystals.structures.lattice import TYPICAL

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

__all__ = ["PeriodicField", "PeriodicSpec", "waves"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicSpec:
    """Sizes of the periodic networks."""

    kind: Literal["periodic"] = "periodic"
    species: tuple[str, ...] = ()  # filled in from the training crystals
    most: int = 0  # atoms of a crystal; filled in as well
    latent: int = 192
    harmonics: int = 2  # greatest whole number of waves along an axis
    width: int = 128  # of the decoder's layers
    layers: int = 4
    messages: int = 2
    state: int = 96  # of an atom in the encoder
    pooled: int = 128  # of the sum and of the maximum over atoms
    reach: float = 6.0  # Å, of the edges
    gaussians: int = 16

    def __post_init__(self) -> None:
        sizes = (self.latent, self.harmonics, self.width, self.layers, self.state, self.pooled, self.gaussians)
        if not all(1 <= size <= 4096 for size in sizes) or not 0 <= self.messages <= 20 or not 1 <= self.reach <= 20:
            raise SpecError(f"model: expected sizes from 1 to 4096 and a reach of 1 to 20 Å, got {self}")


def waves(harmonics: int) -> Int[np.ndarray, "wave 3"]:
    """Whole-number vectors n with |n| components up to ``descriptor.harmonics``, one of every ±n, without 0.

    >>> len(waves(1))
    13
    """
    numbers = [n for n in product(range(-harmonics, harmonics + 1), repeat=3) if n > (0, 0, 0)]
    return np.array(sorted(numbers, key=lambda n: (sum(k * k for k in n), n)))


class PeriodicField(nn.Module):
    """Crystals to latent vectors, and queries to fields."""

    waves: Tensor
    centres: Tensor
    table: Tensor

    def __init__(self, spec: PeriodicSpec) -> None:
        super().__init__()
        self.spec = spec
        numbers = waves(spec.harmonics)
        self.register_buffer("waves", torch.from_numpy(numbers).float(), persistent=False)
        self.register_buffer("centres", torch.linspace(0, spec.reach, spec.gaussians), persistent=False)
        self.register_buffer("table", torch.from_numpy(_element_table(spec.species)).float(), persistent=False)
        seen, kinds = 2 * len(numbers), len(spec.species)
        self.element = nn.Linear(self.table.shape[1], spec.state)
        self.place = nn.Linear(seen, spec.state, bias=False)
        self.messages = nn.ModuleList([Message(spec.state, spec.gaussians) for _ in range(spec.messages)])
        self.lift = nn.Sequential(nn.Linear(spec.state, spec.pooled), nn.SiLU(), nn.Linear(spec.pooled, spec.pooled))
        self.summary = nn.Sequential(
            nn.Linear(2 * spec.pooled + 6, 256),
            nn.SiLU(),
            nn.Linear(256, 256),
            nn.SiLU(),
            nn.Linear(256, spec.latent),
            # subtract the common part of all crystals
            nn.BatchNorm1d(spec.latent, affine=False),
        )
        self.where = ModulatedDecoder(seen, spec.latent, spec.width, spec.layers, 3)
        self.which = ModulatedDecoder(seen, spec.latent, spec.width, 2, kinds)
        self.gram = nn.Sequential(nn.Linear(spec.latent, 128), nn.SiLU(), nn.Linear(128, 6))
        self.count = nn.Sequential(nn.Linear(spec.latent, 64), nn.SiLU(), nn.Linear(64, spec.most + 1))

    def see(self, points: Float[Tensor, "point 3"]) -> Float[Tensor, "point feature"]:
        """Waves at fractional coordinates."""
        phase = 2 * np.pi * points @ self.waves.T
        return torch.cat([torch.cos(phase), torch.sin(phase)], dim=1)

    def encode(
        self,
        positions: Float[Tensor, "atom 3"],
        kinds: Int[Tensor, " atom"],
        owner: Int[Tensor, " atom"],
        lattice: Float[Tensor, "crystal 6"],
        edges: tuple[Int[Tensor, " edge"], Int[Tensor, " edge"], Float[Tensor, " edge"]],
        weight: Float[Tensor, " edge"] | None = None,
    ) -> Float[Tensor, "crystal latent"]:
        """Latent vectors.

        Args:
            positions: fractional, the origin on the atom of ``origin_atom``.
            kinds: species numbers.
            owner: the crystal of every atom.
            lattice: logarithms of the Gram matrices, as ``log_gram`` has them.
            edges: centre, neighbour and distance in Å, images included.
            weight: of every edge, from 0 to 1; all count in full without it.
        """
        centre, neighbour, distance = edges
        step = self.spec.reach / max(self.spec.gaussians - 1, 1)
        near = torch.exp(-(((distance[:, None] - self.centres) / step) ** 2))
        state = nn.functional.silu(self.element(self.table[kinds]) + self.place(self.see(positions)))
        for message in self.messages:
            state = message(state, near, centre, neighbour, weight)
        lifted = self.lift(state)
        total = lifted.new_zeros(len(lattice), lifted.shape[1]).index_add(0, owner, lifted)
        place = owner[:, None].expand_as(lifted)
        highest = torch.zeros_like(total).scatter_reduce(0, place, lifted, "amax", include_self=False)
        return self.summary(torch.cat([total / 4, highest, lattice - lattice.new_tensor(TYPICAL)], dim=1))

    def displacement(self, latent: Float[Tensor, "crystal latent"], points: Tensor, owner: Tensor) -> Tensor:
        """P in Å at fractional points, each of the crystal ``owner``."""
        return self.where(latent, self.see(points), owner)

    def species(self, latent: Float[Tensor, "crystal latent"], points: Tensor, owner: Tensor) -> Tensor:
        """Logits of the species of the nearest atom."""
        return self.which(latent, self.see(points), owner)

    def lattice(self, latent: Float[Tensor, "crystal latent"]) -> Float[Tensor, "crystal 6"]:
        """Logarithms of the Gram matrices."""
        return self.gram(latent) + latent.new_tensor(TYPICAL)

    def number(self, latent: Float[Tensor, "crystal latent"]) -> Float[Tensor, "crystal count"]:
        """Logits of the number of atoms, from 0 on."""
        return self.count(latent)


class Message(nn.Module):
    """Gated mean of messages from neighbours."""

    def __init__(self, state: int, gaussians: int) -> None:
        super().__init__()
        self.own, self.other = nn.Linear(state, 2 * state), nn.Linear(state, 2 * state, bias=False)
        self.edge = nn.Linear(gaussians, 2 * state, bias=False)
        self.norm = nn.LayerNorm(state)

    def forward(
        self, state: Tensor, near: Tensor, centre: Tensor, neighbour: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """The states after it."""
        gate, core = (self.own(state)[centre] + self.other(state)[neighbour] + self.edge(near)).chunk(2, dim=1)
        told = torch.sigmoid(gate) * nn.functional.silu(core)
        if weight is None:
            heard = torch.zeros_like(state).index_add(0, centre, told)
            count = torch.bincount(centre, minlength=len(state)).clamp(min=1)
        else:
            heard = torch.zeros_like(state).index_add(0, centre, told * weight[:, None])
            count = state.new_zeros(len(state)).index_add(0, centre, weight).clamp(min=1e-3)
        return state + self.norm(heard / count[:, None])


class ModulatedDecoder(nn.Module):
    """Layers on the query, scaled and shifted by the latent vector."""

    def __init__(self, query: int, latent: int, width: int, layers: int, out: int) -> None:
        super().__init__()
        self.first = nn.Linear(query, width)
        self.hidden = nn.ModuleList([nn.Linear(width, width) for _ in range(layers - 1)])
        modulate = [nn.Linear(latent, 2 * width) for _ in range(layers)]
        self.modulate = nn.ModuleList(modulate)
        self.out = nn.Linear(width, out)
        for layer in modulate:
            nn.init.normal_(layer.weight, std=0.5 / latent**0.5)

    def forward(self, latent: Tensor, query: Tensor, owner: Tensor) -> Tensor:
        """One row per query, each of the crystal ``owner``."""
        state = self.first(query)
        for k, modulate in enumerate(self.modulate):
            scale, shift = modulate(latent)[owner].chunk(2, dim=1)
            inner = nn.functional.silu(state * (1 + scale) + shift)
            state = inner if k == len(self.hidden) else (inner + self.hidden[k](inner))
        return self.out(state)


def _element_table(species: tuple[str, ...]) -> np.ndarray:
    """One-hot elements and their features."""
    from ase.data import atomic_numbers

    numbers = [min(atomic_numbers[s], HEAVIEST) for s in species]
    return np.hstack([np.eye(len(numbers)), element_features()[numbers]])
