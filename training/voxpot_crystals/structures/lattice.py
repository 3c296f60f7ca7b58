"""Lattices as six numbers, and back.

A cell is written in ASE's standard orientation (a along x, b in the plane of x and y): six
numbers describe the shape, not the orientation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.geometry import cellpar_to_cell

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = [
    "TYPICAL",
    "cell_of_gram",
    "cell_of_lengths",
    "grams",
    "lengths_and_angles",
    "log_gram",
    "log_grams",
    "turned_to",
]

UPPER = np.triu_indices(3)

TYPICAL = (3.0, 0.0, 0.0, 3.0, 0.0, 3.0)
"""Logarithm of the Gram matrix of a cube of 4.5 Å, in log Å², subtracted from targets."""


def lengths_and_angles(cell: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, " 6"]:
    """Lengths in Å and angles in rad."""
    lengths = np.linalg.norm(cell, axis=1)
    cosine = [cell[j] @ cell[k] / (lengths[j] * lengths[k]) for j, k in ((1, 2), (2, 0), (0, 1))]
    return np.concatenate([lengths, np.arccos(np.clip(cosine, -1, 1))])


def cell_of_lengths(lattice: Float[np.ndarray, " 6"]) -> Float[np.ndarray, "3 3"] | None:
    """The inverse of ``lengths_and_angles``; None if no cell has these."""
    lengths, angles = lattice[:3], np.degrees(lattice[3:])
    if not np.isfinite(lattice).all() or lengths.min() <= 0.1 or angles.min() <= 1 or angles.max() >= 179:
        return None
    cosine = np.cos(lattice[3:])
    if 1 + 2 * cosine.prod() - (cosine**2).sum() < 1e-4:
        return None
    return np.asarray(cellpar_to_cell([*lengths, *angles]))


def log_gram(cell: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, " 6"]:
    """The upper triangle of log(C Cᵀ), in log Å²: any six numbers are one of a lattice.

    >>> log_gram(np.eye(3) * 4.0).round(3).tolist()
    [2.773, 0.0, 0.0, 2.773, 0.0, 2.773]
    """
    return log_grams((cell @ cell.T)[None])[0]


def log_grams(gram: Float[np.ndarray, "lattice 3 3"]) -> Float[np.ndarray, "lattice 6"]:
    """Six numbers of each of several Gram matrices, in Å²."""
    value, vector = np.linalg.eigh(gram)
    logarithm: np.ndarray = (vector * np.log(value)[:, None]) @ vector.transpose(0, 2, 1)
    return logarithm[:, *UPPER]


def grams(numbers: Float[np.ndarray, "lattice 6"]) -> Float[np.ndarray, "lattice 3 3"]:
    """The inverse of ``log_grams``."""
    logarithm = np.zeros((len(numbers), 3, 3))
    rows, columns = UPPER
    logarithm[:, rows, columns] = logarithm[:, columns, rows] = np.clip(numbers, -20, 20)
    value, vector = np.linalg.eigh(logarithm)
    return np.asarray((vector * np.exp(value)[:, None]) @ vector.transpose(0, 2, 1))


def cell_of_gram(numbers: Float[np.ndarray, " 6"]) -> Float[np.ndarray, "3 3"]:
    """The inverse of ``log_gram``, in standard orientation."""
    return np.linalg.cholesky(grams(numbers[None])[0])


def turned_to(cell: Float[np.ndarray, "3 3"], like: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "3 3"]:
    """``cell``, turned so that it comes closest to ``like`` (W. Kabsch, Acta Cryst. A 32, 922 (1976))."""
    left, _, right = np.linalg.svd(cell.T @ like)
    mirror = np.diag([1, 1, np.sign(np.linalg.det(left @ right))])
    return cell @ (left @ mirror @ right)
