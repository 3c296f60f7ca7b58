"""Gaussian processes that are robust to outliers, as networks without gradients.

A ``Process`` says which rows of numbers are alike; its scales maximise the likelihood of the labels (Rasmussen and
Williams, Gaussian Processes for Machine Learning, 2006, chapter 5), held near where they start by a wide prior.
Labels far from what all others say of them, such as failed calculations, are then given less weight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Bool, Float
    from torch import Tensor

__all__ = ["Process", "beyond_expected", "beyond_most", "likeliest", "spread_of", "squared_distances", "weigh"]

STEPS = 25
"""Iterations of the search for scales."""
OUTLYING = 4.0
"""Standard deviations beyond which a residual is an outlier."""
LEAST_NOISE = 1e-4
"""Variance of the labels, in units of their spread, that keeps covariances positive."""


def beyond_most(left_out: Float[Tensor, " n"], expected: Float[Tensor, " n"]) -> Bool[Tensor, " n"]:
    """Errors far larger than those of most: for many crystals of one source, a few of them gone wrong."""
    return left_out.abs() > OUTLYING * 1.4826 * left_out.abs().median()


def beyond_expected(left_out: Float[Tensor, " n"], expected: Float[Tensor, " n"]) -> Bool[Tensor, " n"]:
    """Errors far larger than expected of each: for few crystals, of sources that differ in noise."""
    return left_out.abs() > OUTLYING * expected


def weigh(
    covariance: Float[Tensor, "n n"],
    noise: Float[Tensor, " n"],
    y: Float[Tensor, " n"],
    outlying: Callable[[Tensor, Tensor], Tensor] = beyond_most,
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """Weights of the crystals, and the noise that outlying ones are given on top.

    Args:
        covariance: of the quantity.
        noise: variances of the labels.
        y: the labels.
        outlying: of errors of the labels against all others, and their expected standard deviations: outliers.
    """
    extra = torch.zeros_like(noise)
    for _ in range(2):
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(covariance + torch.diag(noise + extra)))
        weights = inverse @ y
        left_out = weights / inverse.diagonal()
        extra = torch.where(outlying(left_out, inverse.diagonal() ** -0.5), left_out**2, 0.0)
    return weights, extra


def likeliest(
    covariance: Callable[[Float[Tensor, " scale"]], Float[Tensor, "n n"]],
    y: Float[Tensor, " n"],
    *,
    first: Float[Tensor, " scale"],
    start: Float[Tensor, " scale"],
    steps: int,
    prior: float = 2.0,
) -> Float[Tensor, " scale"]:
    """Logarithms of the scales of the largest likelihood.

    Args:
        covariance: of the labels under some scales, their noise included.
        y: the labels, of about mean 0 and spread 1.
        first: middle of the prior.
        start: of the search.
        steps: iterations.
        prior: standard deviation of a logarithm about its middle.
    """
    scales = start.clone().requires_grad_(True)
    search = torch.optim.LBFGS([scales], max_iter=steps, line_search_fn="strong_wolfe")

    def unlikely() -> Tensor:
        search.zero_grad()
        factor = torch.linalg.cholesky(covariance(scales))
        half = torch.linalg.solve_triangular(factor, y[:, None], upper=False)
        loss = (half**2).sum() / 2 + factor.diagonal().log().sum() + ((scales - first) ** 2).sum() / (2 * prior**2)
        loss.backward()
        return loss

    with torch.enable_grad():
        search.step(unlikely)
    return scales.detach()


def squared_distances(left: Float[Tensor, "n column"], right: Float[Tensor, "m column"]) -> Float[Tensor, "n m"]:
    """Of all rows, without roots, whose slopes are infinite at 0."""
    total = (left**2).sum(1)[:, None] + (right**2).sum(1)[None] - 2 * left @ right.T
    return total.clamp(min=0)


def spread_of(table: Float[Tensor, "row column"]) -> tuple[Float[Tensor, " column"], Float[Tensor, " column"]]:
    """Mean and standard deviation of columns, 1 where nothing varies."""
    spread = table.std(0)
    return table.mean(0), torch.where(spread > 1e-9, spread, torch.ones_like(spread))


class Process(nn.Module):
    """The mean of a Gaussian process; ``fit`` it before use."""

    seen: Tensor
    weights: Tensor
    scales: Tensor
    some = 600
    """Largest number of crystals of the likelihood, whose cost is cubic."""
    outlying = staticmethod(beyond_most)
    prior = 2.0
    """Standard deviation of the logarithm of a scale about where it starts."""

    def __init__(self, capacity: int, columns: int, first: Float[Tensor, " scale"]) -> None:
        """Allocate arrays for so many training crystals of so many numbers each."""
        super().__init__()
        self.register_buffer("seen", torch.zeros(capacity, columns))
        self.register_buffer("weights", torch.zeros(capacity, dtype=torch.float64))
        self.register_buffer("scales", first.clone())
        self._first = first

    def covariance(
        self, scales: Float[Tensor, " scale"], left: Float[Tensor, "n column"], right: Float[Tensor, "m column"]
    ) -> Float[Tensor, "n m"]:
        """Of the quantity of two sets of crystals, in units of its variance; ``scales`` are logarithms."""
        raise NotImplementedError

    def noise(self, scales: Float[Tensor, " scale"], rows: Float[Tensor, "n column"]) -> Float[Tensor, " n"]:
        """Variance of the labels about the quantity."""
        return (scales[-1].exp() + LEAST_NOISE).expand(len(rows))

    def standardise(self, rows: Float[Tensor, "n column"]) -> None:
        """Take mean and spread of features from the training crystals, for processes that need these."""

    def forward(self, rows: Float[Tensor, "n column"]) -> Float[Tensor, " n"]:
        """The mean for some crystals."""
        return (self.covariance(self.scales, rows.double(), self.seen.double()) @ self.weights).float()

    @torch.no_grad()
    def fit(self, rows: Float[Tensor, "n column"], target: Float[Tensor, " n"], seed: int) -> None:
        """Choose scales and weights.

        Args:
            rows: of the training crystals.
            target: to learn, of about mean 0 and spread 1.
            seed: of the choice of crystals whose likelihood is maximised.
        """
        n = len(rows)
        self.seen.zero_()[:n] = rows
        seen, y = self.seen[:n].double(), target.double()
        self.standardise(seen)
        self.scales.copy_(self._first)
        some = torch.from_numpy(np.random.default_rng(seed).permutation(n)[: self.some])
        extra = torch.zeros(n, dtype=torch.float64)
        for _ in range(2):  # the second time without outliers
            regular = some[extra[some] == 0]

            def of(scales: Tensor, x: Tensor = seen[regular]) -> Tensor:
                return self.covariance(scales, x, x) + torch.diag(self.noise(scales, x))

            found = likeliest(of, y[regular], first=self._first, start=self.scales, steps=STEPS, prior=self.prior)
            self.scales.copy_(found)
            covariance = self.covariance(self.scales, seen, seen)
            weights, extra = weigh(covariance, self.noise(self.scales, seen), y, self.outlying)
        self.weights.zero_()[:n] = weights
