from __future__ import annotations

import copy
import importlib.util
import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.calculator import (
    PropertyNotImplementedError,
    all_properties,
    external_calculators,
    get_calculator_class,
)
from ase.calculators.fd import calculate_numerical_forces, calculate_numerical_stress
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.filters import FrechetCellFilter
from ase.io import read, write
from ase.md.logger import MDLogger
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS, FIRE
from ase.units import GPa, fs
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.calculator import UNCERTAINTIES, VoxPotCalculator
from ase_voxpot.errors import (
    CellError,
    DeviceError,
    DivergenceError,
    EmptyStructureError,
    OverlapError,
    PositionError,
    SpecError,
    UnknownElementError,
    WeightsError,
)
from ase_voxpot.weights import load_potential
from tests import laws
from tests.models import seeded, specification
from tests.saved import save_tiny, save_tiny_and_certain

ALL = ("energy", "free_energy", "energies", "forces", "stress")


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def certain_model(tmp_path_factory):
    return save_tiny_and_certain(tmp_path_factory.mktemp("certain"))


@pytest.fixture
def calculator(tiny_model):
    return VoxPotCalculator(tiny_model, device="cpu", dtype="float64")


@pytest.fixture
def alloy(rng):
    atoms = bulk("W", "bcc", a=3.2, cubic=True) * (2, 2, 1)
    atoms.symbols = rng.choice(["Mo", "Ta", "W"], len(atoms))
    atoms.positions += rng.normal(scale=0.1, size=atoms.positions.shape)
    atoms.set_cell(atoms.cell @ (np.eye(3) + rng.normal(scale=0.03, size=(3, 3))), scale_atoms=True)
    return atoms


def test_forces_and_stress_are_derivatives_of_the_energy(calculator, alloy):
    alloy.calc = calculator

    assert_allclose(alloy.get_forces(), calculate_numerical_forces(alloy, eps=1e-4), atol=1e-6)
    assert_allclose(alloy.get_stress(), calculate_numerical_stress(alloy, eps=1e-5), atol=1e-7)


def test_energies_of_the_atoms_sum_to_the_energy(calculator, alloy):
    alloy.calc = calculator

    assert_allclose(alloy.get_potential_energies().sum(), alloy.get_potential_energy(), rtol=1e-14)
    assert alloy.get_potential_energy(force_consistent=True) == alloy.get_potential_energy()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_are_float64_whatever_the_network_computes_in(tiny_model, alloy, dtype):
    alloy.calc = VoxPotCalculator(tiny_model, device="cpu", dtype=dtype)
    alloy.get_stress()

    assert isinstance(alloy.calc.results["energy"], float)
    for name in ("energies", "forces", "stress"):
        assert alloy.calc.results[name].dtype == np.float64
    assert alloy.calc.parameters["dtype"] == dtype


def test_single_precision_is_close_to_double(tiny_model, alloy):
    single = VoxPotCalculator(tiny_model, device="cpu", dtype="float32")
    double = VoxPotCalculator(tiny_model, device="cpu", dtype="float64")

    assert_allclose(single.get_potential_energy(alloy), double.get_potential_energy(alloy), atol=1e-4)
    assert_allclose(single.get_forces(alloy), double.get_forces(alloy), atol=1e-4)


def test_the_input_is_not_changed(calculator, alloy):
    alloy.positions += 50  # outside of the cell: nothing may be wrapped
    before = alloy.copy()

    calculator.calculate(alloy)

    assert alloy == before
    assert alloy.calc is None


def test_one_pass_serves_all_properties(calculator, alloy, monkeypatch):
    calls = []
    evaluate = calculator.potential.evaluate
    monkeypatch.setattr(calculator.potential, "evaluate", lambda *a, **k: calls.append(1) or evaluate(*a, **k))
    alloy.calc = calculator

    alloy.get_potential_energy()
    alloy.get_forces()
    alloy.get_stress()
    alloy.get_potential_energies()
    alloy.set_initial_charges(np.ones(len(alloy)))  # the potential knows no charges
    alloy.get_forces()

    assert len(calls) == 1


