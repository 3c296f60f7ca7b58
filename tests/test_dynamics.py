from __future__ import annotations

import shutil

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.harmonic import SpringCalculator
from ase.calculators.lj import LennardJones
from ase.constraints import FixAtoms
from ase.io import read
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.calculator import VoxPotCalculator
from ase_voxpot.dynamics import Plan, reload, run, summarise
from ase_voxpot.ensembles import BUILD
from ase_voxpot.errors import ConfigError, DataError, DivergenceError, ExtrapolationError, PositionError, StructureError
from ase_voxpot.guards import Guard
from ase_voxpot.plots import draw_run
from ase_voxpot.records import Records
from tests.saved import save_tiny, save_tiny_and_certain

ENSEMBLES = ("nve", "nvt", "svr", "npt", "npt-z", "nph-z")
STIFF = {"sigma": 2.3, "epsilon": 0.5, "rc": 6.0, "smooth": True}


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("models"))


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "run")


def crystal(size=2):
    """A cubic crystal of a smooth pair potential, made to be stiff and fast."""
    atoms = bulk("Cu", "fcc", a=3.62, cubic=True) * (size, size, size)
    atoms.calc = LennardJones(**STIFF)
    return atoms


def alloy(model):
    atoms = bulk("W", "bcc", a=3.2, cubic=True) * (2, 1, 1)
    atoms.symbols[:2] = ["Mo", "Ta"]
    atoms.calc = VoxPotCalculator(model, device="cpu")
    return atoms


def test_without_a_thermostat_the_total_energy_stays(records):
    atoms = crystal()

    samples = run(atoms, Plan(ensemble="nve", temperature=200, timestep=1.0, steps=200, interval=5), records)

    total = np.array([s.total for s in samples]) / len(atoms)
    kinetic = np.array([s.kinetic for s in samples]) / len(atoms)
    assert np.ptp(total) < 0.01 * np.ptp(kinetic)
    assert_allclose(atoms.get_momenta().sum(axis=0), 0, atol=1e-9)


