"""Numbers of a crystal that a Gaussian process reads: its composition, its density, and its bonds.

Neighbours count as bonded by a weight w = exp(-4 max(s - 1, -0.3)), s their distance over the sum of their covalent
radii.  Everything is a mean over atoms or bonds, so that the cell a crystal is written in does not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.data import covalent_radii

from voxpot_crystals.regression.elements import FEATURES, electronegativities, element_features

if TYPE_CHECKING:
    from jaxtyping import Float

    from voxpot_crystals.structures.graphs import Graph

__all__ = ["BONDS", "COLUMNS", "MOST", "describe"]

MOST = 8
"""Elements of a crystal that are kept; of more the commonest."""
BONDS = 19
"""Numbers of density and bonds."""
COLUMNS = 2 * MOST + BONDS
"""Atomic numbers and shares of the elements, then density and bonds."""
STEEP = 4.0
SHORTEST = -0.3
NEXT = 1.2
"""In nearest distances, how far the first shell of an atom reaches."""


def describe(graph: Graph, volume: float) -> Float[np.ndarray, " column"]:
    """The ``COLUMNS`` of a crystal.

    Args:
        graph: atoms and their nearest neighbours.
        volume: Å³ of its cell.
    """
    found, count = np.unique(graph.numbers, return_counts=True)
    kept = np.sort(np.argsort(-count, kind="stable")[:MOST])
    row = np.zeros(COLUMNS)
    row[: len(kept)] = found[kept]
    row[MOST : MOST + len(kept)] = count[kept] / count[kept].sum()
    row[2 * MOST :] = _bonds(graph, volume)
    return row


def _bonds(graph: Graph, volume: float) -> Float[np.ndarray, " number"]:
    z, i, j, d = graph.numbers, graph.centre, graph.neighbour, graph.distance
    atoms, radius = len(z), covalent_radii[z]
    reduced = d / (radius[i] + radius[j])
    weight = np.exp(-STEEP * np.maximum(reduced - 1, SHORTEST))
    nearest, shell = np.full((2, atoms), np.inf)
    np.minimum.at(nearest, i, reduced)
    np.minimum.at(shell, i, d)
    coordination = np.bincount(i, weights=weight, minlength=atoms)
    neighbours = np.bincount(i, weights=(d < NEXT * shell[i]).astype(float), minlength=atoms)
    polar = np.abs(np.diff(electronegativities()[z][np.stack([i, j])], axis=0))[0]
    alike = (z[i] == z[j]).astype(float)
    p, q = (element_features()[z, FEATURES.index(name)] for name in ("p electrons", "d electrons"))
    per_atom = volume / atoms

    def of_bonds(value: np.ndarray) -> float:
        return float((weight * value).sum() / weight.sum())

    return np.array(
        [
            per_atom,
            per_atom / (4 / 3 * np.pi * (radius**3).mean()),
            np.log(per_atom),
            *(nearest.mean(), nearest.min(), nearest.max(), nearest.std()),
            *(coordination.mean(), coordination.std()),
            *(neighbours.mean(), neighbours.std()),
            *(of_bonds(polar), of_bonds(polar**2), of_bonds(alike)),
            *((weight * polar).sum() / atoms, (weight * alike).sum() / atoms),
            *(of_bonds(p[i] * q[j] + q[i] * p[j]), of_bonds(p[i] * p[j]), of_bonds(q[i] * q[j])),
        ]
    )
