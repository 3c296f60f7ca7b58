"""The network of fingerprints: a small CNN combined with a Gaussian process.

Convolutions without padding, ReLU, a flat end with one number, as in Williams et al. (2020); strides in place
of pooling.  With separate images of the sites of a perovskite, the prediction is a weighted mean of the CNN
and of a Gaussian process

    fingerprints  on the same fingerprints and the elements on the sites
    elements      on the elements on the sites, for thousands of crystals
    ions          on radii, charges and electronegativities of the ions, for a hundred
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from ase.data import chemical_symbols
from torch import nn
from torch.nn.functional import avg_pool2d

from voxpot_crystals.regression.elements import element_features
from voxpot_crystals.regression.hirshfeld.element_kernel import ElementKernel
from voxpot_crystals.regression.hirshfeld.ion_kernel import IonKernel, describe_ions
from voxpot_crystals.regression.hirshfeld.kernel import SiteKernel
from voxpot_crystals.regression.hirshfeld.views import SITES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from torch import Tensor

    from voxpot_crystals.regression.hirshfeld.views import HirshfeldSpec, Look

__all__ = ["Batch", "Reader", "collate", "finish"]

POOL = 2
"""Bins along an edge that are pooled for the process."""


class Batch(NamedTuple):
    """Crystals side by side."""

    images: Float[Tensor, "crystal channel n n"]
    numbers: Float[Tensor, "crystal site"]  # atomic numbers on A, B and X; none for images of whole crystals


def collate(looks: Sequence[Look], spec: HirshfeldSpec, rng: np.random.Generator | int | None) -> Batch:
    """One image per crystal: a random draw in training; in prediction the one of that number, or the first."""
    draws = [
        int(rng.integers(len(look.images))) if isinstance(rng, np.random.Generator) else rng or 0 for look in looks
    ]
    images = np.stack([look.images[k] for look, k in zip(looks, draws, strict=True)])
    return Batch(torch.from_numpy(images), torch.tensor([look.numbers for look in looks], dtype=torch.float32))


class Reader(nn.Module):
    """One number per crystal from fingerprints."""

    fitted: Tensor
    table: Tensor

    def __init__(self, spec: HirshfeldSpec) -> None:
        super().__init__()
        first, second, third = spec.channels
        convolutions = nn.Sequential(
            nn.Conv2d(spec.inputs, first, 5, stride=3), nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=2), nn.ReLU(),
            nn.Conv2d(second, third, 3), nn.ReLU(),
            nn.Flatten(),
        )  # fmt: skip
        with torch.no_grad():
            flat = convolutions(torch.zeros(1, spec.inputs, spec.bins.count, spec.bins.count)).shape[1]
        self.cnn = nn.Sequential(
            convolutions, nn.Dropout(spec.dropout), nn.Linear(flat, spec.hidden), nn.ReLU(), nn.Linear(spec.hidden, 1)
        )
        self.share = spec.share
        self.edges = len(spec.edges)
        self.process = _process(spec) if spec.capacity else None
        self.register_buffer("fitted", torch.zeros(()))
        table = torch.from_numpy(element_features()).float()
        known = table[1:]
        self.register_buffer("table", (table - known.mean(0)) / known.std(0).clamp(min=1e-6), persistent=False)

    def pixels(self, batch: Batch) -> Float[Tensor, "crystal site pixel"]:
        """The fingerprints of each site at all sizes, coarser."""
        small = avg_pool2d(batch.images, POOL)
        by_site = small.unflatten(1, (self.edges, SITES)).transpose(1, 2)
        return by_site.flatten(2)

    def forward(self, batch: Batch) -> Float[Tensor, " crystal"]:
        """Lattice parameters, about of mean 0 and spread 1."""
        seen = self.cnn(batch.images).squeeze(1)
        if self.process is None or self.training or not self.fitted:
            return seen
        if isinstance(self.process, SiteKernel):
            known = self.process(self.pixels(batch), batch.numbers, self.table)
        else:
            known = self.process(_rows(self.process, batch.numbers, torch.zeros(len(seen))))
        return (1 - self.share) * seen + self.share * known


def _process(spec: HirshfeldSpec) -> SiteKernel | ElementKernel | IonKernel:
    if spec.process == "fingerprints":
        return SiteKernel(spec.capacity, len(spec.edges) * (spec.bins.count // POOL) ** 2, spec.components)
    return ElementKernel(spec.capacity) if spec.process == "elements" else IonKernel(spec.capacity)


def _rows(
    process: ElementKernel | IonKernel, numbers: Float[Tensor, "crystal site"], support: Float[Tensor, " crystal"]
) -> Float[Tensor, "crystal column"]:
    """What a process on elements or ions reads."""
    if isinstance(process, ElementKernel):
        return numbers
    ions = [describe_ions(*(chemical_symbols[z] for z in sites)) for sites in numbers.int().tolist()]
    return torch.cat([torch.tensor(ions, dtype=torch.float32), support[:, None]], 1)


def finish(network: Reader, spec: HirshfeldSpec, looks: Sequence[Look], target: np.ndarray, seed: int) -> None:
    """Fit the process, once the CNN is trained."""
    if network.process is None:
        return
    batch = collate(looks, spec, None)
    support = torch.tensor([float(look.support) for look in looks])
    learned = torch.from_numpy(target).double()
    if isinstance(network.process, SiteKernel):
        network.process.fit(network.pixels(batch), batch.numbers, network.table, support, learned, seed)
    else:
        network.process.fit(_rows(network.process, batch.numbers, support), learned, seed)
    network.fitted.fill_(1.0)
