"""A run that knows how uncertain it is."""

from __future__ import annotations

import pytest
from ase.io import read
from numpy.testing import assert_allclose

from ase_voxpot.calculator import VoxPotCalculator
from ase_voxpot.errors import ExtrapolationError
from ase_voxpot.md.guard import Guard
from ase_voxpot.md.records import Records
from ase_voxpot.md.run import Plan, run, summarise
from tests.md.crystals import alloy
from tests.saved import save_tiny_and_certain


@pytest.fixture(scope="module")
def certain_model(tmp_path_factory):
    return save_tiny_and_certain(tmp_path_factory.mktemp("certain"))


@pytest.fixture
def atoms(certain_model):
    atoms = alloy(certain_model)
    atoms.calc = VoxPotCalculator(certain_model, device="cpu", uncertainty=True)
    return atoms


def test_frames_have_the_uncertainty_of_every_atom(atoms, records):
    run(atoms, Plan(steps=4, interval=2, timestep=0.5), records)

    frame = read(records.trajectory, "-1")
    expected = atoms.calc.results
    assert frame.info["extrapolation"] == pytest.approx(expected["extrapolation"])
    assert frame.info["energy_uncertainty"] == pytest.approx(expected["energy_uncertainty"])
    for name in ("energies_uncertainty", "forces_uncertainty"):
        assert_allclose(frame.arrays[name], expected[name], atol=1e-7)
    assert_allclose(frame.get_potential_energies(), expected["energies"], atol=1e-7)
    assert set(frame.info) == {"step", "time", "extrapolation", "energy_uncertainty"}


def test_the_log_has_the_uncertainty_of_every_sample(atoms, records):
    samples = run(atoms, Plan(steps=4, interval=2, timestep=0.5), records)

    rows = records.log.read_text().splitlines()
    assert rows[0].endswith("uncertainty_eV,extrapolation")
    assert float(rows[-1].split(",")[-2]) == samples[-1].uncertainty == atoms.calc.results["energy_uncertainty"]
    assert summarise(samples, len(atoms)).potential < 0


def test_a_stop_leaves_the_frame_it_did_not_like(atoms, records):
    with pytest.raises(ExtrapolationError, match="left what the model knows at step 1:"):
        run(atoms, Plan(steps=9, interval=4, timestep=0.5), records, guard=Guard("stop", 1e-9))

    frames = read(records.trajectory, ":")
    assert [f.info["step"] for f in frames] == [0, 1]
    assert_allclose(frames[-1].positions, atoms.positions, atol=1e-7)
    assert len(records.log.read_text().splitlines()) == 3


def test_a_warning_changes_nothing(certain_model, atoms, records, tmp_path):
    told = []

    guarded = run(atoms, Plan(steps=4, timestep=0.5), records, guard=Guard("warn", 1e-9, alert=told.append))

    free = run(alloy(certain_model), Plan(steps=4, timestep=0.5), Records(tmp_path / "free"))
    assert len(told) == 1
    assert guarded[-1].potential == free[-1].potential
    assert free[-1].extrapolation is None


def test_a_stopped_run_can_be_continued(atoms, certain_model, records):
    plan = Plan(steps=4, interval=2, checkpoint=1, timestep=0.5)
    with pytest.raises(ExtrapolationError):
        run(atoms, plan, records, guard=Guard("stop", 1e-9))

    samples = run(alloy(certain_model), plan, records, start="checkpoint")

    assert [s.step for s in samples] == [0, 2, 4]
    assert [f.info["step"] for f in read(records.trajectory, ":")] == [0, 2, 4]
