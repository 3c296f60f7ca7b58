"""Partially occupied sites: refused wherever atoms come in, or filled at random as the shares say."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.db import connect
from ase.io import read, write
from numpy.testing import assert_allclose

from ase_voxpot.calculator import VoxPotCalculator
from ase_voxpot.errors import ConfigError, DataError, OccupancyError, OverlapError
from ase_voxpot.frames.disorder import decorate, partial_sites, refuse_disorder
from ase_voxpot.frames.labels import read_each, read_frames
from ase_voxpot.selection import select
from ase_voxpot.structures import Decoration, average_structure, open_structure
from tests.cifs import ALLOY, cif
from tests.models import made_certain, seeded, specification


@pytest.fixture
def alloy(tmp_path):
    """What ASE makes of a CIF of Mo0.4 Ta0.35 W0.25: pure molybdenum."""
    (tmp_path / "alloy.cif").write_text(cif(ALLOY))
    atoms = read(tmp_path / "alloy.cif")
    assert set(atoms.symbols) == {"Mo"}
    return atoms


def half(atoms: Atoms) -> Atoms:
    atoms.arrays["occupancies"] = np.array([0.5, 1.0])
    return atoms


def told(occupancy: object, **arrays: object) -> Atoms:
    atoms = bulk("Mo", cubic=True)
    atoms.info["occupancy"] = occupancy
    for name, values in arrays.items():
        atoms.new_array(name, np.array(values))
    return atoms


@pytest.mark.parametrize(
    "atoms",
    [
        told({"0": {"Mo": 0.4, "W": 0.6}}, spacegroup_kinds=[0, 0]),
        told({"0": {"Mo": 0.4, "W": 0.6}}),
        told({0: {"Mo": 0.5}, 1: {"Mo": 1.0}}, spacegroup_kinds=[0, 1]),
        told({"0": {"W": 0.6, "Ta": 0.4}}),
        told({"Mo": 0.4, "W": 0.6}),
        told('{"0": {"Mo": 0.5, "W": 0.5}}'),
        told({"0": {"Mo": "0.98(2)"}}),
        told({"0": {"Mo": 0.0}}),
        half(bulk("Mo", cubic=True)),
    ],
)
def test_sites_without_one_whole_atom_are_refused(atoms):
    with pytest.raises(OccupancyError, match="partially occupied.*--decorate"):
        refuse_disorder(atoms)


@pytest.mark.parametrize(
    "atoms",
    [
        bulk("Mo", cubic=True),
        told({"0": {"Mo": 1.0}}),
        told({"0": {"Mo": 1, "W": 0}}, spacegroup_kinds=[0, 0]),
        told({"0": {"Mo": "."}}),
        told({"0": {"Mo": "?"}}),
        told({"0": {"Mo": "1.000(3)"}}),
        told({"0": {"Mo": 1.0}, "1": {"Ta": 0.5}}, spacegroup_kinds=[0, 0]),  # all of kind 1 was taken away
        told("unknown"),
        told(0.93),
    ],
)
def test_whole_atoms_pass(atoms):
    refuse_disorder(atoms)


def test_what_somebody_decorated_passes_and_what_a_reader_left_does_not(alloy):
    supercell = alloy.repeat(2)
    with pytest.raises(OccupancyError):
        refuse_disorder(supercell)

    supercell.symbols[:5] = "W"

    refuse_disorder(supercell)


@pytest.mark.parametrize("share", ["much", -0.5, float("nan"), [0.5]])
def test_an_occupancy_that_is_no_number_is_refused(share):
    with pytest.raises(OccupancyError, match="expected an occupancy from 0 on"):
        refuse_disorder(told({"0": {"Mo": share}}))


def test_more_than_one_atom_on_a_site_is_a_fault_of_the_file():
    with pytest.raises(OccupancyError, match=r"more on some: Mo 0.7, W 0.7.*correct"):
        refuse_disorder(told({"0": {"Mo": 0.7, "W": 0.7}}))


def test_the_calculator_and_the_potential_refuse_them(alloy):
    potential = made_certain(seeded(specification("steerable"), dtype="float64"))
    alloy.calc = VoxPotCalculator(potential)

    for ask in (
        alloy.get_potential_energy,
        alloy.get_forces,
        lambda: alloy.calc.calculate(alloy),
        lambda: potential.evaluate(alloy),
        lambda: potential.evaluate([bulk("W"), alloy]),
        lambda: potential.features(alloy),
        lambda: select(potential, [bulk("W"), alloy], count=1),
    ):
        with pytest.raises(OccupancyError, match=r"Mo 0.4, Ta 0.35, W 0.25.*delete atoms.info\['occupancy'\]"):
            ask()


def test_results_of_the_same_atoms_without_occupancies_are_not_handed_out(alloy):
    calculator = VoxPotCalculator(seeded(specification("steerable"), dtype="float64"))
    pure = Atoms(alloy.symbols, positions=alloy.positions, cell=alloy.cell, pbc=True)
    pure.calc = alloy.calc = calculator
    pure.get_potential_energy()

    with pytest.raises(OccupancyError):
        alloy.get_potential_energy()
    del alloy.info["occupancy"]
    assert alloy.get_potential_energy() == pure.get_potential_energy()


@pytest.mark.parametrize("name", ["a.extxyz", "a.traj", "a.cif", "a.xyz", "a.extxyz.gz"])
def test_files_that_carry_occupancies_are_refused(alloy, tmp_path, name):
    write(tmp_path / name, alloy)

    with pytest.raises(OccupancyError, match=rf"{name}: frame 0: .*Mo 0.4, Ta 0.35, W 0.25"):
        read_frames(tmp_path / name)
    assert len(read_each(tmp_path / name)) == 1


@pytest.mark.parametrize("name", ["a.db", "a.json"])
def test_databases_that_carry_occupancies_are_refused(alloy, tmp_path, name):
    with connect(tmp_path / name) as rows:
        rows.write(bulk("W"), energy_above_hull=0.25)
        rows.write(alloy, data={"occupancy": alloy.info["occupancy"]})

    with pytest.raises(OccupancyError, match="frame 1"):
        read_frames(tmp_path / name)
    assert read_frames(tmp_path / name, ":1")[0].info["energy_above_hull"] == 0.25


def test_every_kind_of_site_keeps_its_shares(tmp_path):
    rows = "Mo1 Mo 0 0 0 0.25\nW1 W 0 0 0 0.75\nTa1 Ta 0.5 0.5 0.5 0.5\nW2 W 0.5 0.5 0.5 0.5\nTa2 Ta 0.5 0 0 1\n"
    (tmp_path / "x.cif").write_text(cif(rows, group="P m -3 m", edge=4.0))
    (crystal,) = read_frames(tmp_path / "x.cif", disorder=True)

    made = decorate(crystal, repeat=4, rng=np.random.default_rng(1))

    corner = (np.abs(made.positions / 4 - np.rint(made.positions / 4)) < 1e-6).all(axis=1)
    centre = (np.abs(made.positions / 4 - 0.5 - np.rint(made.positions / 4 - 0.5)) < 1e-6).all(axis=1)
    assert made[corner].symbols.formula.count() == {"Mo": 16, "W": 48}
    assert made[centre].symbols.formula.count() == {"Ta": 32, "W": 32}
    assert made[~corner & ~centre].symbols.formula.count() == {"Ta": 192}
    assert partial_sites(made) == []
    assert set(made.arrays) == {"numbers", "positions"}


def test_the_seed_decides_the_decoration(alloy):
    first, again, other = (decorate(alloy, repeat=3, rng=np.random.default_rng(seed)) for seed in (3, 3, 4))

    assert first == again
    assert first != other
    assert first.symbols.formula.count() == other.symbols.formula.count() == {"Mo": 22, "Ta": 19, "W": 13}


def test_thirds_given_to_two_decimals_are_a_full_site():
    made = decorate(told({"0": {"Mo": 0.33, "Ta": 0.33, "W": 0.33}}), repeat=3, rng=np.random.default_rng(0))

    assert made.symbols.formula.count() == {"Mo": 18, "Ta": 18, "W": 18}


def test_vacancies_come_when_they_are_asked_for():
    atoms = told({"0": {"Mo": 0.5, "W": 0.25}})
    with pytest.raises(OccupancyError, match=r"0.75 in all; leave the rest empty with --vacant"):
        decorate(atoms, repeat=2, rng=np.random.default_rng(0))

    made = decorate(atoms, repeat=2, rng=np.random.default_rng(0), vacancies=True)

    assert made.symbols.formula.count() == {"Mo": 8, "W": 4}
    assert_allclose(made.cell.lengths(), 2 * atoms.cell.lengths())


@pytest.mark.parametrize(
    ("atoms", "sentence"),
    [
        (told({"0": {"Mo": 0.9, "W": 0.1}}), "2 sites are too few for .*W would be left out; repeat"),
        (told({"0": {"Mo": 0.9, "W": 0.9}}), "one atom at most on every site"),
        (told({"0": {"Mo": 0.9, "W": 0.1}, "1": {"Mo": 0.6, "W": 0.4}}), "which atoms sit on sites"),
    ],
)
def test_shares_that_cannot_be_met_are_refused(atoms, sentence):
    with pytest.raises(OccupancyError, match=sentence):
        decorate(atoms, rng=np.random.default_rng(0), vacancies=True)


def test_split_sites_exclude_each_other(tmp_path):
    rows = "Mo1 Mo 0 0 0.1 0.5\nMo2 Mo 0 0 -0.1 0.5\nW1 W 0.5 0.5 0.5 1\n"
    (tmp_path / "x.cif").write_text(cif(rows, group="P 1"))
    (crystal,) = read_frames(tmp_path / "x.cif", disorder=True)

    with pytest.raises(OccupancyError, match=r"0.64 Å apart, so that atoms on one exclude"):
        decorate(crystal, repeat=2, rng=np.random.default_rng(0), vacancies=True)


def test_masses_of_what_was_replaced_are_those_of_the_new_element(alloy):
    alloy.set_masses([100.0, 100.0])

    made = decorate(alloy, repeat=3, rng=np.random.default_rng(0))

    assert set(made.get_masses()[made.symbols == "Mo"]) == {100.0}
    assert_allclose(made.get_masses()[made.symbols == "W"], 183.84)


def test_a_structure_is_opened_with_a_decoration_or_not_at_all(alloy, tmp_path):
    path, notes = str(tmp_path / "alloy.cif"), []
    rng = np.random.default_rng(0)
    with pytest.raises(OccupancyError, match=r"alloy.cif: .*--decorate"):
        open_structure(path, rng=rng, repeat=3)

    made = open_structure(path, rng=rng, repeat=3, decoration=Decoration(), note=notes.append)

    assert made.symbols.formula.count() == {"Mo": 22, "Ta": 19, "W": 13}
    assert made.info == {}
    (sentence,) = notes
    assert "decorated at random, from sites with Mo 0.4 Ta 0.35 W 0.25" in sentence
    assert "Ta 19" in sentence


def test_there_must_be_something_to_decorate(tmp_path):
    write(tmp_path / "w.extxyz", bulk("W"))
    for source in (str(tmp_path / "w.extxyz"), "bcc:MoW"):
        with pytest.raises(ConfigError, match="decorate: expected a file with partially occupied sites"):
            open_structure(source, rng=np.random.default_rng(0), decoration=Decoration())


def test_the_average_structure_tells_kinds_of_sites_apart(tmp_path):
    rows = "Mo1 Mo 0 0 0 0.5\nW1 W 0 0 0 0.5\nMo2 Mo 0.5 0.5 0.5 1\n"
    (tmp_path / "x.cif").write_text(cif(rows, group="P m -3 m"))

    numbers = average_structure(str(tmp_path / "x.cif")).numbers

    assert len(set(numbers)) == 2


def test_of_several_structures_the_last_is_taken_and_that_is_said(tmp_path):
    text = cif("Mo1 Mo 0 0 0 1\n", name="a") + cif("W1 W 0 0 0 1\n", name="b")
    (tmp_path / "two.cif").write_text(text)
    notes = []

    atoms = open_structure(str(tmp_path / "two.cif"), rng=np.random.default_rng(0), note=notes.append)

    assert set(atoms.symbols) == {"W"}
    assert notes == [f"{tmp_path / 'two.cif'} holds several structures; the last one, W2, is taken"]


def test_atoms_on_one_place_are_refused(tmp_path):
    (tmp_path / "x.cif").write_text(cif("Mo1 Mo 0 0 0\nW1 W 0 0 0.01\n", group="P 1", occupancy=False))

    with pytest.raises(OverlapError, match=r"x.cif: atoms [01] and [01] are 0.032 Å apart"):
        open_structure(str(tmp_path / "x.cif"), rng=np.random.default_rng(0))


def test_a_structure_without_atoms_is_refused(tmp_path):
    write(tmp_path / "none.extxyz", Atoms(cell=[3, 3, 3], pbc=True))

    with pytest.raises((DataError, ValueError), match=r"none.extxyz: .*(empty|at least one)"):
        open_structure(str(tmp_path / "none.extxyz"), rng=np.random.default_rng(0))
