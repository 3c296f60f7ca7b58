"""A Gaussian process on the elements of a perovskite ABX3.

Each site has a vector of features of its element, those of ``elements`` and its ionic radii, with a length for every
feature and site; k_s = exp(-d² / 2) of the distance of these is the similarity of two elements on the site s, and
δ_s is 1 for the same element.  Crystals are as alike as

    K = k_X (1 + α_A k_A + α_B k_B + α_AB k_A k_B + β_A δ_A + β_B δ_B + β_AB δ_A k_B + β_BA k_A δ_B):

the terms with δ say how an element differs from all that its features resemble.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from ase.data import chemical_symbols

from voxpot_crystals.regression.elements import HEAVIEST, element_features
from voxpot_crystals.regression.gaussian import Process, spread_of, squared_distances
from voxpot_crystals.regression.ionic import charges, ionic_radius

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["ElementKernel"]

SITES = 3
SMOOTH, OWN = 3, 4
"""Terms without and with δ."""
CONSTANT = 4.0
"""Variance of the unknown mean."""


@cache
def _table() -> Float[Tensor, "element feature"]:
    """By Z, of mean 0 and spread 1: features, radius and charge of the commonest cation, mean radius of all cations."""
    ions = np.full((HEAVIEST + 1, 3), np.nan)
    for z in range(1, HEAVIEST + 1):
        known = charges(chemical_symbols[z])
        if known:
            radii = [ionic_radius(chemical_symbols[z], q) or np.nan for q in known]
            ions[z] = radii[0], known[0], np.mean(radii)
    ions = np.where(np.isnan(ions), np.nanmean(ions, axis=0), ions)
    table = torch.from_numpy(np.hstack([element_features(), ions]))
    mean, spread = spread_of(table[1:])
    return (table - mean) / spread


class ElementKernel(Process):
    """The process on the atomic numbers of A, B and X."""

    some = 1000

    def __init__(self, capacity: int) -> None:
        """Allocate arrays for so many training crystals."""
        lengths = [3.0] * (SITES * _table().shape[1])
        first = torch.tensor([*lengths, *[0.3] * SMOOTH, *[0.05] * OWN, 0.01], dtype=torch.float64)
        super().__init__(capacity, SITES, first.log())

    def covariance(
        self, scales: Float[Tensor, " scale"], left: Float[Tensor, "n site"], right: Float[Tensor, "m site"]
    ) -> Float[Tensor, "n m"]:
        """K."""
        value, table = scales.exp(), _table()
        mine, other = left.long(), right.long()
        alike = []
        for s, lengths in enumerate(value[: SITES * table.shape[1]].view(SITES, -1)):
            of_elements = torch.exp(-squared_distances(table / lengths, table / lengths) / 2)
            alike.append(of_elements[mine[:, s]][:, other[:, s]])
        a, b, x = alike
        same_a, same_b = ((mine[:, s, None] == other[None, :, s]).to(value.dtype) for s in (0, 1))
        terms = (a, b, a * b, same_a, same_b, same_a * b, a * same_b)
        total = torch.full_like(a, CONSTANT)
        for weight, term in zip(value[-SMOOTH - OWN - 1 : -1], terms, strict=True):
            total = total + weight * term
        return x * total
