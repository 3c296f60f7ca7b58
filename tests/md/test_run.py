"""What a run starts from, what it leaves, and how it is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.constraints import FixAtoms
from ase.io import read
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.calculator import VoxPotCalculator
from ase_voxpot.errors import ConfigError, PositionError
from ase_voxpot.md.records import Records
from ase_voxpot.md.run import Plan, run, summarise
from ase_voxpot.plotting.figures import draw_run
from tests.md.crystals import ENSEMBLES, alloy, crystal


def test_seeds_decide(tiny_model, tmp_path):
    ends = []
    for k, seed in enumerate((1, 1, 2)):
        samples = run(alloy(tiny_model), Plan(steps=5, interval=5, seed=seed), Records(tmp_path / str(k)))
        ends.append(samples[-1])

    assert ends[0] == ends[1] != ends[2]


def test_momenta_that_are_there_are_kept(records):
    atoms = crystal(1)
    momenta = np.zeros((4, 3))
    momenta[:2, 0] = 1.0, -1.0
    atoms.set_momenta(momenta)
    expected = atoms.get_temperature()

    samples = run(atoms, Plan(ensemble="nve", steps=1), records)

    assert samples[0].temperature == expected


def test_a_molecule_has_no_pressure_and_one_atom_moves(tiny_model, records):
    atom = Atoms("W", calculator=VoxPotCalculator(tiny_model, device="cpu"))

    samples = run(atom, Plan(steps=20), records)

    assert samples[-1].pressure is None
    assert samples[-1].volume is None
    assert_allclose(samples[0].temperature, 300)
    assert summarise(samples, 1).pressure is None


def test_fixed_atoms_stay(records):
    atoms = crystal(1)
    atoms.set_constraint(FixAtoms([0]))
    before = atoms.positions[0].copy()

    run(atoms, Plan(steps=20, interval=20), records)

    assert_array_equal(atoms.positions[0], before)


def test_frames_carry_results_and_momenta(records):
    atoms = crystal(1)
    atoms.info["REF_energy"] = 1.0

    samples = run(atoms, Plan(steps=10, interval=5), records)

    frames = read(records.trajectory, ":")
    assert [f.info["step"] for f in frames] == [0, 5, 10]
    assert "REF_energy" not in frames[0].info
    assert_allclose(frames[-1].get_potential_energy(), samples[-1].potential)
    assert_allclose(frames[-1].get_forces(), atoms.get_forces(), atol=1e-7)
    assert_allclose(frames[-1].get_momenta(), atoms.get_momenta(), atol=1e-7)
    assert_allclose(frames[-1].get_stress(), atoms.get_stress(), atol=1e-7)


def test_frames_of_a_slab_carry_the_stress_that_its_calculator_gives(records):
    atoms = crystal(1)
    atoms.pbc[2] = False

    samples = run(atoms, Plan(ensemble="nve", steps=1, interval=1), records)

    assert samples[-1].pressure is None  # of which the volume would be part vacuum
    assert_allclose(read(records.trajectory).get_stress(), atoms.get_stress(), atol=1e-7)


def test_a_structure_without_energy_leaves_no_files(tiny_model, records):
    atoms = alloy(tiny_model)
    atoms.positions[0] = np.nan

    with pytest.raises(PositionError):
        run(atoms, Plan(), records)

    assert list(records.prefix.parent.iterdir()) == []


def test_the_files_of_another_run_are_not_overwritten(records):
    run(crystal(1), Plan(steps=1), records)

    with pytest.raises(ConfigError, match=r"run\.csv is there already"):
        run(crystal(1), Plan(steps=1), records)


@pytest.mark.parametrize("ensemble", ENSEMBLES)
def test_a_run_is_drawn(records, ensemble):
    atoms = crystal(1)
    plan = Plan(ensemble=ensemble, steps=4, interval=2)
    samples = run(atoms, plan, records)

    draw_run(records.picture, samples, plan, len(atoms))

    assert records.picture.read_bytes().startswith(b"\x89PNG")
    assert not list(records.prefix.parent.glob(".*"))
