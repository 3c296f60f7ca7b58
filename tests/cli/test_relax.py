from __future__ import annotations

import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read, write
from numpy.testing import assert_allclose


@pytest.fixture
def relax(voxpot):
    return lambda *arguments: voxpot("relax", *arguments, "--model", "tiny.safetensors", "--device", "cpu")


@pytest.fixture
def dimer(here):
    """Two atoms pushed apart by ZBL, which end where forces vanish."""
    write(here / "dimer.extxyz", Atoms("W2", positions=[[0, 0, 0], [0, 0, 1.5]]))
    return "dimer.extxyz"


def test_atoms_are_relaxed_and_written(relax, dimer, here):
    outcome = relax(dimer, "--fmax", "0.05", "-o", "end.extxyz", "--trajectory", "way.traj")

    assert outcome.status == 0
    assert "max force" in outcome.out
    end, way = read(here / "end.extxyz"), read(here / "way.traj", ":")
    assert end.get_distance(0, 1) > 1.5
    assert end.get_potential_energy() < way[0].get_potential_energy()
    assert_allclose(way[-1].positions, end.positions, atol=1e-7)


@pytest.mark.parametrize("optimizer", ["fire", "bfgs", "lbfgs"])
def test_a_cell_is_relaxed_by_any_optimizer(relax, here, optimizer):
    outcome = relax("bcc:W", "--cell", "--fmax", "0.02", "--optimizer", optimizer, "-o", "end.cif", "--lattice", "3.0")

    assert outcome.status in (0, 1)  # random weights may have no minimum nearby
    assert "stress xx yy zz" in outcome.out
    assert (here / "end.cif").is_file()


def test_giving_up_has_a_status_of_its_own(relax, here):
    outcome = relax("bcc:MoTaW", "--repeat", "2", "--steps", "1", "--fmax", "1e-9", "-o", "end.xyz")

    assert outcome.status == 1
    assert outcome.err.splitlines()[-1] == "voxpot: not relaxed to 1e-09 eV/Å within 1 steps"
    assert (here / "end.xyz").is_file()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("dimer.extxyz", "--cell"), "needs three cell vectors and a periodic direction"),
        (("bcc:W", "--optimizer", "magic"), "expected one of fire, bfgs, lbfgs, got 'magic'"),
        (("bcc:W", "--fmax", "-1"), "fmax between 0 and 100"),
        (("bcc:W", "--pressure", "3"), "add --cell"),
        (("bcc:W", "-o", "end.nonsense"), "a format that ASE writes"),
        (("bcc:W", "-o", "end"), "a format that ASE writes"),
        (("bcc:Xe",), "the structure holds Xe"),
        (("bcc:W", "--repeat", "-2"), "repeat"),
        (("bcc:W", "--seed", "-2"), "seed"),
        (("nothing.cif",), "got none"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_written(relax, dimer, files, arguments, sentence):
    assert sentence in relax(*arguments).sentence
    assert files() == set()


def test_the_shipped_model_knows_the_lattice_constant_of_tungsten(voxpot, here):
    write(here / "w.extxyz", bulk("W", "bcc", a=3.15, cubic=True))

    assert voxpot("relax", "w.extxyz", "--cell", "-o", "end.extxyz").status == 0
    assert_allclose(read(here / "end.extxyz").cell.lengths(), 3.19, atol=0.02)
