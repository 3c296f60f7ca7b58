"""Baselines of whole-cell networks: zero forces, force constants, linear regression.

    zero        F = 0
    harmonic    F = f - K u, with u the displacements from the mean positions of the frames that
                are learned from, and f, K fitted to their forces
    linear      F = f + W v, with v the standardised voxels

A crystal without diffusion is nearly harmonic, so
that force constants are a strong baseline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import DataError

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__ = ["Line", "fit_harmonic", "fit_linear", "harmonic_energies"]

PORTION = 2000
"""Frames of a batch."""
RIDGES = (1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
"""Ridge parameters, chosen on a part of the training frames."""
HELD = 5
"""Every n-th training frame is used for this choice."""


@dataclass(frozen=True, slots=True)
class Line:
    """Targets as a linear function of inputs."""

    centre: Float[np.ndarray, " input"]
    scale: Float[np.ndarray, " input"]  # inputs that never change have 0
    slope: Float[np.ndarray, "input target"]
    offset: Float[np.ndarray, " target"]

    def __call__(self, inputs: Float[np.ndarray, "frame ..."]) -> Float[np.ndarray, "frame target"]:
        """Targets of every frame."""
        flat = inputs.reshape(len(inputs), -1)
        result = np.empty((len(flat), len(self.offset)), np.float32)
        for start in range(0, len(flat), PORTION):
            part = (flat[start : start + PORTION] - self.centre) * self.scale
            result[start : start + PORTION] = part @ self.slope + self.offset
        return result


@dataclass(frozen=True, slots=True)
class _Moments:
    """Sums over frames of centred inputs and targets."""

    count: int
    square: np.ndarray  # [input, input]
    product: np.ndarray  # [input, target]

    def __add__(self, other: _Moments) -> _Moments:
        return _Moments(self.count + other.count, self.square + other.square, self.product + other.product)

    def solve(self, ridge: float) -> np.ndarray:
        """The slope, [input, target]."""
        matrix = self.square / self.count + ridge * np.eye(len(self.square))
        return np.linalg.solve(matrix, self.product / self.count)

    def rest(self, slope: np.ndarray) -> float:
        """Sum of squared errors, but for a part that all slopes share."""
        fitted = np.einsum("ik,ij,jk->", slope, self.square, slope, optimize=True)
        return float(fitted - 2 * (slope * self.product).sum())


def fit_harmonic(
    positions: Float[np.ndarray, "frame atom 3"],
    forces: Float[np.ndarray, "frame atom 3"],
    rows: Int[np.ndarray, " row"],
) -> Line:
    """Force constants by least squares over ``rows``."""
    return _fit(positions, forces, rows, standardise=False)


def harmonic_energies(springs: Line, positions: Float[np.ndarray, "frame atom 3"]) -> Float[np.ndarray, " frame"]:
    """Energies in eV of fitted force constants, 0 at the mean positions: -f·u + u·K u / 2.

    Fitted force constants are not exactly symmetric; the energy is that of their symmetric part.
    """
    force_constants = -springs.scale[:, None] * springs.slope
    symmetric = (force_constants + force_constants.T) / 2
    u = positions.reshape(len(positions), -1) - springs.centre
    energies: np.ndarray = 0.5 * ((u @ symmetric) * u).sum(axis=1) - u @ springs.offset
    return energies


def fit_linear(
    voxels: Float[np.ndarray, "frame n n n"], forces: Float[np.ndarray, "frame atom 3"], rows: Int[np.ndarray, " row"]
) -> Line:
    """Ridge regression on voxels over ``rows``."""
    return _fit(voxels, forces, rows, standardise=True)


def _fit(inputs: np.ndarray, targets: np.ndarray, rows: np.ndarray, *, standardise: bool) -> Line:
    if len(rows) < 2 * HELD:
        raise DataError(f"expected at least {2 * HELD} frames to fit a straight line to, got {len(rows)}")
    flat, aims = inputs.reshape(len(inputs), -1), targets.reshape(len(targets), -1)
    portions = [rows[k : k + PORTION] for k in range(0, len(rows), PORTION)]
    centre = sum(flat[p].sum(axis=0, dtype=float) for p in portions) / len(rows)
    square = sum(((flat[p] - centre) ** 2).sum(axis=0) for p in portions) / len(rows)
    offset = sum(aims[p].sum(axis=0, dtype=float) for p in portions) / len(rows)
    deviation = np.sqrt(square)
    moving = deviation > 4e-7 * np.abs(centre)
    size = deviation if standardise else np.full_like(deviation, np.sqrt(square.mean()))
    scale = np.where(moving, 1 / np.where(moving, size, 1), 0)

    def moments(of: np.ndarray) -> _Moments:
        found = _Moments(0, np.zeros((flat.shape[1],) * 2), np.zeros((flat.shape[1], aims.shape[1])))
        for k in range(0, len(of), PORTION):
            part = of[k : k + PORTION]
            x, y = (flat[part] - centre) * scale, aims[part] - offset
            found += _Moments(len(part), x.T @ x, x.T @ y)
        return found

    held = np.zeros(len(rows), bool)
    held[::HELD] = True
    learned, kept = moments(rows[~held]), moments(rows[held])
    ridge = min(RIDGES, key=lambda r: kept.rest(learned.solve(r)))
    return Line(centre, scale, (learned + kept).solve(ridge), offset)
