"""What every ensemble promises of temperature, pressure and energy."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms, units
from ase.calculators.harmonic import SpringCalculator
from ase.constraints import FixAtoms
from ase.io import read
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.errors import StructureError
from ase_voxpot.md.integrators import BUILD
from ase_voxpot.md.run import Plan, run, summarise
from tests.md.crystals import cluster, crystal


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


def test_rescaling_heats_the_motions_that_there_are(records, rng):
    """A whole that stands still holds no heat; in the potential energy there is that of 3 (N - 1) motions."""
    atoms = cluster(4, rng)
    plan = Plan(ensemble="svr", temperature=300, timestep=10.0, steps=20_000, interval=20, checkpoint=20_000, seed=4)

    samples = run(atoms, plan, records)

    # some two hundred independent times
    half = samples[len(samples) // 10 :]
    assert_allclose(np.mean([s.temperature for s in half]), 300, rtol=0.06)
    stored = np.mean([s.potential for s in half])
    assert_allclose(stored / (0.75 * (len(atoms) - 1) * units.kB), 300, rtol=0.1)  # 400 with 3 N


def test_rescaling_leaves_the_whole_at_rest(records, rng):
    """It would multiply the errors of a total momentum of zero, by a factor whose logarithm walks at random."""
    atoms = cluster(3, rng)
    momenta = rng.normal(size=(3, 3))
    atoms.set_momenta(momenta - momenta.mean(axis=0) + 1e-8)
    plan = Plan(ensemble="svr", temperature=300, timestep=10.0, steps=500, interval=50, checkpoint=200)

    samples = run(atoms, plan, records)

    assert np.abs(atoms.get_momenta().sum(axis=0)).max() < 1e-13 * np.abs(atoms.get_momenta()).sum()
    for sample in samples:
        assert_allclose(2 * sample.kinetic / (6 * units.kB), sample.temperature, rtol=1e-12)


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


def test_npt_needs_a_periodic_cell_without_constraints(records):
    slab = crystal(1)
    slab.pbc[2] = False
    fixed = crystal(1)
    fixed.set_constraint(FixAtoms([0]))

    for atoms, sentence in ((slab, "periodic in three directions"), (fixed, "cannot keep constraints")):
        with pytest.raises(StructureError, match=sentence):
            run(atoms, Plan(ensemble="npt"), records)