@settings(max_examples=12)
@given(
    pbc=st.tuples(*[st.booleans()] * 3),
    vacuum=st.floats(0, 9),
    seed=st.integers(0, 99),
    mirror=st.booleans(),
)
def test_stress_is_the_slope_by_strain_whatever_is_periodic(potential_of, pbc, vacuum, seed, mirror):
    """As with ASE's calculators: where three vectors span a volume, and over this volume, vacuum included."""
    rng = np.random.default_rng(seed)
    atoms = bulk("W", "bcc", a=3.2, cubic=True) * (2, 1, 1)
    atoms.symbols = rng.choice(["Mo", "Ta", "W"], len(atoms))
    atoms.positions += rng.normal(scale=0.1, size=atoms.positions.shape)
    cell = atoms.cell[:] @ (np.eye(3) + rng.normal(scale=0.1, size=(3, 3)))
    atoms.set_cell((-cell if mirror else cell), scale_atoms=True)
    for axis in np.flatnonzero(~np.array(pbc)):
        atoms.cell[axis] *= 1 + vacuum / np.linalg.norm(atoms.cell[axis])
    atoms.pbc = pbc
    potential = potential_of("steerable")
    atoms.calc = VoxPotCalculator(potential)

    laws.stress_is_the_slope_by_strain(potential.evaluate, atoms)
    assert_allclose(atoms.get_stress(), potential.evaluate(atoms).stress, rtol=1e-12)
    assert_allclose(atoms.get_stress(), potential.evaluate([atoms, atoms])[1].stress, rtol=1e-9, atol=1e-12)
    assert_allclose(atoms.get_stress(), calculate_numerical_stress(atoms, eps=1e-5), atol=1e-6)


@pytest.mark.parametrize("pbc", [False, (True, False, False), (True, True, False)])
@pytest.mark.parametrize("spoil", [lambda cell: 0 * cell[2], lambda cell: cell[0] - 2 * cell[1]])
def test_without_a_volume_there_is_no_stress(calculator, alloy, pbc, spoil):
    alloy.cell[2] = spoil(alloy.cell[:])
    alloy.pbc = pbc
    alloy.calc = calculator

    assert np.isfinite(alloy.get_potential_energy())
    with pytest.raises(PropertyNotImplementedError):
        alloy.get_stress()
    assert calculator.potential.evaluate([alloy])[0].volume is None


def test_filters_and_loggers_of_ase_work_on_slabs(calculator, alloy):
    alloy.center(vacuum=5, axis=2)
    alloy.pbc = (True, True, False)
    alloy.calc = calculator
    height, start = alloy.cell[2, 2], alloy.get_potential_energy()

    BFGS(FrechetCellFilter(alloy, mask=[1, 1, 0, 0, 0, 1]), logfile=None).run(fmax=0.01, steps=5)
    out = StringIO()
    dynamics = VelocityVerlet(alloy, 1 * fs)
    dynamics.attach(MDLogger(dynamics, alloy, out, stress=True))
    dynamics.run(1)

    assert alloy.get_potential_energy() < start
    assert_allclose(alloy.cell[2, 2], height, atol=1e-12)
    assert_allclose(np.array(out.getvalue().splitlines()[-1].split()[-6:], float), alloy.get_stress() / GPa, atol=2e-3)


def test_an_energy_may_be_asked_of_an_atom_without_a_cell(calculator):
    atom = Atoms("W", calculator=calculator)

    assert_allclose(atom.get_potential_energy(), calculator.potential.spec.baseline.reference[2], atol=1e-12)
    assert_array_equal(atom.get_forces(), np.zeros((1, 3)))


def _structures(rng):
    """Structures of every kind in one row, each unlike the one before."""
    small = bulk("Ta", "bcc", a=3.3)
    for step in range(60):
        kind = step % 6
        if kind == 0:
            atoms = bulk("W", "bcc", a=3.2, cubic=True) * (2, 1, 1)
        elif kind == 1:
            atoms = Atoms("MoTaW", positions=rng.uniform(0, 5, (3, 3)) + np.arange(3)[:, None] * 3)
        elif kind == 2:
            atoms = small.copy()
            atoms.symbols = rng.choice(["Mo", "Ta", "W"], 1)
        elif kind == 3:
            atoms = atoms.copy()
            atoms.set_cell(atoms.cell[:] * 1.003, scale_atoms=bool(step % 4))
        elif kind == 4:
            atoms = atoms.copy()
            atoms.pbc = rng.random(3) < 0.5
        else:
            atoms = atoms.copy()
            atoms.positions += rng.normal(scale=0.02, size=atoms.positions.shape)
        yield atoms


