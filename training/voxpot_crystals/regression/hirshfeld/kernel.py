"""A Gaussian process on the fingerprints of A, B and X.

Each site has a vector f: the leading principal components of its fingerprints at all sizes;
and a vector e of features of its element.  The similarities of sites are

    k_s = exp(-|f - f'|² / 2λ_s²),        κ_s = exp(-|e - e'|² / 2μ_s²),

and those of crystals are sums of products of these:

    K = Σ over k and κ of  α_A k_A + α_B k_B + α_X k_X + α_AB k_A k_B + α_BX k_B k_X + α_ABX k_A k_B k_X.

Labels of other sources (calculations beside experiments) are modelled as the target plus a smooth
difference.  The scales maximise the likelihood (Rasmussen and Williams, Gaussian Processes for Machine
Learning, 2006, chapter 5); outliers, such as failed calculations, are then given less weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from voxpot_crystals.regression.gaussian import likeliest, weigh

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["SiteKernel"]

SOME = 600
"""Largest number of crystals of the likelihood, whose cost is cubic."""
STEPS = 20
"""Iterations of that choice."""
TERMS = 6
"""Products of sites: A, B, X, AB, BX, ABX."""


class SiteKernel(nn.Module):
    """The mean of a Gaussian process as a network without gradients; ``fit`` it before use."""

    basis: Tensor
    centre: Tensor
    seen: Tensor
    numbers: Tensor
    support: Tensor
    weights: Tensor
    scales: Tensor

    def __init__(self, capacity: int, pixels: int, components: int) -> None:
        """Allocate arrays for so many training crystals, and for pixels and principal components per site."""
        super().__init__()
        self.register_buffer("basis", torch.zeros(3, pixels, components))
        self.register_buffer("centre", torch.zeros(3, pixels))
        self.register_buffer("seen", torch.zeros(capacity, 3, components))
        self.register_buffer("numbers", torch.ones(capacity, 3))
        self.register_buffer("support", torch.zeros(capacity))
        self.register_buffer("weights", torch.zeros(capacity, dtype=torch.float64))
        self.register_buffer("scales", _first_scales())

    def components(self, images: Float[Tensor, "crystal 3 pixel"]) -> Float[Tensor, "crystal 3 component"]:
        """Principal components of the fingerprints of every site, the first of spread 1."""
        return torch.einsum("nsp,spc->nsc", images - self.centre, self.basis)

    def forward(
        self,
        images: Float[Tensor, "crystal 3 pixel"],
        numbers: Float[Tensor, "crystal 3"],
        table: Float[Tensor, "number feature"],
    ) -> Float[Tensor, " crystal"]:
        """The mean for crystals of the main source."""
        asked = _join(self.components(images), numbers, table)
        flags = torch.zeros(len(asked), dtype=torch.float64)
        seen = _join(self.seen, self.numbers, table)
        components = self.basis.shape[2]
        return (_covariance(self.scales, components, asked, seen, flags, self.support.double()) @ self.weights).float()

    @torch.no_grad()
    def fit(
        self,
        images: Float[Tensor, "crystal 3 pixel"],
        numbers: Float[Tensor, "crystal 3"],
        table: Float[Tensor, "number feature"],
        support: Float[Tensor, " crystal"],
        target: Float[Tensor, " crystal"],
        seed: int,
    ) -> None:
        """Choose basis, scales and weights.

        Args:
            images: of the sites.
            numbers: atomic numbers on them.
            table: features of the elements, by atomic number.
            support: 1 for crystals of another source, else 0.
            target: to learn, of about mean 0 and spread 1.
            seed: of the choice of crystals whose likelihood is maximised.
        """
        n = len(images)
        self.centre.copy_(images.mean(0))
        rank = min(self.basis.shape[2], n, images.shape[2])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # of the random start of the decomposition
            for s in range(3):
                _, size, right = torch.svd_lowrank(images[:, s] - self.centre[s], q=rank, niter=4)
                self.basis[s, :, :rank] = right / (size[0] / n**0.5).clamp(min=1e-6)
        self.seen[:n], self.numbers[:n], self.support[:n] = self.components(images), numbers, support
        seen, flags, y = _join(self.seen[:n], numbers, table), support.double(), target.double()
        some = torch.from_numpy(np.random.default_rng(seed).permutation(n)[:SOME])
        extra, components = torch.zeros(n, dtype=torch.float64), self.basis.shape[2]
        for _ in range(2):  # the second time without outliers
            calm = some[extra[some] == 0]

            def of(scales: Tensor, x: Tensor = seen[calm], flag: Tensor = flags[calm]) -> Tensor:
                return _covariance(scales, components, x, x, flag, flag) + torch.diag(_noise(scales, flag))

            self.scales.copy_(likeliest(of, y[calm], first=_first_scales(), start=self.scales, steps=STEPS))
            covariance = _covariance(self.scales, components, seen, seen, flags, flags)
            weights, extra = weigh(covariance, _noise(self.scales, flags), y)
        self.weights[:n] = weights


def _join(
    components: Float[Tensor, "crystal 3 component"],
    numbers: Float[Tensor, "crystal 3"],
    table: Float[Tensor, "number feature"],
) -> Float[Tensor, "crystal 3 both"]:
    """Components and features of the elements, concatenated."""
    return torch.cat([components, table[numbers.long()]], dim=2).double()


def _first_scales() -> Float[Tensor, " scale"]:
    """Logarithms of: λ and μ of the three sites, α of both kinds, noise of both sources, their difference."""
    lengths = [2.0] * 3 + [4.0] * 3
    return torch.tensor([*lengths, *[0.3] * (2 * TERMS), 0.01, 0.01, 0.02], dtype=torch.float64).log()


def _products(a: Tensor, b: Tensor, x: Tensor) -> tuple[Tensor, ...]:
    return a, b, x, a * b, b * x, a * b * x


def _covariance(
    scales: Float[Tensor, " scale"],
    components: int,
    left: Float[Tensor, "n 3 component"],
    right: Float[Tensor, "m 3 component"],
    left_flag: Float[Tensor, " n"],
    right_flag: Float[Tensor, " m"],
) -> Float[Tensor, "n m"]:
    """K, and a constant for the unknown mean."""
    value = scales.exp()
    total = torch.full((len(left), len(right)), 4.0, dtype=left.dtype)
    apart = left_flag[:, None] * right_flag[None, :]
    for kind, columns in enumerate((slice(0, components), slice(components, None))):
        sites = []
        for s in range(3):
            squared = torch.cdist(left[:, s, columns], right[:, s, columns]) ** 2
            sites.append(torch.exp(-squared / (2 * value[3 * kind + s] ** 2)))
        for term, product in enumerate(_products(*sites)):
            total = total + value[6 + TERMS * kind + term] * product
        total = total + apart * value[-1] * (1 + sites[0] * sites[1])
    return total


def _noise(scales: Float[Tensor, " scale"], flag: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    value = scales.exp()
    return value[-3] * (1 - flag) + value[-2] * flag + 1e-6
