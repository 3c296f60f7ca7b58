"""Symmetry operations of a crystal as motions of its atoms: averages over them, and the directions they leave free.

An operation sends fractional coordinates u to W u + t, and the atom *i* onto the atom ``partner[i]``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import spglib

from voxpot_crystals.structures.symmetry import ask_spglib

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__ = ["Operations", "free_directions", "free_strains", "operations_of", "symmetrised"]

TINY = 1e-3
"""Singular values of projectors are 0 or about 1."""


@dataclass(frozen=True, slots=True)
class Operations:
    """Operations of a crystal, with the atoms they exchange."""

    turns: Int[np.ndarray, "operation 3 3"]  # W, on columns of fractions
    shifts: Float[np.ndarray, "operation atom 3"]  # W u + shift is at the partner, without further images
    partner: Int[np.ndarray, "operation atom"]

    def rotations(self, cell: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "operation 3 3"]:
        """The same on Cartesian columns."""
        return np.asarray(cell.T @ self.turns @ np.linalg.inv(cell.T))


def operations_of(
    fractions: Float[np.ndarray, "atom 3"],
    kinds: Int[np.ndarray, " atom"],
    cell: Float[np.ndarray, "3 3"],
    *,
    tolerance: float,
) -> Operations | None:
    """The operations that hold within ``tolerance`` Å; None if there is none but the identity."""
    found = ask_spglib(spglib.get_symmetry, (cell, fractions, kinds + 1), symprec=tolerance)
    if found is None or len(found["rotations"]) < 2:
        return None
    turns, partners, shifts = found["rotations"], [], []
    for turn, shift in zip(turns, found["translations"], strict=True):
        difference = (fractions @ turn.T + shift)[:, None] - fractions
        images = np.round(difference)
        partner = np.linalg.norm((difference - images) @ cell, axis=-1).argmin(1)
        if len(set(partner.tolist())) < len(kinds):
            return None
        partners.append(partner)
        shifts.append(shift - images[np.arange(len(kinds)), partner])
    return Operations(turns, np.array(shifts), np.array(partners))


def symmetrised(
    fractions: Float[np.ndarray, "atom 3"], gram: Float[np.ndarray, "3 3"], operations: Operations
) -> tuple[Float[np.ndarray, "atom 3"], Float[np.ndarray, "3 3"]]:
    """Positions and Gram matrix as means over the operations, which then hold exactly; the first atom at 0."""
    turns = operations.turns
    moved = np.einsum("oij,aj->oai", turns, fractions) + operations.shifts
    mean = np.zeros_like(fractions)
    np.add.at(mean, operations.partner, moved)
    mean /= len(turns)
    return mean - mean[0], np.einsum("oji,jk,okl->il", turns, gram, turns) / len(turns)


def free_directions(
    count: int, cell: Float[np.ndarray, "3 3"], operations: Operations | None
) -> Float[np.ndarray, "direction atom 3"]:
    """Orthonormal motions of the atoms in Å, relative to the first atom, that keep the operations."""
    size = 3 * count
    if operations is None:
        return np.eye(size)[3:].reshape(-1, count, 3)
    projector = np.zeros((count, 3, count, 3))
    atoms = np.arange(count)
    for rotation, partner in zip(operations.rotations(cell), operations.partner, strict=True):
        projector[partner, :, atoms, :] += rotation / len(operations.turns)
    left, values, _ = np.linalg.svd((projector - projector[:1]).reshape(size, size))
    return np.asarray(left[:, values > TINY].T.reshape(-1, count, 3))


def free_strains(cell: Float[np.ndarray, "3 3"], operations: Operations | None) -> Float[np.ndarray, "strain 3 3"]:
    """Orthonormal symmetric strains that keep the operations."""
    rows, columns = np.triu_indices(3)
    strains = np.zeros((6, 3, 3))
    strains[range(6), rows, columns] = strains[range(6), columns, rows] = 1
    if operations is not None:
        rotations = operations.rotations(cell)
        strains = np.einsum("oij,sjk,olk->sil", rotations, strains, rotations) / len(rotations)
    _, values, right = np.linalg.svd(strains.reshape(6, 9))
    return np.asarray(right[:6][values > TINY].reshape(-1, 3, 3))
