from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import read

from ase_voxpot.calculator import VoxPotCalculator
from ase_voxpot.errors import ConfigError, DivergenceError
from ase_voxpot.properties.diffusion import Diffusion, Schedule, arrhenius, diffuse, diffusion_of, without_atoms
from tests.properties.bonds import Bonds


def test_a_random_walk_has_the_coefficient_it_was_made_with(rng):
    interval, wanted = 20.0, {"Mo": 0.5, "W": 0.1}  # fs, Å²/ps
    atoms = Atoms("Mo60W60", positions=rng.uniform(0, 20, (120, 3)), cell=[20] * 3, pbc=True)
    spread = np.array([np.sqrt(2 * wanted[s] * interval / 1000) for s in atoms.symbols])
    steps = rng.normal(size=(1000, 120, 3)) * spread[:, None]
    steps -= steps.mean(axis=1, keepdims=True)
    positions = (atoms.positions + np.cumsum(steps, axis=0)) % 20  # as a code would wrap it

    found = diffusion_of(positions, atoms, interval=interval, temperature=1000)

    for name, value in wanted.items():
        assert found.coefficients[name] == pytest.approx(value, abs=max(4 * found.errors[name], 0.1 * value))
        assert 0 < found.errors[name] < 0.25 * value
    assert found.coefficients["all"] == pytest.approx(0.3, rel=0.15)
    assert found.times[-1] == pytest.approx(19.98)
    assert list(found.coefficients) == ["Mo", "W", "all"]


def run_at(kelvin, value, error=0.01):
    return Diffusion(
        temperature=kelvin,
        volume=16.0,
        times=np.zeros(1),
        displacements={},
        coefficients={"W": value},
        errors={"W": error * value},
    )


def test_arrhenius_is_recovered():
    runs = [run_at(t, 7.0 * np.exp(-1.5 / (units.kB * t))) for t in (2500, 3000, 3500)]

    law = arrhenius(runs, "W")

    assert law.energy == pytest.approx(1.5)
    assert law.prefactor == pytest.approx(7.0)
    assert 0 < law.error < 0.1


def test_the_error_of_the_energy_grows_with_those_of_the_runs():
    exact, loud = (
        arrhenius([run_at(t, np.exp(-1 / (units.kB * t)), e) for t in (1000, 1500, 2000)], "W").error
        for e in (0.01, 0.1)
    )
    assert loud == pytest.approx(10 * exact)


def test_there_is_no_law_of_one_run_or_of_what_does_not_move():
    assert arrhenius([run_at(1000, 1.0)], "W") is None
    assert arrhenius([run_at(1000, 1.0), run_at(2000, -0.1)], "W") is None


def test_a_perfect_crystal_stays_where_it_is(tmp_path):
    schedule = Schedule(temperature=300, steps=400, equilibration=100, interval=4, timestep=5.0)
    seen = []
    crystal = bulk("Cu", "fcc", a=3.6, cubic=True).repeat(2)

    found = diffuse(crystal, EMT(), schedule, tmp_path / "cu", observe=lambda *a: seen.append((a[0], a[1].step)))

    assert found.displacements["Cu"].max() < 0.2
    assert abs(found.coefficients["Cu"]) < 0.02
    assert found.temperature == pytest.approx(300, rel=0.3)
    assert seen[-1] == ("run", 400)
    assert {stage for stage, _ in seen} == {"settle", "still", "run"}
    assert found.viscosity is None
    assert found.length == pytest.approx((found.volume * 32) ** (1 / 3))
    assert np.allclose(crystal.positions, bulk("Cu", "fcc", a=3.6, cubic=True).repeat(2).positions)


def test_a_run_is_the_same_again_with_the_same_seed(fcc, tmp_path):
    schedule = Schedule(temperature=100, steps=100, equilibration=100, interval=1)
    springs = Bonds(4 / np.sqrt(2), stiffness=2.0, depth=0.5)

    first, again = (diffuse(fcc.repeat(2), springs, schedule, tmp_path / name) for name in "ab")

    assert first.coefficients == again.coefficients


class Storm(Bonds):
    """Pushes every second atom one way and the others the other way, without end."""

    def calculate(self, *arguments, **options):
        super().calculate(*arguments, **options)
        self.results["forces"][::2, 0] += 20
        self.results["forces"][1::2, 0] -= 20


def test_a_run_that_explodes_is_stopped(fcc, tmp_path):
    schedule = Schedule(temperature=100, steps=100, equilibration=100, interval=1)

    with pytest.raises(DivergenceError, match="the run diverged at step"):
        diffuse(fcc, Storm(4 / np.sqrt(2)), schedule, tmp_path / "storm")


class StoppedError(Exception):
    pass


def test_a_small_melt_has_the_temperature_that_was_asked_for_and_goes_on_when_stopped(tmp_path):
    crystal = bulk("W", "bcc", a=3.3, cubic=True).repeat(3)
    schedule = Schedule(temperature=4500, steps=1000, equilibration=400, liquid=True, seed=1)
    calculator = VoxPotCalculator("motaw-fast", device="cpu")

    def stop(stage, sample):
        if stage == "run" and sample.step == 400:
            raise StoppedError

    whole = diffuse(crystal, calculator, schedule, tmp_path / "whole")
    with pytest.raises(StoppedError):
        diffuse(crystal, calculator, schedule, tmp_path / "part", observe=stop)
    again = diffuse(crystal, calculator, schedule, tmp_path / "part", restart=True)

    assert whole.temperature == pytest.approx(4500, rel=0.1)  # some four independent times, each within 11 %
    assert whole.coefficients["W"] > 0.1
    momenta = read(tmp_path / "whole.run.extxyz", "-1").get_momenta()
    np.testing.assert_allclose(momenta.sum(axis=0), 0, atol=1e-5)  # as far as the file has digits
    assert again.coefficients == whole.coefficients
    assert again.viscosity == whole.viscosity
    assert 0.5 < whole.viscosity.value < 50  # mPa s
    with pytest.raises(ConfigError, match="is there already"):
        diffuse(crystal, calculator, schedule, tmp_path / "part")


def test_a_liquid_that_is_none_is_refused(fcc, tmp_path):
    schedule = Schedule(temperature=50, steps=100, equilibration=100, interval=1, timestep=4.0, liquid=True)
    springs = Bonds(4 / np.sqrt(2), stiffness=2.0, depth=0.5)

    with pytest.raises(DivergenceError, match="expected a liquid, got atoms as in a crystal"):
        diffuse(fcc.repeat(2), springs, schedule, tmp_path / "ice")


@pytest.mark.parametrize(
    "options",
    [{"temperature": 0}, {"temperature": 300, "steps": 10}, {"temperature": 300, "timestep": 50.0}],
)
def test_schedules_that_make_no_sense_are_refused(options):
    with pytest.raises(ConfigError, match="expected"):
        Schedule(**options)


def test_vacancies_are_few_and_at_random(rng):
    crystal = bulk("W", "bcc", a=3.2, cubic=True).repeat(3)

    assert len(without_atoms(crystal, 2, rng)) == 52
    assert len(without_atoms(crystal, 0, rng)) == 54
    with pytest.raises(ConfigError, match="at most one atom in ten"):
        without_atoms(crystal, 6, rng)
