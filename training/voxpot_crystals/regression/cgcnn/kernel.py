"""A Gaussian process on the composition of a crystal and on its bonds.

Three distances between crystals,

    u²   of the shares of the elements, x: (x - x')ᵀ K (x - x') with K the kinship of elements,
    g²   of mean, spread, least and greatest of features of the elements, and of their differences in electronegativity,
    s²   of density and bonds (``descriptors``),

g and s with a length for every column, make similarities k(d) = (1 + √3 d) exp(-√3 d) (Matérn, 3/2), and

    1 + α₀ k(u) + α₁ k(g, s) + α₂ k(u, s) + α₃ k(u, g) + α₄ k(u, g, s) + β xᵀ K x' + γ tr M K M' K.

The last term, with M = diag x - x xᵀ, is that of a regular solution, Σ x_i x_j ω_ij over pairs of elements with ω alike
for kindred pairs (after A. R. Miedema et al., J. Less-Common Met. 32, 117 (1973)); it is 0 for an element by itself.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from voxpot_crystals.regression.cgcnn.descriptors import BONDS, COLUMNS, MOST
from voxpot_crystals.regression.elements import FEATURES, HEAVIEST, electronegativities, element_features, kinship
from voxpot_crystals.regression.gaussian import Process, spread_of, squared_distances

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["CompositionKernel"]

TERMS = 5
OF_ELEMENTS = 4 * len(FEATURES) + 3
"""Columns of g."""
FARTHEST = 5.0
"""Standard deviations at which features are cut off, so that no crystal is infinitely far."""


@cache
def _tables() -> tuple[Tensor, Tensor, Tensor]:
    """By Z: the factor of kinship, features, and squared differences in electronegativity."""
    chi = electronegativities()
    return tuple(map(torch.from_numpy, (kinship(), element_features(), np.subtract.outer(chi, chi) ** 2)))  # type: ignore[return-value]


def _shares(rows: Float[Tensor, "n column"]) -> Float[Tensor, "n element"]:
    shares = torch.zeros(len(rows), HEAVIEST + 1, dtype=rows.dtype)
    return shares.scatter_add_(1, rows[:, :MOST].long(), rows[:, MOST : 2 * MOST])


def _features(shares: Float[Tensor, "n element"]) -> Float[Tensor, "n feature"]:
    """G of every composition."""
    _, table, apart = _tables()
    mean = shares @ table
    spread = (shares @ table**2 - mean**2).clamp(min=0).sqrt()
    absent = (shares == 0)[:, :, None]
    least = table.expand(len(shares), -1, -1).masked_fill(absent, torch.inf).amin(1)
    greatest = table.expand(len(shares), -1, -1).masked_fill(absent, -torch.inf).amax(1)
    extremes = torch.cat([least, greatest], 1).nan_to_num(0.0, 0.0, 0.0)  # of rows that stand for no crystal
    polar = [torch.einsum("ni,ij,nj->n", shares, power, shares) for power in (apart, apart.sqrt())]
    return torch.cat([mean, spread, extremes, torch.stack([*polar, (shares**2).sum(1)], 1)], 1)


def _mixed(left: Float[Tensor, "n element"], right: Float[Tensor, "m element"]) -> Float[Tensor, "n m"]:
    """Tr M K M' K, multiplied out."""
    related = _tables()[0] @ _tables()[0].T
    mine, other = left @ related, right @ related
    return left @ related**2 @ right.T - left @ (other**2).T - mine**2 @ right.T + (mine @ right.T) ** 2


class CompositionKernel(Process):
    """The process on rows of ``descriptors``."""

    middle: Tensor
    some = 1000

    def __init__(self, capacity: int) -> None:
        """Allocate arrays for so many training crystals."""
        lengths = [8.0] * (OF_ELEMENTS + BONDS)
        first = torch.tensor([*lengths, 1.0, 1.0, 30.0, *[0.3] * TERMS, 0.02], dtype=torch.float64)
        super().__init__(capacity, COLUMNS, first.log())
        self.register_buffer("middle", torch.zeros(2, OF_ELEMENTS + BONDS))

    def standardise(self, rows: Float[Tensor, "n column"]) -> None:
        """Mean and spread of g and s."""
        self.middle.copy_(torch.stack(spread_of(torch.cat([_features(_shares(rows)), rows[:, 2 * MOST :]], 1))))

    def _parts(
        self, rows: Float[Tensor, "n column"], value: Float[Tensor, " scale"]
    ) -> tuple[Float[Tensor, "n element"], Float[Tensor, "n of_elements"], Float[Tensor, "n bonds"]]:
        """The vectors whose distances are u, g and s."""
        shares, (mean, spread) = _shares(rows), self.middle.double()
        seen = torch.cat([_features(shares), rows[:, 2 * MOST :]], 1)
        scaled = ((seen - mean) / spread.clamp(min=1e-9)).clamp(-FARTHEST, FARTHEST) / value[: OF_ELEMENTS + BONDS]
        return shares @ _tables()[0] / value[OF_ELEMENTS + BONDS], *scaled.split([OF_ELEMENTS, BONDS], 1)

    def covariance(
        self, scales: Float[Tensor, " scale"], left: Float[Tensor, "n column"], right: Float[Tensor, "m column"]
    ) -> Float[Tensor, "n m"]:
        """All terms."""
        value = scales.exp()
        u, g, s = (
            squared_distances(a, b) for a, b in zip(self._parts(left, value), self._parts(right, value), strict=True)
        )
        x, other, (related, polar) = _shares(left), _shares(right), value[-TERMS - 3 : -TERMS - 1]
        total = 1 + related * (x @ _tables()[0]) @ (other @ _tables()[0]).T + polar * _mixed(x, other)
        for weight, squared in zip(value[-TERMS - 1 : -1], (u, g + s, u + s, u + g, u + g + s), strict=True):
            root = (3 * squared + 1e-12).sqrt()
            total = total + weight * (1 + root) * torch.exp(-root)
        return total
