"""Means of correlated series, with standard errors by block averaging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["FEWEST", "Estimate", "block_average"]

FEWEST = 8
"""Least number of blocks of an error estimate."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its standard error."""

    value: float
    error: float

    def __str__(self) -> str:
        """As in ``-0.271 ± 0.004``."""
        return f"{self.value:.3f} ± {self.error:.3f}"


def block_average(series: Float[np.ndarray, " sample"]) -> Estimate:
    """Mean of a series, with the error that remains when neighbouring samples are merged.

    Samples are averaged two by two until the error of the mean, as if they were independent, stops
    growing within its own uncertainty (Flyvbjerg and Petersen, J. Chem. Phys. 91, 461, 1989).

    Args:
        series: at least one sample, equally spaced in time.

    >>> block_average(np.array([1.0, 3.0])).value
    2.0
    """
    blocks, errors, doubts = np.asarray(series, float), [], []
    mean = float(blocks.mean())
    while len(blocks) >= min(FEWEST, max(len(series), 2)):
        error = blocks.std() / np.sqrt(len(blocks) - 1)
        errors.append(error)
        doubts.append(error / np.sqrt(2 * (len(blocks) - 1)))
        if len(blocks) < 2 * FEWEST:
            break
        even = len(blocks) // 2 * 2
        blocks = blocks[:even].reshape(-1, 2).mean(axis=1)
    for k, error in enumerate(errors):
        if all(later - d <= error for later, d in zip(errors[k + 1 :], doubts[k + 1 :], strict=True)):
            return Estimate(mean, float(error))
    return Estimate(mean, float(max(errors, default=0.0)))
