"""Errors of predictions, and statistics of their uncertainties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["Figures", "Trust", "figures_of", "trust_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Errors in the unit of the target; r² of predicted against true, not of a line through them."""

    crystals: int
    mae: float
    rmse: float
    mse: float
    r2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Statistics of uncertainties against errors."""

    sigma: float  # root mean square
    within_68: float  # share of errors within one sigma
    within_95: float  # within two
    spearman: float  # rank correlation of sigma and error


def figures_of(truth: Float[np.ndarray, " crystal"], predicted: Float[np.ndarray, " crystal"]) -> Figures:
    """The errors of some predictions."""
    error = predicted - truth
    spread = float(((truth - truth.mean()) ** 2).sum())
    mse = float((error**2).mean())
    return Figures(
        crystals=len(truth),
        mae=float(np.abs(error).mean()),
        rmse=mse**0.5,
        mse=mse,
        r2=1 - float((error**2).sum()) / spread if spread > 0 else float("nan"),
    )


def trust_of(
    truth: Float[np.ndarray, " crystal"], predicted: Float[np.ndarray, " crystal"], sigma: Float[np.ndarray, " crystal"]
) -> Trust:
    """The uncertainties beside the errors."""
    from scipy.stats import spearmanr

    error = np.abs(predicted - truth)
    varied = len(error) > 2 and np.ptp(sigma) > 0 and np.ptp(error) > 0
    return Trust(
        sigma=float(np.sqrt((sigma**2).mean())),
        within_68=float((error <= sigma).mean()),
        within_95=float((error <= 2 * sigma).mean()),
        spearman=float(spearmanr(sigma, error).statistic) if varied else 0.0,
    )
