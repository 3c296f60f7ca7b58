"""A joint Gaussian of latent vectors and conditions, conditioned exactly.

    z | c  ~  N( μ_z + Σ_zc Σ_cc⁻¹ (c - μ_c),  Σ_zz - Σ_zc Σ_cc⁻¹ Σ_cz )

over those columns of c that are known.  Correlations are shrunk towards none (O. Ledoit and M. Wolf,
J. Multivar. Anal. 88, 365 (2004)); rows with unknown conditions are included by EM
(R. Little and D. Rubin, Statistical Analysis with Missing Data, ch. 11).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import DataError

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["GaussianPrior"]

ROUNDS = 20
"""Iterations of expectation maximisation."""
LEAST = 1e-6
"""Shrinkage that keeps every correlation matrix invertible."""


@dataclass(frozen=True, slots=True)
class GaussianPrior:
    """Mean, standard deviations and correlations of (z, c) side by side."""

    latent: int  # how many of the columns are z
    mean: Float[np.ndarray, " column"]
    scale: Float[np.ndarray, " column"]
    correlation: Float[np.ndarray, "column column"]

    @classmethod
    def fit(
        cls, latent: Float[np.ndarray, "crystal latent"], condition: Float[np.ndarray, "crystal column"]
    ) -> GaussianPrior:
        """From latent vectors and their conditions, NaN where unknown.

        Raises:
            DataError: fewer than two crystals.
        """
        from sklearn.covariance import ledoit_wolf_shrinkage

        if len(latent) < 2:
            raise DataError(f"expected two or more crystals to fit a distribution to, got {len(latent)}")
        rows = np.hstack([latent, condition])
        mean, spread = np.nanmean(rows, axis=0), np.nanstd(rows, axis=0)
        scale = np.where(spread > 1e-12, spread, 1.0)
        centre, correlation, filled = _moments((rows - mean) / scale)
        shrinkage = max(float(ledoit_wolf_shrinkage(filled - centre, assume_centered=True)), LEAST)
        correlation = (1 - shrinkage) * correlation
        np.fill_diagonal(correlation, np.maximum(np.diag(correlation) / (1 - shrinkage), LEAST))
        return cls(latent.shape[1], mean + scale * centre, scale, correlation)

    def sample(
        self, count: int, condition: Float[np.ndarray, " column"] | None, rng: np.random.Generator
    ) -> Float[np.ndarray, "sample latent"]:
        """Latent vectors under a condition; NaN or None for no condition."""
        d = self.latent
        z, centre = slice(0, d), np.zeros(d)
        covariance = self.correlation[z, z]
        if condition is not None and not np.isnan(condition).all():
            known = d + np.flatnonzero(~np.isnan(condition))
            asked = (condition[known - d] - self.mean[known]) / self.scale[known]
            gain = np.linalg.solve(self.correlation[np.ix_(known, known)], self.correlation[known, z]).T
            centre = gain @ asked
            covariance = covariance - gain @ self.correlation[known, z]
        root = np.linalg.cholesky((covariance + covariance.T) / 2)
        drawn = centre + rng.standard_normal((count, d)) @ root.T
        return self.mean[z] + self.scale[z] * drawn


def _moments(
    rows: Float[np.ndarray, "row column"],
) -> tuple[Float[np.ndarray, " column"], Float[np.ndarray, "column column"], Float[np.ndarray, "row column"]]:
    """Mean and covariance of standardised rows with gaps, and the rows with their gaps filled."""
    gaps = np.isnan(rows)
    filled = np.where(gaps, 0.0, rows)
    mean, covariance = filled.mean(0), filled.T @ filled / len(rows)
    patterns, which = np.unique(gaps, axis=0, return_inverse=True)
    if not gaps.any():
        return mean, covariance, filled
    covariance += LEAST * np.eye(len(mean))
    for _ in range(ROUNDS):
        unsure = np.zeros_like(covariance)
        for number, gap in enumerate(patterns):
            members = np.flatnonzero(which.ravel() == number)
            known = ~gap
            if not gap.any():
                continue
            gain = np.linalg.solve(covariance[np.ix_(known, known)], covariance[np.ix_(known, gap)])
            filled[np.ix_(members, gap)] = mean[gap] + (filled[np.ix_(members, known)] - mean[known]) @ gain
            left = covariance[np.ix_(gap, gap)] - covariance[np.ix_(gap, known)] @ gain
            unsure[np.ix_(gap, gap)] += len(members) * left
        mean = filled.mean(0)
        apart = filled - mean
        covariance = (apart.T @ apart + unsure) / len(rows) + LEAST * np.eye(len(mean))
    return mean, covariance, filled
