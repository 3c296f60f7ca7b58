from __future__ import annotations

import json

import numpy as np
import pytest
from ase.io import read
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot import VoxPotCalculator
from ase_voxpot.errors import ConfigError, DataError
from ase_voxpot.montecarlo import VCSGC, Burst, Canonical, Plan, Records, SemiGrand, run
from ase_voxpot.montecarlo.full import Relaxation


@pytest.fixture
def atoms(potential_of, alloy):
    atoms = alloy((2, 2, 2), Mo=6, Ta=6, W=4)
    atoms.calc = VoxPotCalculator(potential_of("steerable"))
    return atoms


PLANS = {
    "canonical": Plan(temperatures=(3000.0,), sweeps=6, checkpoint=2, frames=2),
    "annealing": Plan(temperatures=(5000.0,), final_temperature=1000.0, sweeps=6, checkpoint=2),
    "tempering": Plan(temperatures=(2000.0, 3000.0, 4000.0), sweeps=6, checkpoint=2),
    "sgc": Plan(
        ensemble=SemiGrand(chemical_potentials={"Mo": 0.0, "Ta": 1.9}), temperatures=(3000.0,), sweeps=6, checkpoint=2
    ),
    "vcsgc": Plan(ensemble=VCSGC(phis={"Mo": -0.6, "Ta": -0.6}), temperatures=(3000.0,), sweeps=6, checkpoint=2),
    "dynamics": Plan(temperatures=(900.0, 1000.0), sweeps=6, checkpoint=2, burst=Burst(steps=2, timestep=0.5)),
    "pressure": Plan(
        temperatures=(1000.0,), sweeps=6, checkpoint=2, burst=Burst(steps=2, timestep=0.5, pressure=1.0)
    ),
    "relaxation": Plan(
        temperatures=(3000.0,), sweeps=1, interval=0.25, checkpoint=2, relaxation=Relaxation(steps=3)
    ),
}  # fmt: skip


def shortened(plan, sweeps):
    from dataclasses import replace

    return replace(plan, sweeps=sweeps)


@pytest.mark.parametrize("name", [n for n in PLANS if n != "annealing"])
def test_a_run_that_was_stopped_goes_on_to_the_same_last_bit(atoms, tmp_path, name):
    plan = PLANS[name]
    whole, part = Records(tmp_path / "whole"), Records(tmp_path / "part")
    run(atoms, plan, whole)
    run(atoms, shortened(plan, plan.sweeps * 2 / 3), part)

    run(atoms, plan, part, start="checkpoint")

    for path in ("log", "trajectory"):
        assert getattr(part, path).read_text() == getattr(whole, path).read_text()
    one, two = whole.load(), part.load()
    assert one.generators == two.generators
    for array in ("numbers", "positions", "momenta", "cells", "trials", "accepted", "exchanges"):
        assert_array_equal(getattr(one, array), getattr(two, array))


def test_a_run_that_crashed_after_its_checkpoint_goes_on_to_the_same_last_bit(atoms, tmp_path):
    plan = PLANS["annealing"]
    whole, part = Records(tmp_path / "whole"), Records(tmp_path / "part")
    run(atoms, plan, whole)

    def crash(sample, rows):
        if sample == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(atoms, plan, part, observe=crash)
    run(atoms, plan, part, start="checkpoint")

    assert part.log.read_text() == whole.log.read_text()
    assert part.trajectory.read_text() == whole.trajectory.read_text()


@pytest.mark.parametrize("name", PLANS)
def test_what_is_logged_is_true(atoms, tmp_path, name):
    plan, records = PLANS[name], Records(tmp_path / "x")

    outcome = run(atoms, plan, records)

    assert len(outcome.rows) == (plan.samples + 1) * len(plan.temperatures)
    assert records.rows() == outcome.rows
    frames = read(records.trajectory, ":")
    for frame in frames:
        row = next(
            r for r in outcome.rows if r["sweep"] == frame.info["sweep"] and r["replica"] == frame.info["replica"]
        )
        assert row["temperature_K"] == frame.info["temperature_K"]
        assert frame.arrays["warren_cowley_1"].shape == frame.arrays["warren_cowley_2"].shape == (len(frame),)
        assert_allclose(row["energy_eV"], frame.get_potential_energy(), atol=1e-6)
        energy = atoms.calc.potential.evaluate(frame).energy
        assert_allclose(row["energy_eV"], energy, atol=1e-4)  # positions have eight digits in the file
        for symbol in ("Mo", "Ta"):
            assert row[f"n_{symbol}"] == (frame.symbols == symbol).sum()
    for k, replica in enumerate(outcome.replicas):
        last = [r for r in outcome.rows if r["replica"] == k][-1]
        assert last["trials"] == replica.tally.trials.sum() == round(plan.sweeps * len(replica.terms.sites))
        assert last["accepted"] == replica.tally.accepted.sum() > 0
    json.dumps(outcome.report(), allow_nan=False)


