"""Small alloys to walk through, and a model whose energies are known in closed form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes

from ase_voxpot.neighbours.verlet import VerletList


class NearestPairs(Calculator):
    """Pairs at nearest-neighbour distance cost what a table says: an Ising model as ASE knows calculators."""

    implemented_properties = ["energy"]

    def __init__(self, cost: dict[tuple[str, str], float], reach: float = 2.9) -> None:
        super().__init__()
        self.cost, self.reach, self.calls = cost, reach, 0

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        pairs = VerletList(self.reach).update(self.atoms)
        symbols = self.atoms.get_chemical_symbols()
        energy = 0.0
        for i, j in zip(pairs.centre, pairs.neighbour, strict=True):
            energy += 0.5 * self.cost[tuple(sorted((symbols[i], symbols[j])))]
        self.calls += 1
        self.results = {"energy": energy}


@pytest.fixture
def ordering() -> NearestPairs:
    """Unlike neighbours attract by 30 meV."""
    return NearestPairs({("Mo", "Mo"): 0.0, ("Ta", "Ta"): 0.0, ("Mo", "Ta"): -0.03})


@pytest.fixture
def alloy() -> Callable[..., Atoms]:
    """Bcc cells with given numbers of atoms of each element, shuffled."""

    def make(repeat: tuple[int, int, int], seed: int = 0, **counts: int) -> Atoms:
        atoms = bulk("W", "bcc", a=3.2, cubic=True).repeat(repeat)
        atoms.symbols = np.random.default_rng(seed).permutation([s for s, n in counts.items() for _ in range(n)])
        return atoms

    return make
