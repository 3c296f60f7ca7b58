"""Small cubic perovskites with mixed anions, some a little distorted."""

from __future__ import annotations

import numpy as np
from ase import Atoms

SITES = np.array([(0.5, 0.5, 0.5), (0, 0, 0), (0.5, 0, 0), (0, 0.5, 0), (0, 0, 0.5)])


def some_perovskites(count: int = 24, seed: int = 0) -> list[Atoms]:
    """With ``heat_ref`` in ``info``."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        large, small = rng.choice(["Ba", "Sr", "K", "La"]), rng.choice(["Ti", "Zr", "Nb", "Fe"])
        anions = rng.choice(["O", "N", "F"], 3, p=(0.6, 0.2, 0.2))
        edge = rng.uniform(3.7, 4.6)
        places = SITES + rng.normal(scale=0.005, size=SITES.shape) + rng.random(3)
        atoms = Atoms([large, small, *anions], scaled_positions=places % 1, cell=np.eye(3) * edge, pbc=True)
        atoms.info["heat_ref"] = float(rng.normal())
        made.append(atoms)
    return made
