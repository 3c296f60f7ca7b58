from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.lj import LennardJones
from ase.units import GPa
from numpy.testing import assert_allclose

from ase_voxpot.errors import ConfigError, DivergenceError, PositionError, StructureError
from ase_voxpot.md.relaxation import OPTIMISERS, relax

STIFF = {"sigma": 2.3, "epsilon": 0.5, "rc": 6.0, "smooth": True}


@pytest.fixture
def atoms(rng):
    atoms = bulk("Cu", "fcc", a=3.62, cubic=True)
    atoms.positions += rng.normal(scale=0.05, size=(4, 3))
    atoms.calc = LennardJones(**STIFF)
    return atoms


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_atoms_come_to_rest_in_a_fixed_cell(atoms, optimiser):
    cell, seen = atoms.cell.copy(), []

    end, reached = relax(atoms, optimiser=optimiser, fmax=0.001, observe=seen.append)

    assert reached
    assert end.force < 0.001
    assert end.energy < seen[0].energy
    assert [p.step for p in seen] == list(range(end.step + 1))
    assert_allclose(atoms.cell, cell)


@pytest.mark.parametrize("pressure", [0.0, 10.0])
def test_a_free_cell_takes_on_the_pressure(atoms, pressure):
    end, reached = relax(atoms, optimiser="bfgs", free="cell", pressure=pressure, fmax=0.001)

    assert reached
    assert_allclose(end.stress, [-pressure] * 3 + [0] * 3, atol=0.05)


@pytest.mark.parametrize("pbc", [(1, 1, 0), (1, 0, 1), (0, 0, 1)])
def test_the_cell_of_a_slab_or_wire_is_relaxed_along_its_periodic_directions(atoms, pbc):
    atoms = atoms * (2, 2, 2)
    pbc = np.array(pbc, bool)
    atoms.pbc = pbc
    atoms.center(vacuum=5, axis=np.flatnonzero(~pbc))
    atoms.calc = LennardJones(**STIFF)
    before = atoms.cell.copy()

    end, reached = relax(atoms, optimiser="bfgs", free="cell", fmax=0.001)

    assert reached
    assert_allclose(end.stress, 0, atol=0.02)
    assert_allclose(atoms.cell[~pbc], before[~pbc], atol=1e-10)
    assert (np.abs(atoms.cell.lengths() - before.lengths())[pbc] > 0.01).all()


def test_a_molecule_in_a_box_has_the_stress_of_the_box():
    dimer = Atoms("Cu2", positions=[[0, 0, 0], [0, 0, 2.0]], cell=[9, 9, 9], calculator=LennardJones(**STIFF))

    end, _ = relax(dimer, steps=1)

    assert_allclose(end.stress, dimer.get_stress() / GPa)


def test_giving_up_is_told_from_success(atoms):
    assert relax(atoms, fmax=1e-6, steps=2)[1] is False


def test_a_molecule_has_no_stress():
    dimer = Atoms("Cu2", positions=[[0, 0, 0], [0, 0, 2.4]], calculator=LennardJones(**STIFF))

    end, reached = relax(dimer)

    assert reached
    assert end.stress is None


class Cliff(Calculator):
    """A potential whose atoms fall off after a while."""

    implemented_properties = ("energy", "forces")

    def __init__(self, bottom):
        super().__init__()
        self.calls, self.bottom = 0, bottom

    def calculate(self, atoms=None, properties=None, system_changes=()):
        super().calculate(atoms, properties, system_changes)
        self.calls += 1
        if self.calls > 3 and self.bottom is None:
            raise PositionError("expected finite positions, got NaN")
        value = self.bottom if self.calls > 3 and self.bottom is not None else 1.0
        self.results = {"energy": value, "forces": np.full((len(atoms), 3), value)}


@pytest.mark.parametrize("bottom", [None, np.nan])
def test_a_relaxation_that_diverges_says_so(bottom):
    atoms = Atoms("W", calculator=Cliff(bottom))

    with pytest.raises(DivergenceError, match=r"relaxation diverged at step \d"):
        relax(atoms)


def test_what_makes_no_sense_is_refused(atoms):
    for options, error, sentence in (
        ({"optimiser": "magic"}, ConfigError, "expected one of fire, bfgs, lbfgs, got 'magic'"),
        ({"fmax": -1.0}, ConfigError, "got -1.0, 500 and 0.0"),
        ({"steps": 0}, ConfigError, "at least one step"),
        ({"pressure": float("nan")}, ConfigError, "pressure"),
    ):
        with pytest.raises(error, match=sentence):
            relax(atoms, **options)
    atoms.pbc[0] = False
    with pytest.raises(StructureError, match=r"to put under pressure, got pbc \[False  True  True\]"):
        relax(atoms, free="cell", pressure=1.0)
    atoms.rotate(10, "z", rotate_cell=True)
    with pytest.raises(StructureError, match="needs periodic vectors along x, y or z"):
        relax(atoms, free="cell")
    atoms.pbc = False
    with pytest.raises(StructureError, match="three cell vectors and a periodic direction"):
        relax(atoms, free="cell")


def test_a_structure_that_never_had_an_energy_is_no_divergence():
    calculator = Cliff(None)
    calculator.calls = 3

    with pytest.raises(PositionError):
        relax(Atoms("W", calculator=calculator))
