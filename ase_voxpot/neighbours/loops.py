"""Compiled serial loops over the pairs of a structure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.compiled import njit

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__ = ["add_forces", "close", "forces_from_arrays", "moved", "within"]


@njit(nogil=True)
def moved(positions, before, strain):  # pragma: no cover - compiled
    """Largest displacement of an atom in Å, apart from the strain; infinite if a position is not finite."""
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


@njit(nogil=True)
def within(  # pragma: no cover - compiled
    positions, images, centre, neighbour, image, cutoff, out_centre, out_neighbour, offset, first
):
    """Write the pairs within the cutoff one after the other; returns their number, the least distance and its pair.

    Every pair is written, and overwritten by the next if it is beyond the cutoff: a branch would often be
    mispredicted.  The arrays are one pair longer.  The pairs of atom i are ``first[i]:first[i + 1]``.
    """
    count, worst, least, limit = 0, 0, np.inf, cutoff * cutoff
    first[:] = 0
    for p in range(len(centre)):
        i, j, s = np.uint64(centre[p]), np.uint64(neighbour[p]), np.uint64(image[p])
        x = positions[j, 0] - positions[i, 0] + images[s, 0]
        y = positions[j, 1] - positions[i, 1] + images[s, 1]
        z = positions[j, 2] - positions[i, 2] + images[s, 2]
        offset[count, 0], offset[count, 1], offset[count, 2] = x, y, z
        out_centre[count], out_neighbour[count] = centre[p], neighbour[p]
        square = x * x + y * y + z * z
        if square < least:
            least, worst = square, count
        count += square < limit
        first[i + np.uint64(1)] = count
    for a in range(1, len(first)):  # atoms without pairs
        first[a] = max(first[a], first[a - 1])
    return count, np.sqrt(least), worst


@njit(nogil=True)
def close(offset, distance):  # pragma: no cover - compiled
    """Numbers of the pairs nearer than ``distance``."""
    limit, count = distance * distance, 0
    for p in range(len(offset)):
        count += offset[p, 0] ** 2 + offset[p, 1] ** 2 + offset[p, 2] ** 2 < limit
    out = np.empty(count, np.int64)
    count = 0
    for p in range(len(offset)):
        if count < len(out) and offset[p, 0] ** 2 + offset[p, 1] ** 2 + offset[p, 2] ** 2 < limit:
            out[count] = p
            count += 1
    return out


@njit(nogil=True, fastmath=True)
def add_forces(gradient, centre, neighbour, forces):  # pragma: no cover - compiled
    """Add dE/dd of every pair to the force on its centre, and subtract it from the force on its neighbour."""
    for p in range(len(centre)):
        i, j = centre[p], neighbour[p]
        for k in range(3):
            forces[i, k] += gradient[p, k]
            forces[j, k] -= gradient[p, k]


def forces_from_arrays(
    gradient: Float[np.ndarray, "pair 3"],
    centre: Int[np.ndarray, " pair"],
    neighbour: Int[np.ndarray, " pair"],
    atoms: int,
) -> Float[np.ndarray, "atom 3"]:
    """Forces in eV/Å from dE/dd of every pair: F_k = Σ_j dE/dd_kj - Σ_i dE/dd_ik."""
    forces = np.zeros((atoms, 3))
    add_forces(gradient, centre, neighbour, forces)
    return forces
