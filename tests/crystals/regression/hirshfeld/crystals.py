"""Small crystals to look at, and the promolecule done slowly."""

import numpy as np
from ase import Atoms
from ase.neighborlist import primitive_neighbor_list

from voxpot_crystals.regression.hirshfeld.atoms import log_density
from voxpot_crystals.regression.hirshfeld.views import perovskite

__all__ = ["lopsided", "perovskite", "reference_share"]


def lopsided() -> Atoms:
    """Four atoms in a triclinic cell, without symmetry."""
    cell = [[4.1, 0.2, -0.1], [0.7, 4.4, 0.3], [-0.4, 0.9, 4.8]]
    places = [(0.02, 0.05, 0.01), (0.55, 0.48, 0.57), (0.47, 0.96, 0.44), (0.98, 0.52, 0.9)]
    return Atoms(["Sr", "Ti", "O", "F"], scaled_positions=places, cell=cell, pbc=True)


def reference_share(atoms: Atoms, index: int, offset: np.ndarray, reach: float = 12.0) -> tuple[np.ndarray, np.ndarray]:
    """w of atom ``index`` at points ``offset`` from it, and distances to the nearest other nucleus, by brute force."""
    mine = np.exp(log_density(atoms.numbers[index], np.linalg.norm(offset, axis=1)))
    i, j, vector = primitive_neighbor_list("ijD", atoms.pbc, atoms.cell.array, atoms.positions, reach)
    others, nearest = np.zeros(len(offset)), np.full(len(offset), np.inf)
    for neighbour, where in zip(j[i == index], vector[i == index], strict=True):
        distance = np.linalg.norm(offset - where, axis=1)
        others += np.exp(log_density(atoms.numbers[neighbour], distance))
        nearest = np.minimum(nearest, distance)
    return mine / (mine + others), nearest
