"""Partially occupied sites on the command line: refused by every verb, decorated where that is asked for."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase.build import bcc110, bulk
from ase.io import read, write

from tests.cifs import ALLOY, cif
from tests.cli.conftest import SPRINGS

TINY = ("-m", "tiny.safetensors", "--device", "cpu")
CERTAIN = ("-m", "certain.safetensors", "--device", "cpu")


@pytest.fixture
def alloy(here):
    (here / "alloy.cif").write_text(cif(ALLOY))
    (here / "half.cif").write_text(cif("Mo1 Mo 0 0 0 0.5\n"))
    return "alloy.cif"


@pytest.mark.parametrize(
    "words",
    [
        ("relax", *TINY),
        ("md", *TINY),
        ("mc", *TINY),
        ("eos", *TINY),
        ("elastic", *TINY),
        ("phonons", *TINY),
        ("defects", *TINY),
        ("diffusion", *TINY),
        ("melt", "-T", 3000, *TINY),
        ("evaluate", *TINY),
        ("validate", *TINY),
        ("select", *CERTAIN),
    ],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize("name", ["alloy.cif", "half.cif"])
def test_every_verb_refuses_them(voxpot, alloy, files, words, name):
    verb, *options = words

    outcome = voxpot(verb, name, *options)

    assert outcome.status == 2
    assert "partially occupied" in outcome.err
    assert "--decorate" in outcome.err
    assert files() <= {"validation"}


def test_a_structure_to_check_is_refused(voxpot, alloy):
    assert "partially occupied" in voxpot("check", "--structure", alloy, "--repeat", 1, *TINY).sentence


def test_a_decoration_is_relaxed_and_its_composition_told(voxpot, alloy, here):
    words = ("relax", alloy, *TINY, "--decorate", "--repeat", 3, "--steps", 1, "--seed", 5, "-o")

    outcome = voxpot(*words, "one.extxyz")
    voxpot(*words, "again.extxyz")

    assert "note: alloy.cif is decorated at random" in outcome.err
    assert "Mo 22" in outcome.err
    one, again = read(here / "one.extxyz"), read(here / "again.extxyz")
    assert one.symbols.formula.count() == {"Mo": 22, "Ta": 19, "W": 13}
    assert (one.numbers == again.numbers).all()


def test_vacancies_are_left_where_that_is_asked_for(voxpot, alloy, here):
    words = ("md", "half.cif", *TINY, "--decorate", "--repeat", 2, "--steps", 1, "--interval", 1)

    assert "--vacant" in voxpot(*words).sentence
    assert voxpot(*words, "--vacant").status == 0
    assert len(read(here / "md.extxyz")) == 8


def test_vacancies_belong_to_a_decoration(voxpot, alloy):
    assert "add --decorate" in voxpot("relax", alloy, *TINY, "--vacant").sentence


def test_monte_carlo_starts_from_a_decoration(voxpot, alloy, here):
    outcome = voxpot("mc", alloy, *TINY, "--decorate", "--repeat", 3, "-T", 2000, "--sweeps", 1)

    assert outcome.status == 0
    assert read(here / "mc.extxyz", 0).symbols.formula.count() == {"Mo": 22, "Ta": 19, "W": 13}


def test_elastic_constants_of_a_decorated_file_come_with_errors(voxpot, springs, here):
    rows = "Cu1 Cu 0 0 0 0.5\nNi1 Ni 0 0 0 0.5\n"
    (here / "alloy.cif").write_text(cif(rows, group="F m -3 m", edge=4.0))

    outcome = voxpot("elastic", "alloy.cif", "-c", SPRINGS, "--decorate", "--repeat", 2, "-n", 2, "--json", "out.json")

    assert outcome.status == 0
    answer = json.loads((here / "out.json").read_text())
    assert (answer["decorations"], answer["atoms"], answer["cubic"]) == (2, 256, True)  # 32, made 9 Å wide


def test_a_file_that_is_decorated_is_made_wide(voxpot, springs, here):
    rows = "Cu1 Cu 0 0 0 0.5\nNi1 Ni 0 0 0 0.5\n"
    (here / "alloy.cif").write_text(cif(rows, group="F m -3 m", edge=4.0))

    outcome = voxpot("eos", "alloy.cif", "-c", SPRINGS, "--decorate", "--points", 5)

    assert outcome.status == 0
    assert "Cu 54, Ni 54" in " ".join(outcome.err.split()) or "Ni 54, Cu 54" in " ".join(outcome.err.split())


def test_what_a_file_holds_fast_stays_so_in_a_relaxation_and_is_told(voxpot, here):
    (here / "POSCAR").write_text(
        "x\n1.0\n3.2 0 0\n0 3.2 0\n0 0 3.2\nW\n2\nSelective dynamics\nDirect\n0 0 0 F F F\n0.5 0.5 0.4 T T T\n"
    )

    outcome = voxpot("relax", "POSCAR", *TINY, "--steps", 3, "-o", "end.extxyz")

    assert "note: 1 of 2 atoms are held by constraints of POSCAR" in outcome.err
    assert read(here / "end.extxyz").positions[0] == pytest.approx([0, 0, 0], abs=1e-12)


def test_properties_of_a_crystal_move_all_of_its_atoms_and_say_so(voxpot, springs, here):
    atoms = read(here / "cell.extxyz")
    write(here / "held.vasp", atoms, direct=True)
    text = (here / "held.vasp").read_text()
    lines = text.replace("Direct\n", "Selective dynamics\nDirect\n").splitlines()
    first = lines.index("Direct") + 1
    held = [line + " F F F" if k >= first and line.strip() else line for k, line in enumerate(lines)]
    (here / "held.vasp").write_text("\n".join(held) + "\n")
    options = ("-c", SPRINGS, "--json")

    assert voxpot("elastic", "cell.extxyz", *options, "free.json").status == 0
    outcome = voxpot("elastic", "held.vasp", *options, "held.json")

    assert "the constraints of held.vasp (4 of 4 atoms) are left out" in outcome.err
    free, fixed = (json.loads((here / f"{name}.json").read_text())["tensor"] for name in ("free", "held"))
    assert np.allclose(free, fixed, atol=0.05)


def test_which_of_several_structures_is_taken_is_told(voxpot, here):
    write(here / "two.extxyz", [bulk("Mo"), bulk("W")])

    outcome = voxpot("relax", "two.extxyz", *TINY, "--steps", 1, "-o", "end.extxyz")

    assert "note: two.extxyz holds several structures; the last one, W, is taken" in outcome.err


def test_select_names_what_it_cannot_take_and_goes_on(voxpot, here, rng):
    frames = []
    for k in range(6):
        atoms = bulk("W", "bcc", a=3.0 + 0.05 * k, cubic=True)
        atoms.positions += rng.normal(scale=0.2, size=(2, 3))
        frames.append(atoms)
    frames[1].symbols[0] = "Xe"
    frames[4].positions[1] = frames[4].positions[0]
    write(here / "pool.extxyz", frames)

    outcome = voxpot("select", "pool.extxyz", *CERTAIN, "--json", "out.json", "--min-uncertainty", 0)

    assert outcome.status == 1
    assert "voxpot: frame 1: the model knows Mo, Ta, W, but the structure holds Xe" in outcome.err
    assert "voxpot: frame 4: atoms 0 and 1 are at the same place" in outcome.err
    assert "2 of 6 frames were not looked at" in outcome.err
    data = json.loads((here / "out.json").read_text())
    assert set(data["refused"]) == {"1", "4"}
    assert {p["frame"] for p in data["picks"]} <= {0, 2, 3, 5}
    assert {a.info["selected_frame"] for a in read(here / "picked.extxyz", ":")} == {p["frame"] for p in data["picks"]}


def test_select_stops_if_it_is_to_be_strict_or_has_nothing_else(voxpot, here, files):
    write(here / "pool.extxyz", [bulk("W"), bulk("Cu")])
    write(here / "bad.extxyz", [bulk("Ag"), bulk("Cu")])

    assert "frame 1: the model knows" in voxpot("select", "pool.extxyz", *CERTAIN, "--strict").sentence
    assert "frame 1: the model knows" in voxpot("select", "bad.extxyz", *CERTAIN).sentence
    assert "picked.extxyz" not in files()


def test_evaluate_leaves_out_what_it_cannot_take_if_asked(voxpot, frames, here):
    made = read(frames, ":")
    made[3].symbols[0] = "Xe"
    write(frames, made)

    assert "frame 3" in voxpot("evaluate", frames, *TINY).sentence
    outcome = voxpot("evaluate", frames, *TINY, "--skip", "--json", "s.json")

    assert outcome.status == 1
    assert "1 of 6 frames were not scored" in outcome.err
    data = json.loads((here / "s.json").read_text())
    assert data["frames"] == 5
    assert "Xe" in data["refused"]["3"]


@pytest.mark.parametrize("verb", ["eos", "elastic", "phonons", "defects"])
def test_properties_of_a_crystal_need_one(voxpot, here, verb):
    molecule = bulk("W", cubic=True)
    molecule.pbc = False
    write(here / "cluster.extxyz", molecule)
    molecule.cell = None
    write(here / "molecule.xyz", molecule)
    (here / "none.extxyz").write_text('0\nLattice="3 0 0 0 3 0 0 0 3" pbc="T T T"\n')

    assert "periodic in three directions, got pbc [False False False]" in voxpot(verb, "cluster.extxyz", *TINY).sentence
    assert "periodic in three directions, got pbc [False False False]" in voxpot(verb, "molecule.xyz", *TINY).sentence
    assert "at least one" in voxpot(verb, "none.extxyz", *TINY).sentence


@pytest.fixture
def boxed(here):
    """A slab as files of VASP and CIF hold it: periodic in three directions, with 12 Å of vacuum."""
    slab = bcc110("W", (1, 1, 3), a=3.2, vacuum=6.0)
    slab.pbc = True
    slab.info.clear()
    write(here / "slab.extxyz", slab)
    return "slab.extxyz"


@pytest.mark.parametrize("verb", ["eos", "elastic", "phonons", "defects", "diffusion"])
def test_a_slab_in_a_box_is_no_crystal(voxpot, boxed, verb):
    assert "expected a crystal, got an empty layer of 12.0 Å" in voxpot(verb, boxed, *TINY).sentence


def test_a_cell_that_is_going_to_close_its_vacuum_is_told_of(voxpot, boxed):
    for words in (("relax", boxed, "--cell", "--steps", 1), ("md", boxed, "-e", "npt", "--steps", 1)):
        assert "note: the cell has an empty layer of 12.0 Å" in voxpot(*words, *TINY).err
    assert "empty layer" not in voxpot("relax", boxed, "--steps", 1, *TINY).err


def test_momenta_that_a_file_brings_are_told_of(voxpot, here):
    assert "note" not in voxpot("md", "bcc:W", *TINY, "--repeat", 2, "--steps", 1, "--interval", 1).err
    outcome = voxpot("md", "md.extxyz", *TINY, "--steps", 1, "-o", "more")

    assert "note: the momenta of md.extxyz (" in outcome.err