def test_the_thermostat_samples_the_temperature(records):
    atoms = Atoms("Ar50", positions=np.zeros((50, 3)))
    atoms.calc = SpringCalculator(np.zeros((50, 3)), k=1.0)

    plan = Plan(ensemble="nvt", temperature=400, timestep=4.0, steps=2000, interval=10, seed=3)
    samples = run(atoms, plan, records)

    # one mode in three hundred: the mean of 150 modes over some 40 independent times is good to 1 %
    half = samples[len(samples) // 2 :]
    assert_allclose(np.mean([s.temperature for s in half]), 400, rtol=0.05)
    assert_allclose(np.mean([s.potential for s in half]), 1.5 * 50 * units.kB * 400, rtol=0.05)


def test_the_piston_finds_the_pressure(records):
    atoms = crystal(1)
    volume = atoms.get_volume()
    plan = Plan(ensemble="npt", temperature=20, pressure=20, timestep=3.0, steps=700, seed=1)

    samples = run(atoms, plan, records)

    assert_allclose(summarise(samples, len(atoms)).pressure, 20, atol=0.5)
    assert samples[-1].volume < 0.95 * volume


def test_rescaling_brings_the_temperature_and_its_fluctuations(records):
    """The kinetic energy of n degrees of freedom has the relative variance 2 / n."""
    atoms = Atoms("Ar50", positions=np.zeros((50, 3)))
    atoms.calc = SpringCalculator(np.zeros((50, 3)), k=1.0)
    atoms.set_momenta(np.random.default_rng(0).normal(size=(50, 3)))
    plan = Plan(ensemble="svr", temperature=400, timestep=4.0, steps=10_000, interval=50, seed=2)

    samples = run(atoms, plan, records)

    # some forty independent times
    heat = np.array([s.temperature for s in samples[50:]])
    assert_allclose(heat.mean(), 400, rtol=0.06)
    assert_allclose(heat.var() / heat.mean() ** 2, 2 / 150, rtol=0.5)


def test_a_piston_along_z_moves_nothing_else(records):
    atoms = crystal(1)
    cell = atoms.cell.array.copy()
    plan = Plan(ensemble="npt-z", temperature=20, pressure=20, timestep=3.0, steps=700, interval=10, seed=1)

    run(atoms, plan, records)

    found = [-f.get_stress(include_ideal_gas=True)[2] / units.GPa for f in read(records.trajectory, "35:")]
    assert_allclose(np.mean(found), 20, atol=1.0)
    assert_array_equal(atoms.cell[:2], cell[:2])
    assert_array_equal(atoms.cell[2, :2], cell[2, :2])
    assert atoms.cell[2, 2] < 0.995 * cell[2, 2]


def test_a_piston_along_z_conserves_the_enthalpy_without_a_thermostat():
    """K + E + P V + p² / 2W, to an error of second order in the timestep."""
    spread = []
    for timestep in (4.0, 2.0):
        atoms = crystal(1)
        rng = np.random.default_rng(3)
        atoms.set_momenta(np.sqrt(atoms.get_masses() * units.kB * 400)[:, None] * rng.normal(size=(len(atoms), 3)))
        plan = Plan(ensemble="nph-z", temperature=400, pressure=3, timestep=timestep)
        dynamics = BUILD["nph-z"](atoms, plan, rng, 0.0)
        rows = []
        for _ in range(round(600 / timestep)):
            dynamics.step()
            piston = dynamics.p_eps**2 / 2 / dynamics.barostat_mass
            rows.append(atoms.get_total_energy() + 3 * units.GPa * atoms.get_volume() + piston)
        spread.append(np.std(rows))
        assert abs(atoms.cell[2, 2] - 3.62) > 0.01  # it did move
    assert spread[1] < 0.3 * spread[0]
    assert spread[1] < 0.01 * len(atoms) * units.kB * 400


@pytest.mark.parametrize("ensemble", ENSEMBLES)
@pytest.mark.parametrize("kind", ["extxyz", "traj"])
def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(tiny_model, tmp_path, ensemble, kind):
    plan = Plan(ensemble=ensemble, temperature=100, timestep=0.5, steps=30, interval=3, checkpoint=10, seed=4)
    whole, part = Records(tmp_path / "whole", kind), Records(tmp_path / "part", kind)
    straight = alloy(tiny_model)
    expected = run(straight, plan, whole)
    stopped = alloy(tiny_model)

    def stop(sample):
        if sample.step == 18:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(stopped, plan, part, observe=stop)
    again = alloy(tiny_model)
    samples = run(again, plan, part, start="checkpoint")

    assert samples == expected
    assert_array_equal(again.positions, straight.positions)
    assert_array_equal(again.get_momenta(), straight.get_momenta())
    assert_array_equal(again.cell[:], straight.cell[:])
    assert part.log.read_text() == whole.log.read_text()
    frames = [read(records.trajectory, ":") for records in (whole, part)]
    assert [f.info["step"] for f in frames[1]] == [s.step for s in expected]
    for first, second in zip(*frames, strict=True):
        assert_array_equal(first.positions, second.positions)
        assert first.get_potential_energy() == second.get_potential_energy()


def test_a_run_is_read_when_it_is_done_and_not_before(tiny_model, records):
    plan = Plan(ensemble="npt", temperature=100, steps=8, interval=2, checkpoint=4)
    assert reload(alloy(tiny_model), plan, records) is None
    first = alloy(tiny_model)
    samples = run(first, plan, records)

    again = alloy(tiny_model)
    assert reload(again, plan, records) == samples
    assert_array_equal(again.positions, first.positions)
    assert_array_equal(again.cell[:], first.cell[:])
    assert reload(again, Plan(ensemble="npt", temperature=100, steps=12, interval=2, checkpoint=4), records) is None
    with pytest.raises(ConfigError, match="begun with temperature 100"):
        reload(again, Plan(ensemble="npt", temperature=200, steps=8, interval=2, checkpoint=4), records)


def test_a_run_stopped_before_its_first_checkpoint_begins_again(tiny_model, records, tmp_path):
    plan = Plan(steps=6, interval=2)
    expected = run(alloy(tiny_model), plan, Records(tmp_path / "whole"))

    def stop(sample):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(alloy(tiny_model), plan, records, observe=stop)

    assert run(alloy(tiny_model), plan, records, start="checkpoint") == expected


def test_a_finished_run_can_be_made_longer(tiny_model, tmp_path):
    plan = {"temperature": 100, "timestep": 0.5, "interval": 2, "checkpoint": 6}
    long, short = Records(tmp_path / "long"), Records(tmp_path / "short")

    expected = run(alloy(tiny_model), Plan(steps=12, **plan), long)
    run(alloy(tiny_model), Plan(steps=6, **plan), short)
    samples = run(alloy(tiny_model), Plan(steps=12, **plan), short, start="checkpoint")

    assert samples == expected


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


def test_a_structure_without_energy_leaves_no_files(tiny_model, records):
    atoms = alloy(tiny_model)
    atoms.positions[0] = np.nan

    with pytest.raises(PositionError):
        run(atoms, Plan(), records)

    assert list(records.prefix.parent.iterdir()) == []


def test_npt_needs_a_periodic_cell_without_constraints(records):
    slab = crystal(1)
    slab.pbc[2] = False
    fixed = crystal(1)
    fixed.set_constraint(FixAtoms([0]))

    for atoms, sentence in ((slab, "periodic in three directions"), (fixed, "cannot keep constraints")):
        with pytest.raises(StructureError, match=sentence):
            run(atoms, Plan(ensemble="npt"), records)


def test_the_files_of_another_run_are_not_overwritten(records):
    run(crystal(1), Plan(steps=1), records)

    with pytest.raises(ConfigError, match=r"run\.csv is there already"):
        run(crystal(1), Plan(steps=1), records)


def test_a_restart_needs_the_same_plan_the_same_atoms_and_something_to_do(records):
    run(crystal(1), Plan(steps=2, interval=1), records)

    with pytest.raises(ConfigError, match=r"begun with timestep 1\.0, got 2\.0"):
        run(crystal(1), Plan(steps=4, interval=1, timestep=2.0), records, start="checkpoint")
    with pytest.raises(ConfigError, match="other atoms"):
        run(crystal(2), Plan(steps=4, interval=1), records, start="checkpoint")
    with pytest.raises(ConfigError, match="has 2 steps already"):
        run(crystal(1), Plan(steps=2, interval=1), records, start="checkpoint")


def test_damaged_or_missing_records_are_refused(records, tmp_path):
    with pytest.raises(DataError, match="got none"):
        run(crystal(1), Plan(steps=4), records, start="checkpoint")
    run(crystal(1), Plan(steps=4, interval=1, checkpoint=2), records)
    kept = tmp_path / "kept"
    shutil.copytree(records.prefix.parent, kept, ignore=shutil.ignore_patterns("kept"))
    plan = Plan(steps=8, interval=1, checkpoint=2)

    records.checkpoint.write_bytes(records.checkpoint.read_bytes()[:-200])
    with pytest.raises(DataError, match="damaged"):
        run(crystal(1), plan, records, start="checkpoint")
    shutil.copy(kept / records.checkpoint.name, records.checkpoint)

    records.log.write_text("\n".join(records.log.read_text().splitlines()[:3]))
    with pytest.raises(DataError, match="samples up to step 4"):
        run(crystal(1), plan, records, start="checkpoint")
    records.log.write_text("nothing of ours\n1\n")
    with pytest.raises(DataError, match="the log of a run"):
        run(crystal(1), plan, records, start="checkpoint")
    shutil.copy(kept / records.log.name, records.log)

    records.trajectory.unlink()
    with pytest.raises(DataError, match="got no file"):
        run(crystal(1), plan, records, start="checkpoint")


@pytest.mark.parametrize("ensemble", ENSEMBLES)
def test_a_run_is_drawn(records, ensemble):
    atoms = crystal(1)
    plan = Plan(ensemble=ensemble, steps=4, interval=2)
    samples = run(atoms, plan, records)

    draw_run(records.picture, samples, plan, len(atoms))

    assert records.picture.read_bytes().startswith(b"\x89PNG")
    assert not list(records.prefix.parent.glob(".*"))


@pytest.fixture(scope="module")
def certain_model(tmp_path_factory):
    return save_tiny_and_certain(tmp_path_factory.mktemp("certain"))


class TestGuard:
    """A run that knows how uncertain it is."""

    @pytest.fixture
    def atoms(self, certain_model):
        atoms = alloy(certain_model)
        atoms.calc = VoxPotCalculator(certain_model, device="cpu", uncertainty=True)
        return atoms

    def test_the_log_has_the_uncertainty_of_every_sample(self, atoms, records):
        samples = run(atoms, Plan(steps=4, interval=2, timestep=0.5), records)

        rows = records.log.read_text().splitlines()
        assert rows[0].endswith("uncertainty_eV,extrapolation")
        assert float(rows[-1].split(",")[-2]) == samples[-1].uncertainty == atoms.calc.results["energy_uncertainty"]
        assert summarise(samples, len(atoms)).potential < 0

    def test_a_stop_leaves_the_frame_it_did_not_like(self, atoms, records):
        with pytest.raises(ExtrapolationError, match="left what the model knows at step 1:"):
            run(atoms, Plan(steps=9, interval=4, timestep=0.5), records, guard=Guard("stop", 1e-9))

        frames = read(records.trajectory, ":")
        assert [f.info["step"] for f in frames] == [0, 1]
        assert_allclose(frames[-1].positions, atoms.positions, atol=1e-7)
        assert len(records.log.read_text().splitlines()) == 3

    def test_a_warning_changes_nothing(self, certain_model, atoms, records, tmp_path):
        told = []

        guarded = run(atoms, Plan(steps=4, timestep=0.5), records, guard=Guard("warn", 1e-9, alert=told.append))

        free = run(alloy(certain_model), Plan(steps=4, timestep=0.5), Records(tmp_path / "free"))
        assert len(told) == 1
        assert guarded[-1].potential == free[-1].potential
        assert free[-1].extrapolation is None

    def test_a_stopped_run_can_be_continued(self, atoms, certain_model, records):
        plan = Plan(steps=4, interval=2, checkpoint=1, timestep=0.5)
        with pytest.raises(ExtrapolationError):
            run(atoms, plan, records, guard=Guard("stop", 1e-9))

        samples = run(alloy(certain_model), plan, records, start="checkpoint")

        assert [s.step for s in samples] == [0, 2, 4]
        assert [f.info["step"] for f in read(records.trajectory, ":")] == [0, 2, 4]
