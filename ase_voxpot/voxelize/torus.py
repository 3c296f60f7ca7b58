"""Densities of crystals on the unit torus: a grid in fractions of the cell, all periodic images.

    ρ[c, v] = Σ_j weight[j, c] Σ_n exp(-|(u_v - u_j + n) · cell|² / 2σ²)        n whole

for cells of any shape.  A Gaussian is cut off at ``REACH`` widths.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.compiled import njit
from ase_voxpot.errors import CellError, SpecError

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["deposit"]

REACH = 6.0
"""Widths, where a Gaussian is 1.5e-8 of its maximum."""
LARGEST = 256
"""Points along an axis."""


def _heights(cell: np.ndarray, n: int, width: float) -> Float[np.ndarray, " 3"]:
    """Distances of opposite faces of a cell, in Å.

    Raises:
        CellError: no volume.
        SpecError: an invalid grid or width.
    """
    if not (np.isfinite(cell).all() and abs(np.linalg.det(cell)) > 1e-6):
        raise CellError("expected a cell that has a volume, to paint a density in it")
    if not (2 <= n <= LARGEST and 0 < width < 100):
        raise SpecError(f"expected 2 to {LARGEST} points along an axis and a width in Å, got {n} and {width}")
    return np.asarray(1 / np.linalg.norm(np.linalg.inv(cell), axis=0))


def deposit(
    fractions: Float[np.ndarray, "atom 3"],
    weight: Float[np.ndarray, "atom channel"],
    cell: Float[np.ndarray, "3 3"],
    *,
    n: int,
    width: float,
) -> Float[np.ndarray, "channel n n n"]:
    """Density of atoms on the grid; voxel v is at the fractions v / n.

    Args:
        fractions: of the cell, not necessarily within it.
        weight: of an atom in every channel.
        cell: rows in Å.
        n: voxels along each axis.
        width: σ of the Gaussians in Å.

    Raises:
        CellError: a cell without a volume.
        SpecError: an invalid grid or width.
    """
    cell = np.asarray(cell, float)
    reach = REACH * width / _heights(cell, n, width) * n  # in voxels, along each axis
    density = np.zeros((weight.shape[1], n, n, n))
    _sweep(np.asarray(fractions, float), np.asarray(weight, float), cell, width, reach, density)
    return density


@njit(nogil=True)
def _sweep(fractions, weight, cell, width, reach, density):  # pragma: no cover - compiled
    """Add every atom to the voxels within ``reach``; indices are periodic, which includes all images."""
    channels, n = density.shape[0], density.shape[1]
    steep = 0.5 / width**2
    limit = (REACH * width) ** 2
    for j in range(len(fractions)):
        x, y, z = fractions[j, 0] * n, fractions[j, 1] * n, fractions[j, 2] * n
        for a in range(int(np.ceil(x - reach[0])), int(np.floor(x + reach[0])) + 1):
            u = (a - x) / n
            for b in range(int(np.ceil(y - reach[1])), int(np.floor(y + reach[1])) + 1):
                v = (b - y) / n
                for c in range(int(np.ceil(z - reach[2])), int(np.floor(z + reach[2])) + 1):
                    w = (c - z) / n
                    square = 0.0
                    for k in range(3):
                        square += (u * cell[0, k] + v * cell[1, k] + w * cell[2, k]) ** 2
                    height = np.exp(-steep * square) * (square < limit)
                    for channel in range(channels):
                        density[channel, a % n, b % n, c % n] += weight[j, channel] * height
