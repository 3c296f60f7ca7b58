from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from ase_voxpot.calculator import VoxPotCalculator
from ase_voxpot.errors import ConfigError, DivergenceError, StructureError
from ase_voxpot.properties.coexistence import judge
from ase_voxpot.properties.drawings import draw_melting
from ase_voxpot.properties.melting import OVERHEAT, STAGES, Schedule, coexist
from ase_voxpot.properties.phases import Boundary
from tests.properties.bonds import Bonds

BOUNDARY = Boundary(value=0.32, mistaken=0.0, crystal=0.45, melt=0.15)


def two_phases(rng, crystal, temperature, stress=(0.0, 0.0, 0.0)):
    """Twelve cells of bcc, of which the first so many are a crystal and the others random, at a temperature."""
    atoms = bulk("W", "bcc", a=3.2, cubic=True).repeat((4, 4, 12))
    loose = atoms.positions[:, 2] > 3.2 * crystal - 0.1
    atoms.positions[loose] += rng.uniform(-1.6, 1.6, (loose.sum(), 3))
    atoms.positions += rng.normal(0, 0.1, (len(atoms), 3))
    momenta = rng.normal(size=(len(atoms), 3))
    momenta -= momenta.mean(axis=0)
    kinetic = 1.5 * (len(atoms) - 1) * units.kB * temperature
    atoms.set_momenta(momenta * np.sqrt(kinetic / (momenta**2 / 2 / atoms.get_masses()[:, None]).sum()))
    ideal = 2 * kinetic / 3 / atoms.get_volume()
    voigt = np.array([*stress, 0, 0, 0]) * -units.GPa + np.array([ideal] * 3 + [0] * 3)
    atoms.calc = SinglePointCalculator(atoms, energy=0.0, forces=0 * momenta, stress=voigt)
    return atoms


def test_two_phases_that_stay_have_the_mean_temperature_once_it_has_settled(rng, tmp_path):
    heat = np.concatenate([np.linspace(3000, 3500, 15), rng.normal(3500, 20, 45)])
    frames = [two_phases(rng, 6, t, stress=(2.0, 4.0, 1.0)) for t in heat]

    found = judge(frames, BOUNDARY, guess=3000, interval=100.0)

    assert found.verdict == "coexistence"
    assert found.counted == slice(15, 60)
    assert found.temperature.value == pytest.approx(heat[15:].mean(), abs=0.01)
    assert 1.0 < found.temperature.error < 12.0  # 20 / √45 = 3.0
    assert not found.drifts
    assert f"coexist at {heat[15:].mean():.0f} ± " in found.sentence()
    assert found.crystalline == pytest.approx(0.5, abs=0.12)
    assert found.profile[:, 2:4].mean() == pytest.approx(1.0, abs=0.35)
    assert found.profile[:, 8:10].mean() < 0.35
    assert found.along.mean() == pytest.approx(1.0, abs=0.1)
    assert found.across.mean() == pytest.approx(3.0, abs=0.1)
    draw_melting(tmp_path / "melting.png", found, title="W")
    assert (tmp_path / "melting.png").read_bytes().startswith(b"\x89PNG")


def test_a_temperature_that_still_rises_is_said_to(rng):
    frames = [two_phases(rng, 6, t) for t in np.linspace(3000, 3800, 60)]

    found = judge(frames, BOUNDARY, guess=3000, interval=100.0)

    assert found.drifts
    assert found.temperature.error > 90  # half of what the halves differ by
    assert "still goes up: run longer" in found.sentence()


@pytest.mark.parametrize(
    ("cells", "end", "words"),
    [
        (12, 3600.0, ("the melt has vanished", "all is frozen at 3600 K", "lies above", "raise the guess of 3000 K")),
        (0, 2400.0, ("the crystal has vanished", "all is molten at 2400 K", "lies below", "lower the guess of 3000 K")),
    ],
)
def test_a_phase_that_vanishes_leaves_no_number_but_a_better_guess(rng, cells, end, words, tmp_path):
    frames = [two_phases(rng, 6, 3000.0) for _ in range(10)] + [two_phases(rng, cells, end) for _ in range(25)]

    found = judge(frames, BOUNDARY, guess=3000, interval=100.0)

    assert found.temperature is None
    assert found.better_guess == pytest.approx(end + (end - 3000) / 4)
    assert all(word in found.sentence() for word in words)
    assert "after 0.9 ps" in found.sentence()
    draw_melting(tmp_path / "melting.png", found, title="W")


