"""Dynamics like that of the paper: the right temperature, and never a frame lost or doubled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.calculator import Calculator
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.errors import ConfigError, DataError, DivergenceError
from ase_voxpot.montecarlo.order import Lattice, warren_cowley
from ase_voxpot.structures import random_alloy
from voxpot_training.wholecell import generate as generation
from voxpot_training.wholecell.generate import generate
from voxpot_training.wholecell.nose_hoover import NoseHoover, start
from voxpot_training.wholecell.recipe import Recipe, decorate

SMALL = {"lattice": 3.2, "repeat": 2, "temperatures": (300.0, 900.0), "frames": 24, "settle": 7, "segment": 4}


class Springs(Calculator):
    """Every atom on a stiffening spring of its own to where it was first, so that they do not swing in step."""

    implemented_properties = ["energy", "forces"]

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, properties, system_changes)
        self.sites = getattr(self, "sites", atoms.positions.copy())
        k = np.linspace(2, 9, len(atoms))[:, None]
        u = atoms.positions - self.sites
        self.results = {"energy": float((k * u**2 / 2 + 25 * u**4).sum()), "forces": -k * u - 100 * u**3}


def crystal():
    atoms = bulk("W", "bcc", a=3.2, cubic=True).repeat(2)
    atoms.calc = Springs()
    return atoms


def test_the_conserved_energy_is_conserved_to_second_order():
    spread = []
    for timestep in (2.0, 1.0):
        atoms = crystal()
        run = NoseHoover(
            atoms,
            start(atoms, 600.0, np.random.default_rng(0)),
            temperature=600.0,
            timestep=timestep,
            period=100.0,
        )
        found = [run.conserved()]
        for _ in range(round(200 / timestep)):
            run.run(1)
            found.append(run.conserved())
        spread.append(np.ptp(found))

    assert spread[1] < 0.02  # eV, of 5 in all
    assert spread[0] / spread[1] == pytest.approx(4, rel=0.3)


def test_the_temperature_is_kept():
    atoms = crystal()
    rng = np.random.default_rng(1)
    run = NoseHoover(atoms, start(atoms, 800.0, rng), temperature=800.0, timestep=4.0, period=120.0)
    found = []
    for _ in range(1500):
        run.run(2)
        found.append(2 * run.kinetic() / (45 * units.kB))

    assert_allclose(np.mean(found), 800, rtol=0.03)


def test_decorations_are_nearly_random(rng):
    atoms, worst = decorate(random_alloy("bcc:MoTaW", repeat=3, rng=rng, constant=3.2), rng)

    assert sorted(atoms.symbols.formula.count().values()) == [18, 18, 18]
    assert worst < 0.09  # one pair more or less in the second shell is 0.08
    kinds, species = np.unique(atoms.numbers, return_inverse=True)
    found = [np.abs(warren_cowley(species, len(kinds), s)).max() for s in Lattice(atoms, shells=3).shells]
    assert max(found) == pytest.approx(worst)


def test_an_interrupted_run_loses_and_doubles_nothing(springs, tmp_path):
    recipe = Recipe(calculator=springs, **SMALL)
    whole = generate(tmp_path / "whole", recipe)
    seen = []

    def interrupt(frames):
        seen.append(frames)
        if len(seen) in (2, 4, 5):
            raise KeyboardInterrupt

    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            generate(tmp_path / "broken", recipe, observe=interrupt)
    found = generate(tmp_path / "broken", recipe, observe=interrupt)

    for name in ("positions", "forces", "energies"):
        assert_array_equal(getattr(found, name), getattr(whole, name))
    assert len(np.unique(whole.energies)) == 24


def test_labels_are_those_of_the_calculator(springs, tmp_path):
    found = generate(tmp_path / "f", Recipe(calculator=springs, **SMALL))

    ideal = random_alloy("bcc:MoTaW", repeat=2, rng=np.random.default_rng(0), constant=3.2).positions
    assert_allclose(found.forces, -5.0 * (found.positions - ideal), atol=1e-4)
    assert found.about["calculator"].startswith(springs.split(":")[0])


def test_a_folder_of_another_recipe_is_refused(springs, tmp_path):
    generate(tmp_path / "f", Recipe(calculator=springs, **SMALL))

    with pytest.raises(DataError, match="made with other about"):
        generate(tmp_path / "f", Recipe(calculator=springs, **SMALL, timestep=1.0))


def test_a_damaged_state_is_named(springs, tmp_path):
    recipe = Recipe(calculator=springs, **SMALL)
    generate(tmp_path / "f", recipe)
    (tmp_path / "f" / "run1.npz").write_bytes(b"not a zip")

    with pytest.raises(DataError, match="run1.npz: expected the state of a run"):
        generate(tmp_path / "f", recipe)


def test_dynamics_that_runs_away_is_stopped(springs, tmp_path):
    path = Path(springs.split(":")[0])
    path.write_text(path.read_text().replace("-5.0 * u", "5e4 * u"))

    with pytest.raises(DivergenceError, match="shorter timestep"):
        generate(tmp_path / "f", Recipe(calculator=springs, **SMALL))


@pytest.mark.parametrize(
    "wrong", [{"frames": 0}, {"temperatures": ()}, {"timestep": 50.0}, {"frames": 3}, {"temperatures": (-1.0,)}]
)
def test_recipes_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ConfigError):
        Recipe(**wrong)


def test_on_the_command_line_a_wrong_input_is_a_sentence(monkeypatch, capsys, tmp_path):
    for arguments, sentence in (
        (["make", str(tmp_path / "f"), "--calculator", "nobody.py:make"], "expected to find make in nobody.py"),
        (["gather", str(tmp_path / "f"), "--run", "hot"], "expected TEMPERATURE=FILE"),
        (["gather", str(tmp_path / "f"), "--run", "300=none.extxyz"], "none.extxyz"),
    ):
        monkeypatch.setattr("sys.argv", ["generate", *arguments])
        with pytest.raises(SystemExit) as ended:
            generation.main()

        assert ended.value.code == 2
        assert sentence in capsys.readouterr().err