def test_one_instance_serves_any_structure_like_a_fresh_one(tiny_model, calculator, rng):
    for atoms in _structures(rng):
        fresh = VoxPotCalculator(calculator.potential)
        for name in ALL if atoms.cell.rank == 3 else ALL[:-1]:
            assert_allclose(
                calculator.get_property(name, atoms), fresh.get_property(name, atoms), rtol=1e-10, atol=1e-10
            )


def test_permuted_atoms_within_the_skin_are_told_apart(calculator, alloy, rng):
    calculator.get_potential_energy(alloy)
    order = rng.permutation(len(alloy))

    assert_allclose(calculator.get_forces(alloy[order]), calculator.get_forces(alloy)[order], atol=1e-10)


def test_a_drift_within_the_skin_stays_exact(calculator, alloy, rng):
    for _ in range(30):
        alloy.positions += rng.normal(scale=0.03, size=alloy.positions.shape)
        fresh = VoxPotCalculator(calculator.potential)
        assert_allclose(calculator.get_forces(alloy), fresh.get_forces(alloy), atol=1e-10)


def test_neighbours_are_kept_between_steps_until_they_are_to_be_forgotten(calculator, alloy):
    before = calculator._neighbours
    calculator.get_forces(alloy)
    alloy.positions[0] += 0.01
    calculator.get_forces(alloy)

    assert calculator._neighbours is before
    calculator.forget()
    assert calculator._neighbours is not before
    assert calculator.results == {}


def test_cell_and_atoms_relax_together(calculator, alloy):
    alloy.calc = calculator
    start = alloy.get_potential_energy()

    FIRE(FrechetCellFilter(alloy), logfile=None).run(fmax=0.01, steps=5)

    assert alloy.get_potential_energy() < start


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda calc: pickle.loads(pickle.dumps(calc))])
def test_a_copy_gives_the_same_results(calculator, alloy, duplicate):
    calculator.forget()
    expected = calculator.get_forces(alloy)

    again = duplicate(calculator)
    again.forget()

    assert_array_equal(again.get_forces(alloy), expected)


def test_a_path_and_a_potential_are_models_too(tiny_model, calculator, alloy):
    assert VoxPotCalculator(str(tiny_model), device="cpu").parameters["model"] == str(tiny_model)
    assert VoxPotCalculator(calculator.potential).get_potential_energy(alloy) == calculator.get_potential_energy(alloy)


def test_ase_finds_the_calculator_by_its_name():
    assert get_calculator_class("voxpot") is VoxPotCalculator


def test_the_module_may_be_loaded_again(monkeypatch):
    monkeypatch.setitem(external_calculators, "voxpot", VoxPotCalculator)  # restored afterwards
    spec = importlib.util.find_spec("ase_voxpot.calculator")
    again = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(again)

    assert get_calculator_class("voxpot") is again.VoxPotCalculator