def test_a_phase_that_is_gone_for_a_moment_has_not_vanished(rng):
    frames = [two_phases(rng, 12 if k in (20, 39) else 6, 3000.0) for k in range(40)]

    assert judge(frames, BOUNDARY, guess=3000, interval=100.0).verdict == "coexistence"


@pytest.fixture(scope="module")
def tungsten():
    return bulk("W", "bcc", a=3.19, cubic=True).repeat((3, 3, 8)), VoxPotCalculator("motaw-fast", device="cpu")


SHORT = Schedule(temperature=3500.0, steps=400, equilibration=240, interval=10, seed=1)


@pytest.fixture(scope="module")
def straight(tungsten, tmp_path_factory):
    """A run of 144 atoms that was not stopped, and where it is."""
    place = tmp_path_factory.mktemp("melting") / "whole"
    return coexist(*tungsten, SHORT, place), place


def test_half_of_a_crystal_melts_and_the_other_half_stays(straight):
    found, _ = straight

    assert found.boundary.mistaken < 0.02
    assert 0.3 < found.crystalline[0] < 0.8
    middle, edge = len(found.profile[0]) // 2, [0, -1]
    assert found.profile[:5, middle].mean() > 0.7
    assert found.profile[:5, edge].mean() < 0.4
    assert 3000 < found.temperatures.mean() < 4000
    assert abs(found.along.mean()) < 2.0


def test_the_enthalpy_is_conserved_while_the_temperature_finds_its_place(straight):
    found, place = straight
    rows = np.genfromtxt(f"{place}.coexistence.csv", delimiter=",", names=True)

    total = rows["total_eV"] / len(found.last)
    assert np.ptp(total) < 0.05 * 1.5 * units.kB * 3500  # the piston holds the rest


class StoppedError(Exception):
    pass


@pytest.mark.parametrize("stage", ["cool", "coexistence"])
def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(tungsten, straight, tmp_path, stage):
    def stop(now, sample, crystalline):
        if now == stage and sample.step >= 60:
            raise StoppedError

    with pytest.raises(StoppedError):
        coexist(*tungsten, SHORT, tmp_path / "part", observe=stop)
    seen = []
    again = coexist(*tungsten, SHORT, tmp_path / "part", restart=True, observe=lambda *a: seen.append(a[0]))

    np.testing.assert_array_equal(again.temperatures, straight[0].temperatures)
    np.testing.assert_array_equal(again.last.positions, straight[0].last.positions)
    assert set(seen) == set(STAGES[STAGES.index(stage) :])


def test_a_run_that_is_done_is_read(tungsten, straight):
    found, place = straight

    again = coexist(*tungsten, SHORT, place, restart=True, observe=lambda *a: pytest.fail("nothing is left to run"))

    assert again.temperature == found.temperature
    with pytest.raises(ConfigError, match="is there already"):
        coexist(*tungsten, SHORT, place)
    with pytest.raises(ConfigError, match="was begun with temperature 3500"):
        coexist(*tungsten, dataclasses.replace(SHORT, temperature=3400), place, restart=True)


def test_a_crystal_that_melts_by_itself_is_refused(tungsten, tmp_path):
    schedule = dataclasses.replace(SHORT, temperature=7000.0)
    with pytest.raises(DivergenceError, match="melts by itself at 7000 K"):
        coexist(*tungsten, schedule, tmp_path / "hot")


def test_a_crystal_that_does_not_melt_is_refused(tungsten, tmp_path):
    schedule = Schedule(temperature=300.0, steps=400, equilibration=120, interval=10)
    with pytest.raises(DivergenceError, match=f"was to melt at {OVERHEAT:g} times the guess"):
        coexist(*tungsten, schedule, tmp_path / "cold")


def test_cells_without_an_upright_long_vector_are_refused(tmp_path):
    with pytest.raises(StructureError, match="stands upright"):
        coexist(bulk("W", "bcc", a=3.2).repeat((2, 2, 8)), Bonds(3.2), SHORT, tmp_path / "a")
    with pytest.raises(StructureError, match="elongated"):
        coexist(bulk("W", "bcc", a=3.2, cubic=True).repeat(2), Bonds(3.2), SHORT, tmp_path / "b")
    with pytest.raises(StructureError, match="periodic"):
        coexist(Atoms("W", cell=[3, 3, 9], pbc=False), Bonds(3.2), SHORT, tmp_path / "c")


@pytest.mark.parametrize(
    "options",
    [{"temperature": -1}, {"temperature": 3000, "steps": 100}, {"temperature": 3000, "equilibration": 10}],
)
def test_schedules_that_make_no_sense_are_refused(options):
    with pytest.raises(ConfigError, match="expected"):
        Schedule(**options)
