"""A run that leaves what is physical stops and says so."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator

from ase_voxpot.errors import DivergenceError, PositionError
from ase_voxpot.md.run import Plan, run
from tests.md.crystals import crystal


class Runaway(Calculator):
    """Pushes every atom outwards, ever more, and answers whatever comes."""

    implemented_properties = ("energy", "forces")

    def __init__(self, strength):
        super().__init__()
        self.strength = strength

    def calculate(self, atoms=None, properties=None, system_changes=()):
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": 0.0, "forces": self.strength * atoms.positions}


class Strict(Runaway):
    """Refuses positions that are not finite, as potentials do."""

    def calculate(self, atoms=None, properties=None, system_changes=()):
        if not np.isfinite(atoms.positions).all():
            raise PositionError("expected finite positions, got NaN")
        super().calculate(atoms, properties, system_changes)


@pytest.mark.parametrize(
    ("calculator", "sentence"),
    [
        (Runaway(3e2), "the temperature passed 20000 K"),
        (Runaway(np.nan), "positions or momenta are not finite"),
        (Strict(np.nan), "expected finite positions, got NaN"),
    ],
)
def test_a_run_that_diverges_says_so(records, calculator, sentence):
    atoms = Atoms("W2", positions=[[1.0, 0, 0], [-1.0, 0, 0]], calculator=calculator)

    with pytest.raises(
        DivergenceError, match=rf"diverged at step \d+ \({sentence}\); try a shorter timestep than 1 fs"
    ):
        run(atoms, Plan(ensemble="nve", steps=500), records)

    assert records.log.is_file()
    assert records.load().step == 0


def test_an_atom_that_jumps_is_a_divergence(records):
    atom = Atoms("H", momenta=[[1.0, 0, 0]], calculator=Runaway(0.0))

    with pytest.raises(DivergenceError, match=r"an atom moved 1\.9 Å in one step"):
        run(atom, Plan(ensemble="nve", timestep=20), records)


def test_a_cell_that_boils_away_is_a_divergence(records):
    with pytest.raises(DivergenceError, match="volume changed by more than a factor of 4"):
        run(crystal(1), Plan(ensemble="npt", pressure=-200, timestep=2, steps=2000), records)