class TestParameters:
    """They are the arguments that make the calculator again, here or from a file of ASE's."""

    def test_they_name_all_that_was_chosen(self, certain_model):
        made = VoxPotCalculator(certain_model, device="cpu", dtype="float64", uncertainty=True, label="run")

        expected = {"model": str(certain_model), "device": "cpu", "dtype": "float64", "uncertainty": True}
        assert dict(made.parameters) == made.todict() == expected
        assert VoxPotCalculator("motaw-fast", device="cpu").parameters["model"] == "motaw-fast"

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("uncertainty", [False, True])
    def test_they_make_the_same_calculator_again(self, certain_model, alloy, dtype, uncertainty):
        made = VoxPotCalculator(certain_model, device="cpu", dtype=dtype, uncertainty=uncertainty)

        again = VoxPotCalculator(**json.loads(json.dumps(made.todict())))

        assert_array_equal(again.get_forces(alloy), made.get_forces(alloy))
        assert again.results.keys() == made.results.keys()
        assert again.parameters == made.parameters

    def test_they_know_where_a_potential_came_from(self, certain_model, alloy, tmp_path, monkeypatch):
        monkeypatch.chdir(certain_model.parent)
        made = VoxPotCalculator(load_potential(certain_model.name, device="cpu", dtype="float64"), uncertainty=True)
        monkeypatch.chdir(tmp_path)

        again = VoxPotCalculator(**made.parameters)

        assert again.parameters["model"] == str(certain_model)
        assert again.get_property("energy_uncertainty", alloy) == made.get_property("energy_uncertainty", alloy)

    @pytest.mark.parametrize("source", [lambda path: None, lambda path: load_potential(path, route="voxels")])
    def test_a_potential_that_no_file_holds_cannot_be_made_again_from_them(self, tiny_model, source):
        potential = source(tiny_model) or seeded(specification("steerable"))
        made = VoxPotCalculator(potential)

        with pytest.raises(WeightsError, match="made from a Potential in memory; write that with save_potential"):
            VoxPotCalculator(**made.parameters)

    def test_they_come_back_from_files_of_ase(self, certain_model, alloy, tmp_path):
        alloy.calc = VoxPotCalculator(certain_model, device="cpu", uncertainty=True)
        energy = alloy.get_potential_energy()
        write(tmp_path / "a.traj", alloy)
        with connect(tmp_path / "a.db") as database:
            database.write(alloy)
            row = database.get(1)

        for name, found in (
            (row.calculator, row.calculator_parameters),
            (read(tmp_path / "a.traj").calc.name, read(tmp_path / "a.traj").calc.parameters),
        ):
            again = get_calculator_class(name)(**found)
            assert again.get_potential_energy(alloy) == energy
            assert "energy_uncertainty" in again.results


class TestNames:
    """What ASE is told is what ASE knows."""

    @pytest.mark.parametrize("uncertainty", [False, True])
    @pytest.mark.parametrize("pbc", [True, False, (True, True, False)])
    def test_every_implemented_property_can_be_frozen(self, certain_model, alloy, uncertainty, pbc):
        alloy.pbc = pbc
        calc = alloy.calc = VoxPotCalculator(certain_model, device="cpu", uncertainty=uncertainty)
        frozen = SinglePointCalculator(alloy, **{p: calc.get_property(p, alloy) for p in calc.implemented_properties})

        assert set(calc.implemented_properties) <= set(all_properties)
        assert_array_equal(frozen.get_forces(alloy), calc.get_forces(alloy))
        assert_array_equal(frozen.get_stress(alloy), calc.get_stress(alloy))

    def test_plain_results_can_be_frozen(self, certain_model, alloy):
        alloy.calc = VoxPotCalculator(certain_model, device="cpu")
        energy = alloy.get_potential_energy()

        assert SinglePointCalculator(alloy, **alloy.calc.results).get_potential_energy(alloy) == energy

    @pytest.mark.parametrize("suffix", ["extxyz", "traj", "json", "db"])
    @pytest.mark.parametrize("uncertainty", [False, True])
    def test_any_file_of_ase_can_be_written(self, certain_model, alloy, tmp_path, suffix, uncertainty):
        alloy.calc = VoxPotCalculator(certain_model, device="cpu", uncertainty=uncertainty)
        energy, forces = alloy.get_potential_energy(), alloy.get_forces()
        write(tmp_path / f"a.{suffix}", alloy)

        back = read(tmp_path / f"a.{suffix}")
        assert back.get_potential_energy() == pytest.approx(energy)
        assert_allclose(back.get_forces(), forces, atol=1e-7)

    @pytest.mark.parametrize("suffix", ["extxyz", "traj"])
    def test_frozen_atoms_keep_their_uncertainties_in_files(self, certain_model, alloy, tmp_path, suffix):
        calc = alloy.calc = VoxPotCalculator(certain_model, device="cpu", uncertainty=True)
        frozen = calc.frozen(alloy)
        write(tmp_path / f"a.{suffix}", [frozen, frozen])

        back = read(tmp_path / f"a.{suffix}")
        for name in ("energy_uncertainty", "extrapolation"):
            assert back.info[name] == pytest.approx(calc.results[name]), name
        for name in ("energies_uncertainty", "forces_uncertainty") if suffix == "extxyz" else ():
            assert_allclose(back.arrays[name], calc.results[name], atol=1e-7)
        assert_allclose(back.get_stress(), calc.results["stress"], atol=1e-9)
        assert_allclose(back.get_potential_energies(), calc.results["energies"], atol=1e-7)

    def test_freezing_changes_nothing(self, certain_model, alloy):
        calc = alloy.calc = VoxPotCalculator(certain_model, device="cpu", uncertainty=True)
        before = alloy.copy()

        frozen = calc.frozen(alloy)
        frozen.arrays["forces_uncertainty"][:] = 0
        frozen.calc.results["forces"][:] = 0

        assert alloy == before
        assert alloy.info == before.info
        assert calc.results["forces_uncertainty"].all()
        assert np.abs(calc.results["forces"]).max() > 0

    def test_without_uncertainty_there_is_none_to_keep(self, tiny_model, alloy):
        frozen = VoxPotCalculator(tiny_model, device="cpu").frozen(alloy)

        assert frozen.info == {}
        assert set(frozen.arrays) == {"numbers", "positions"}