def test_swaps_conserve_the_composition_and_flips_do_not(atoms, tmp_path):
    for name in ("canonical", "tempering", "dynamics", "relaxation"):
        rows = run(atoms, PLANS[name], Records(tmp_path / name)).rows
        assert {(r["n_Mo"], r["n_Ta"], r["n_W"]) for r in rows} == {(6, 6, 4)}
    rows = run(atoms, PLANS["vcsgc"], Records(tmp_path / "x")).rows
    assert len({r["n_Mo"] for r in rows}) > 1


def test_order_grows_on_cooling(ordering, alloy, tmp_path):
    """A bcc alloy whose unlike neighbours attract becomes B2: α of the first shell goes to -1, η to 1."""
    atoms = alloy((2, 2, 2), Mo=8, Ta=8)
    atoms.calc = ordering
    plan = Plan(temperatures=(3000.0,), final_temperature=100.0, cooling="exponential", sweeps=20)

    outcome = run(atoms, plan, Records(tmp_path / "x"))

    last = outcome.rows[-1]
    assert last["alpha1_Mo-Ta"] == -1
    assert last["alpha2_Mo-Ta"] == 1
    assert (last["eta_Mo"], last["eta_Ta"]) == (1, -1)
    assert_allclose(last["temperature_K"], 100)
    report = outcome.report()
    assert report["annealed"]
    assert report["temperatures"][0]["alpha1_Mo-Ta"]["value"] > -0.7
    assert report["temperatures"][-1]["alpha1_Mo-Ta"]["value"] == -1
    peaks = report["temperatures"][-1]["structure_factor"]["Mo"]
    assert all(sum(p["hkl"]) % 2 == 1 for p in peaks)
    assert_allclose([p["S"] for p in peaks], 16)


def test_a_scan_finds_where_order_is_lost(ordering, alloy, tmp_path):
    """In mean field zJ/4kT = 1 with J = 2 x 30 meV; the exact 16-atom cell peaks below."""
    atoms = alloy((2, 2, 2), Mo=8, Ta=8)
    atoms.calc = ordering
    temperatures = (200.0, 400.0, 600.0, 800.0, 1000.0, 1400.0)

    outcome = run(atoms, Plan(temperatures=temperatures, sweeps=25), Records(tmp_path / "x"))

    report = outcome.report()
    alphas = [e["alpha1_Mo-Ta"]["value"] for e in report["temperatures"]]
    assert alphas[0] < -0.95
    assert alphas == sorted(alphas)
    assert report["transition"]["inside_the_range"]
    assert 300 < report["transition"]["temperature_K"]["value"] < 1000
    assert all(0 < a <= 1 for a in report["exchange_acceptance"])


def test_kinetic_energy_stays_with_its_site(atoms, tmp_path):
    from ase_voxpot.montecarlo.replicas import Replica

    plan = PLANS["dynamics"]
    replica = Replica(atoms, plan, np.random.default_rng(0))
    replica.momenta = np.random.default_rng(1).normal(size=(16, 3))
    masses = atoms.get_masses()
    before = replica.walker.species.copy()
    kinetic = (replica.momenta**2).sum(1) / masses
    replica.walker.walk(40, 3000.0, replica.terms, replica.rng, replica.tally)
    replica._keep_kinetic_energy(before)

    after = replica.walker.atoms()
    assert (after.numbers != atoms.numbers).any()
    assert_allclose((replica.momenta**2).sum(1) / after.get_masses(), kinetic)


def test_structures_that_are_no_crystal_are_walked_through_without_order(atoms, tmp_path):
    atoms.rattle(0.2, seed=1)
    outcome = run(atoms, PLANS["canonical"], Records(tmp_path / "x"))

    assert "start from the crystal" in outcome.meter.reason or "expected a crystal" in outcome.meter.reason
    assert not [c for c in outcome.rows[0] if c.startswith(("alpha", "eta"))]


