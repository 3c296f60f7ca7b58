"""Small crystals, some skewed, some crowded."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import bulk


def some_crystals() -> list[Atoms]:
    skewed = Atoms(
        ["Na", "Cl", "K"],
        scaled_positions=[(0, 0, 0), (0.3, 0.4, 0.5), (0.7, 0.8, 0.2)],
        cell=[[4.0, 0, 0], [1.8, 4.1, 0], [-0.9, 1.2, 4.4]],
        pbc=True,
    )
    return [
        bulk("NaCl", "rocksalt", a=5.4, cubic=True),
        bulk("KCl", "cesiumchloride", a=3.8),
        bulk("Na", "bcc", a=4.2, cubic=True),
        skewed,
    ]


def random_crystal(rng: np.random.Generator, atoms: int = 5) -> Atoms:
    """Atoms at least 1.6 Å apart in a skewed cell."""
    cell = np.diag(rng.uniform(4, 6, 3)) + np.tril(rng.uniform(-1, 1, (3, 3)), -1)
    made = Atoms(cell=cell, pbc=True)
    while len(made) < atoms:
        trial = made + Atoms([rng.choice(["Na", "Cl", "K"])], scaled_positions=None, positions=[rng.random(3) @ cell])
        trial.set_cell(cell)
        trial.pbc = True
        distances = trial.get_all_distances(mic=True) + 9 * np.eye(len(trial))
        if distances.min() > 1.6:
            made = trial
    return made
