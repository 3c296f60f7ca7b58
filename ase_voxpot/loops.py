"""Compiled loops over the pairs of a whole structure: what is too little work for threads, and too much for NumPy."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["add_forces", "moved", "within"]


@njit(cache=True, nogil=True)
def moved(positions, before, strain):  # pragma: no cover - compiled
    """Å, by how much the atom moved that moved most, apart from the strain; infinite if one is lost."""
    most = 0.0
    for i in range(len(positions)):
        square = 0.0
        for k in range(3):
            expected = before[i, 0] * strain[0, k] + before[i, 1] * strain[1, k] + before[i, 2] * strain[2, k]
            square += (positions[i, k] - expected) ** 2
        if not square < np.inf:
            return np.inf
        most = max(most, square)
    return np.sqrt(most)


@njit(cache=True, nogil=True)
def within(  # pragma: no cover - compiled
    positions, images, centre, neighbour, image, cutoff, out_centre, out_neighbour, offset
):
    """Write the pairs within the cutoff one after the other; how many, the least distance and who has it."""
    count, worst, least, limit = 0, 0, np.inf, cutoff * cutoff
    for p in range(len(centre)):
        i, j = centre[p], neighbour[p]
        square = 0.0
        for k in range(3):
            d = positions[j, k] - positions[i, k] + images[image[p], k]
            offset[count, k] = d
            square += d * d
        if square < limit:
            out_centre[count], out_neighbour[count] = i, j
            if square < least:
                least, worst = square, count
            count += 1
    return count, np.sqrt(least), worst


@njit(cache=True, nogil=True, fastmath=True)
def add_forces(gradient, centre, neighbour, forces):  # pragma: no cover - compiled
    """Add dE/dd of every pair to the force on its centre, and take it off the force on its neighbour."""
    for p in range(len(centre)):
        i, j = centre[p], neighbour[p]
        for k in range(3):
            forces[i, k] += gradient[p, k]
            forces[j, k] -= gradient[p, k]