def test_a_complete_run_is_read_again(atoms, tmp_path):
    records = Records(tmp_path / "x")
    outcome = run(atoms, PLANS["canonical"], records)
    again = run(atoms, PLANS["canonical"], records, start="checkpoint")

    assert again.rows == outcome.rows
    assert again.report() == outcome.report()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"temperatures": (2000.0,)}, r"begun with temperatures \[3000.0\], got \[2000.0\]"),
        ({"seed": 5}, "begun with seed 0, got 5"),
        ({"sweeps": 3.0}, "the run has 6 sweeps already; ask for no fewer"),
        ({"ensemble": Canonical(elements=("Mo", "Ta"))}, "begun with ensemble"),
    ],
)
def test_a_run_is_continued_by_its_own_plan_only(atoms, tmp_path, change, sentence):
    from dataclasses import replace

    records = Records(tmp_path / "x")
    run(atoms, PLANS["canonical"], records)
    with pytest.raises(ConfigError, match=sentence):
        run(atoms, replace(PLANS["canonical"], **change), records, start="checkpoint")


def test_a_run_is_continued_by_its_own_atoms_only(atoms, tmp_path):
    records = Records(tmp_path / "x")
    run(atoms, PLANS["canonical"], records)
    more = atoms.repeat((1, 1, 2))
    more.calc = atoms.calc
    with pytest.raises(ConfigError, match="the checkpoint holds other atoms"):
        run(more, PLANS["canonical"], records, start="checkpoint")


def test_damaged_checkpoints_are_refused(atoms, tmp_path):
    records = Records(tmp_path / "x")
    with pytest.raises(DataError, match="expected the checkpoint of a run to continue, got none"):
        run(atoms, PLANS["canonical"], records, start="checkpoint")
    run(atoms, PLANS["canonical"], records)
    whole = records.checkpoint.read_bytes()
    with np.load(records.checkpoint) as data:
        arrays = dict(data)
    header = json.loads(str(arrays["header"]))
    spoiled = [
        whole[:200],
        b"nonsense",
        {**arrays, "header": np.array(json.dumps({**header, "schema": 2}))},
        {**arrays, "header": np.array(json.dumps({**header, "format": "other"}))},
        {**arrays, "header": np.array("[]")},
        {k: v for k, v in arrays.items() if k != "positions"},
        {**arrays, "positions": np.array([{}], dtype=object)},
    ]
    for content in spoiled:
        if isinstance(content, bytes):
            records.checkpoint.write_bytes(content)
        else:
            with records.checkpoint.open("wb") as file:
                np.savez(file, **content)
        with pytest.raises(DataError, match="expected a checkpoint of voxpot mc"):
            records.load()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"temperatures": ()}, "temperature: expected one or more"),
        ({"temperatures": (0.0,)}, "temperature: expected between 0 and 1e5 K, got 0"),
        ({"temperatures": (-5.0,)}, "temperature: expected between 0 and 1e5 K, got -5"),
        ({"temperatures": (np.nan,)}, "temperature: expected between 0 and 1e5 K, got nan"),
        ({"temperatures": (500.0, 300.0)}, "ascending"),
        ({"final_temperature": 0.0}, "temperature: expected between"),
        ({"final_temperature": 100.0, "temperatures": (300.0, 500.0)}, "anneal: expected one temperature"),
        ({"cooling": "sudden"}, "cooling: expected one of linear, exponential, got 'sudden'"),
        ({"sweeps": 0.0}, "sweeps: expected at least one interval"),
        ({"sweeps": np.inf}, "sweeps: expected"),
        ({"interval": 0.0}, "interval: expected"),
        ({"frames": 0}, "frames: expected"),
        ({"seed": -1}, "seed: expected"),
        ({"burst": Burst(), "relaxation": Relaxation()}, "md: expected dynamics between trials or a relaxation"),
    ],
)
def test_plans_that_make_no_sense_are_refused(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Plan(**options)


def test_cooling_goes_from_the_first_to_the_last_temperature():
    for cooling in ("linear", "exponential"):
        plan = Plan(temperatures=(2000.0,), final_temperature=500.0, cooling=cooling, sweeps=11)
        path = [plan.at(0, k) for k in range(11)]
        assert_allclose([path[0], path[-1]], [2000, 500])
        assert path == sorted(path, reverse=True)
    assert_allclose(path[5], 1000)