def test_common_keywords_are_taken_and_others_refused(calculator, alloy, tmp_path):
    made = VoxPotCalculator(calculator.potential, atoms=alloy, directory=tmp_path, label="run")

    assert alloy.calc is made
    with pytest.raises(TypeError, match="got cuttoff"):
        VoxPotCalculator(calculator.potential, cuttoff=4.0)
    with pytest.raises(TypeError, match="make a new calculator"):
        made.set(dtype="float32")
    assert made.set(**made.parameters) == {}


def test_results_are_not_written_over_by_the_next_step(calculator, alloy):
    alloy.calc = calculator
    alloy.get_forces()
    first = {name: np.copy(value) for name, value in calculator.results.items()}
    held = dict(calculator.results)

    alloy.rattle(0.05, seed=1)
    alloy.get_forces()

    for name, value in held.items():
        assert_array_equal(value, first[name])


def test_threads_that_share_a_calculator_get_their_own_results(calculator, alloy):
    structures = [alloy.copy() for _ in range(6)]
    for number, atoms in enumerate(structures):
        atoms.rattle(0.05, seed=number)
        atoms.calc = calculator
    alone = [atoms.get_potential_energy() for atoms in structures]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda k: structures[k % 6].get_potential_energy(), range(60)))

    assert_allclose(found, np.tile(alone, 10), rtol=1e-12)


def test_results_vanish_on_error_and_do_not_survive_as_those_of_another_structure(calculator, alloy):
    alloy.calc = calculator
    energy = alloy.get_potential_energy()
    broken = alloy.copy()
    broken.positions[1] = np.nan

    with pytest.raises(PositionError):
        calculator.get_potential_energy(broken)

    assert alloy.get_potential_energy() == energy


def _with_nan(atoms):
    atoms.positions[0, 1] = np.nan


def _without_volume(atoms):
    atoms.set_cell([3, 3, 0])


def _coincident(atoms):
    atoms.positions[1] = atoms.positions[0]


def _empty(atoms):
    del atoms[:]


def _foreign(atoms):
    atoms.symbols[0] = "Xe"


@pytest.mark.parametrize(
    ("spoil", "error", "sentence"),
    [
        (_with_nan, PositionError, "NaN"),
        (_without_volume, CellError, "span a volume"),
        (_coincident, OverlapError, "same place"),
        (_empty, EmptyStructureError, "at least one atom"),
        (_foreign, UnknownElementError, "Xe"),
    ],
)
def test_a_structure_without_energy_is_refused_with_a_sentence(calculator, alloy, spoil, error, sentence):
    spoil(alloy)
    alloy.calc = calculator

    with pytest.raises(error, match=sentence):
        alloy.get_potential_energy()


