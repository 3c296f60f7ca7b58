"""The crystal graph convolutional network.

    z_ij = v_i ⊕ v_j ⊕ u_ij
    v_i ← softplus(v_i + BN(Σ_j σ(BN W_f z_ij) · softplus(BN W_s z_ij)))

(Xie and Grossman 2018, Eq. 5), with u_ij the distance on Gaussians.  The sum runs over existing neighbours, without
padding.  Two choices differ from the published code: the sum is divided by the number of neighbours, so that ties kept
at the last place do not count for more; and edges fade with distance.

With a ``share``, the prediction is a weighted mean of the network and of a Gaussian process on composition and bonds
(``kernel``), which is the better one of compounds that few others resemble.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from ase_voxpot.errors import SpecError
from voxpot_crystals.regression.cgcnn.kernel import CompositionKernel
from voxpot_crystals.regression.elements import element_features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from torch import Tensor

    from voxpot_crystals.structures.graphs import Graph

__all__ = ["CGCNN", "Batch", "CGCNNSpec", "Described", "collate", "finish"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CGCNNSpec:
    """Graph and network; the defaults are those of the paper but for a narrower readout."""

    nearest: int = 12
    cutoff: float = 8.0  # Å
    gaussians: int = 41  # from 0 to the cutoff
    width: int = 64  # of the state of an atom
    convolutions: int = 3
    hidden: int = 128
    dropout: float = 0.0
    volume: float | None = None  # Å³ per atom to which crystals are scaled first, if their size is the target
    share: float = 0.0  # of the Gaussian process in the answer
    capacity: int = 0  # training crystals that the process keeps: set by the training

    def __post_init__(self) -> None:
        counts = {n: getattr(self, n) for n in ("nearest", "gaussians", "width", "convolutions", "hidden")}
        wrong = {name: count for name, count in counts.items() if not 1 <= count <= 1000}
        if wrong:
            raise SpecError(f"model: expected counts from 1 to 1000, got {wrong}")
        if not 1 <= self.cutoff <= 20:
            raise SpecError(f"model.cutoff: expected 1 to 20 Å, got {self.cutoff:g}")
        if self.volume is not None and not 1 <= self.volume <= 200:
            raise SpecError(f"model.volume: expected 1 to 200 Å³ per atom, got {self.volume:g}")
        if not 0 <= self.share <= 1:
            raise SpecError(f"model.share: expected 0 to 1, got {self.share:g}")


@dataclass(frozen=True, slots=True)
class Described:
    """One crystal as network and process see it."""

    graph: Graph
    row: Float[np.ndarray, " column"] | None  # of ``descriptors``, for the process


@dataclass(frozen=True, slots=True)
class Batch:
    """Graphs side by side."""

    numbers: Tensor  # atom
    owner: Tensor  # atom: the crystal it belongs to
    centre: Tensor  # edge
    neighbour: Tensor  # edge
    distance: Tensor  # edge, Å
    crystals: int
    rows: Tensor  # crystal column, for the process; without one none


def collate(items: Sequence[Described], spec: CGCNNSpec, rng: np.random.Generator | int | None) -> Batch:
    """One batch of graphs; without random rotation."""
    graphs = [item.graph for item in items]
    rows = [item.row for item in items if item.row is not None]
    sizes = np.array([len(g.numbers) for g in graphs])
    shift = np.cumsum(sizes) - sizes
    return Batch(
        numbers=torch.from_numpy(np.concatenate([g.numbers for g in graphs])),
        owner=torch.from_numpy(np.repeat(np.arange(len(graphs)), sizes)),
        centre=torch.from_numpy(np.concatenate([g.centre + s for g, s in zip(graphs, shift, strict=True)])),
        neighbour=torch.from_numpy(np.concatenate([g.neighbour + s for g, s in zip(graphs, shift, strict=True)])),
        distance=torch.from_numpy(np.concatenate([g.distance for g in graphs])).float(),
        crystals=len(graphs),
        rows=torch.from_numpy(np.array(rows, np.float32)),
    )


class Convolution(nn.Module):
    """One gated message from the neighbours."""

    def __init__(self, width: int, gaussians: int) -> None:
        super().__init__()
        # W z = W_c v_i + W_n v_j + W_u u_ij: the first two once per atom, not per edge
        self.own = nn.Linear(width, 2 * width)
        self.other = nn.Linear(width, 2 * width, bias=False)
        self.edge = nn.Linear(gaussians, 2 * width, bias=False)
        self.message_norm = nn.BatchNorm1d(2 * width)
        self.norm = nn.BatchNorm1d(width)

    def forward(
        self, state: Float[Tensor, "atom width"], edge: Float[Tensor, "edge gaussian"], batch: Batch
    ) -> Float[Tensor, "atom width"]:
        mixed = self.own(state)[batch.centre] + self.other(state)[batch.neighbour] + self.edge(edge)
        gate, core = self.message_norm(mixed).chunk(2, dim=1)
        message = torch.sigmoid(gate) * nn.functional.softplus(core)
        return nn.functional.softplus(state + self.norm(_mean(message, batch.centre, len(state))))


def _mean(rows: Float[Tensor, "row width"], place: Tensor, count: int) -> Float[Tensor, "count width"]:
    """The mean of the rows of every place."""
    total = rows.new_zeros(count, rows.shape[1]).index_add(0, place, rows)
    number = torch.bincount(place, minlength=count).clamp(min=1)
    return total / number[:, None]


class CGCNN(nn.Module):
    """One number per crystal from its graph."""

    features: Tensor
    centres: Tensor
    fitted: Tensor

    def __init__(self, spec: CGCNNSpec) -> None:
        super().__init__()
        # determined by the elements and the spec, not stored
        self.register_buffer("features", torch.from_numpy(_element_table()).float(), persistent=False)
        self.register_buffer("centres", torch.linspace(0, spec.cutoff, spec.gaussians), persistent=False)
        self._step = spec.cutoff / max(spec.gaussians - 1, 1)
        self.embed = nn.Linear(self.features.shape[1], spec.width)
        self.convolutions = nn.ModuleList([Convolution(spec.width, spec.gaussians) for _ in range(spec.convolutions)])
        self.readout = nn.Sequential(
            nn.Softplus(),
            nn.Linear(spec.width, spec.hidden),
            nn.Softplus(),
            nn.Dropout(spec.dropout),
            nn.Linear(spec.hidden, 1),
        )
        self.share = spec.share
        self.process = CompositionKernel(spec.capacity) if spec.capacity else None
        if self.process is not None:
            self.register_buffer("fitted", torch.zeros(()))

    def forward(self, batch: Batch) -> Float[Tensor, " crystal"]:
        """One number per crystal."""
        seen = self.readout(self.embedding(batch)).squeeze(1)
        if self.process is None or self.training or not self.fitted:
            return seen
        return (1 - self.share) * seen + self.share * self.process(batch.rows)

    def embedding(self, batch: Batch) -> Float[Tensor, "crystal width"]:
        """The mean state of the atoms of every crystal."""
        edge = torch.exp(-(((batch.distance[:, None] - self.centres) / self._step) ** 2))
        state = self.embed(self.features[batch.numbers])
        for convolution in self.convolutions:
            state = convolution(state, edge, batch)
        return _mean(state, batch.owner, batch.crystals)


def finish(network: CGCNN, spec: CGCNNSpec, items: Sequence[Described], target: np.ndarray, seed: int) -> None:
    """Fit the process, once the network is trained."""
    if network.process is None:
        return
    network.process.fit(collate(items, spec, None).rows, torch.from_numpy(target).double(), seed)
    network.fitted.fill_(1.0)


def _element_table() -> np.ndarray:
    """Features of every element, and one-hot elements."""
    features = element_features()
    return np.hstack([features, np.eye(len(features))])
