from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT

from ase_voxpot.physics.stability import endure


class Broken(Calculator):
    """Springs from the start that snap after some calls."""

    implemented_properties = ["energy", "forces"]

    def __init__(self, what, calls=30):
        super().__init__()
        self.what, self.calls = what, calls

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.calls -= 1
        energy, forces = 0.0, np.zeros((len(self.atoms), 3))
        if self.calls < 0:
            if self.what == "raise":
                raise RuntimeError("lost atoms")
            if self.what == "hole":
                energy = -10.0 * len(self.atoms)
            if self.what == "heat":
                forces[:, 0] = 100.0 * (-1) ** np.arange(len(self.atoms))
            if self.what == "nan":
                energy = np.nan
        self.results = {"energy": energy, "forces": forces}


def test_copper_holds_at_room_temperature():
    seen = []

    found = endure(bulk("Cu", cubic=True).repeat(2), EMT(), temperature=300, steps=100, observe=seen.append)

    assert found.stable
    assert found.time == pytest.approx(0.2)
    assert 2.0 < found.closest < 2.6
    assert 100 < found.temperature < 600
    assert seen == list(range(10, 101, 10))
    assert len(found.times) == len(found.temperatures) == len(found.distances) == 10


def test_the_same_seed_gives_the_same_run():
    runs = [endure(bulk("Cu", cubic=True), EMT(), temperature=300, steps=20, seed=s).energies for s in (1, 1, 2)]

    assert (runs[0] == runs[1]).all()
    assert (runs[0] != runs[2]).any()


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("raise", "lost atoms"),
        ("hole", "below that of the crystal"),
        ("heat", "temperature rose"),
        ("nan", "not finite"),
    ],
)
def test_what_goes_wrong_is_told_and_ends_it(what, reason):
    found = endure(bulk("Cu", cubic=True).repeat(2), Broken(what), temperature=300, steps=2000)

    assert not found.stable
    assert reason in found.reason
    assert 0 < found.time < 4


def test_atoms_that_fall_together_are_seen():
    crystal = bulk("Cu", cubic=True).repeat(2)
    crystal.positions[1] = crystal.positions[0] + [0.8, 0, 0]

    found = endure(crystal, Broken("nothing"), temperature=10, steps=100)

    assert "two atoms came to 0.8" in found.reason
