"""Crystals as graphs: every atom with its nearest neighbours and their distances.

Ties at the last place are kept: which of several neighbours at one distance comes twelfth would
depend on the cell that a crystal is written in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import StructureError
from ase_voxpot.neighbours.verlet import VerletList

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Float, Int

__all__ = ["Graph", "graph_of"]

TIE = 1e-3
"""Å; distances that differ by less are one."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Atoms and directed edges of one crystal."""

    numbers: Int[np.ndarray, " atom"]
    centre: Int[np.ndarray, " edge"]
    neighbour: Int[np.ndarray, " edge"]
    distance: Float[np.ndarray, " edge"]  # Å


def graph_of(atoms: Atoms, *, nearest: int, cutoff: float) -> Graph:
    """The nearest neighbours of every atom, images included.

    Args:
        atoms: a crystal.
        nearest: how many; further ones at the distance of the last belong to them.
        cutoff: Å, no further than that.

    Raises:
        StructureError: an atom without a neighbour.
    """
    pairs = VerletList(cutoff, threads=1).update(atoms)
    distance = np.linalg.norm(pairs.offset, axis=1)
    order = np.lexsort((distance, pairs.centre))
    centre, distance = pairs.centre[order], distance[order]
    start = np.searchsorted(centre, np.arange(len(atoms)))
    count = np.bincount(centre, minlength=len(atoms))
    if (count == 0).any():
        raise StructureError(f"atom {int(count.argmin())} has no neighbour within {cutoff:g} Å; is this a crystal?")
    last = distance[start + np.minimum(count, nearest) - 1]
    near = distance <= last[centre] + TIE
    return Graph(atoms.numbers.copy(), centre[near], pairs.neighbour[order[near]], distance[near])