def test_a_model_that_gives_no_number_is_refused(tiny_model, alloy):
    """Damaged weights must not end as an energy that no comparison notices."""
    calculator = VoxPotCalculator(tiny_model, device="cpu")
    for weights in calculator.potential.network.parameters():
        weights.fill_(float("nan"))
    alloy.calc = calculator

    with pytest.raises(DivergenceError, match="expected a finite energy and finite forces from the model, got NaN"):
        alloy.get_potential_energy()
    assert calculator.results == {}


def test_a_model_or_device_that_is_not_there_is_refused(tiny_model, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)

    with pytest.raises(WeightsError, match="'nothing'"):
        VoxPotCalculator("nothing")
    with pytest.raises(DeviceError, match="no CUDA device"):
        VoxPotCalculator(tiny_model, device="cuda")


def test_an_element_of_another_molecule_is_named(calculator):
    water = molecule("H2O")
    water.calc = calculator

    with pytest.raises(UnknownElementError, match="H, O"):
        water.get_potential_energy()


def test_the_shipped_model_holds_tungsten_together():
    atoms = bulk("W", "bcc", a=3.19)
    atoms.calc = VoxPotCalculator("motaw", device="cpu")

    assert -14 < atoms.get_potential_energy() < -12
    assert_allclose(atoms.get_forces(), 0, atol=1e-4)


class TestUncertainty:
    """Results under names of their own, on request."""

    def test_they_are_given_when_asked_for(self, certain_model, alloy):
        alloy.calc = VoxPotCalculator(certain_model, device="cpu", uncertainty=True)
        alloy.get_potential_energy()

        result = alloy.calc.potential.evaluate(alloy, uncertainty=True).uncertainty
        results = alloy.calc.results
        assert results["energy_uncertainty"] == pytest.approx(result.energy)
        assert_allclose(results["energies_uncertainty"], result.energies)
        assert_allclose(results["forces_uncertainty"], result.forces)
        assert results["extrapolation"] == pytest.approx(result.extrapolation)
        assert results["energies"].sum() == pytest.approx(results["energy"])

    def test_they_are_not_when_not(self, certain_model, alloy):
        alloy.calc = VoxPotCalculator(certain_model, device="cpu")
        energy = alloy.get_potential_energy()

        assert not set(UNCERTAINTIES) & set(alloy.calc.results)
        assert alloy.calc.get_property("energy_uncertainty", alloy) > 0
        assert alloy.get_potential_energy() == energy

    def test_files_and_tables_of_ase_go_without_them(self, certain_model, alloy, tmp_path):
        alloy.calc = VoxPotCalculator(certain_model, device="cpu", uncertainty=True)
        alloy.get_potential_energy()

        for name in ("a.extxyz", "a.traj"):
            write(tmp_path / name, alloy)
            assert read(tmp_path / name).get_potential_energy() == pytest.approx(alloy.get_potential_energy())
        assert "energy" in alloy.calc.export_properties()

    def test_a_model_without_is_refused_at_once(self, tiny_model, alloy):
        with pytest.raises(SpecError, match="expected a model with an uncertainty"):
            VoxPotCalculator(tiny_model, device="cpu", uncertainty=True)

        alloy.calc = VoxPotCalculator(tiny_model, device="cpu")
        with pytest.raises(PropertyNotImplementedError, match="this one has none"):
            alloy.calc.get_property("energy_uncertainty", alloy)

    @pytest.mark.parametrize("name", UNCERTAINTIES)
    @pytest.mark.parametrize("uncertainty", [False, True])
    def test_each_follows_the_structure(self, certain_model, alloy, name, uncertainty):
        calc = VoxPotCalculator(certain_model, device="cpu", uncertainty=uncertainty)
        moved = alloy.copy()
        moved.rattle(0.1, seed=1)

        assert calc.get_property(name, alloy, allow_calculation=False) is None
        first = calc.get_property(name, alloy)
        assert calc.get_property(name, moved, allow_calculation=False) is None
        second = calc.get_property(name, moved)

        assert not np.array_equal(first, second)
        assert_array_equal(calc.get_property(name), second)
        assert_array_equal(VoxPotCalculator(certain_model, device="cpu").get_property(name, moved), second)
