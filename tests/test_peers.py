from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from numpy.testing import assert_allclose

from ase_voxpot.errors import ConfigError
from ase_voxpot.peers import Patient, parse_peer, stress_or_none

FILE = """
from ase.calculators.lj import LennardJones

def soft():
    return LennardJones(sigma=2.0)

def named(name):
    return LennardJones(epsilon={"weak": 0.1, "strong": 10.0}[name])

def echo(text):
    key, _, number = text.partition("=")
    return LennardJones(sigma=float(number))

def broken():
    raise SystemExit("no such potential")

def nothing():
    return 3
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "peers.py"
    path.write_text(FILE)
    return path


def test_a_module_and_a_file_can_be_named(file):
    assert parse_peer("ase.calculators.emt:EMT").name == "EMT"
    assert parse_peer("copper=ase.calculators.emt:EMT").name == "copper"
    assert parse_peer(f"{file}:soft").name == "soft"
    assert isinstance(parse_peer("ase.calculators.emt:EMT", patient=False).make(), EMT)


def test_a_factory_may_take_one_argument(file):
    energies = {}
    for text in (f"{file}:named:weak", f"big={file}:named:strong"):
        atoms = bulk("Ar", "fcc", a=1.6)
        peer = parse_peer(text)
        atoms.calc = peer.make()
        energies[peer.name] = atoms.get_potential_energy()

    assert parse_peer(f"{file}:echo:cutoff=5").name == "cutoff=5"
    assert parse_peer(f"five={file}:echo:cutoff=5").name == "five"
    assert energies["big"] == pytest.approx(100 * energies["weak"])


def test_another_file_is_another_peer(file):
    before = parse_peer(f"{file}:soft").identity
    file.write_text(FILE.replace("2.0", "2.1"))

    assert parse_peer(f"{file}:soft").identity != before


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        *((text, r"peer: expected \[NAME=\]module:factory") for text in ("", "emt", ":EMT", "=a:b", "a:", "x=")),
        *((text, r"peer: expected \[NAME=\]module:factory") for text in ("a:b:c:d", "a:b:")),
        ("no.such.module:make", "expected to find make in no.such.module, got ModuleNotFoundError"),
        ("ase.calculators.emt:NoSuch", "expected to find NoSuch"),
        ("missing.py:make", "expected to find make in missing.py, got FileNotFoundError"),
        ("FILE:named:unknown", "got KeyError"),
        ("FILE:broken", "no such potential"),
        ("FILE:nothing", "expected an ASE calculator, got int"),
    ],
)
def test_what_is_no_peer_is_refused(file, text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        parse_peer(text.replace("FILE", str(file)))


class OneSize(LennardJones):
    """Serves the number of atoms that it sees first."""

    made = 0

    def __init__(self):
        super().__init__(sigma=2.5)
        OneSize.made += 1
        self.size = None

    def calculate(self, atoms=None, *arguments, **keywords):
        self.size = self.size or len(atoms)
        assert len(atoms) == self.size
        super().calculate(atoms, *arguments, **keywords)


def test_a_calculator_that_knows_one_size_serves_all():
    OneSize.made = 0
    patient = Patient(OneSize)
    for repeat in (1, 2, 1, 2):
        atoms = bulk("Ar", "fcc", a=4.0, cubic=True).repeat(repeat)
        atoms.rattle(0.1, rng=np.random.default_rng(repeat))
        expected = atoms.copy()
        expected.calc = LennardJones(sigma=2.5)
        atoms.calc = patient
        assert_allclose(atoms.get_forces(), expected.get_forces())
        assert_allclose(atoms.get_stress(), expected.get_stress())
        assert_allclose(atoms.get_potential_energy(), expected.get_potential_energy())

    assert OneSize.made == 3  # one to ask what it can do


def test_slabs_have_stress_where_the_calculator_gives_one():
    slab = bulk("Ar", "fcc", a=4.0, cubic=True)
    slab.rattle(0.1, rng=np.random.default_rng(1))
    slab.pbc = (True, True, False)
    expected = slab.copy()
    expected.calc = LennardJones(sigma=2.5)
    slab.calc = Patient(lambda: LennardJones(sigma=2.5))
    sheet = slab.copy()
    sheet.cell[2] = 0
    sheet.calc = slab.calc

    assert_allclose(slab.get_stress(), expected.get_stress())
    assert stress_or_none(sheet) is None
    assert stress_or_none(Atoms("Ar", cell=[4, 4, 4], calculator=Bare())) is None


class Bare(Calculator):
    """Names stress, but gives none of a cluster, as some do."""

    implemented_properties = ("energy", "stress")

    def calculate(self, *arguments, **keywords):
        super().calculate(*arguments, **keywords)
        self.results = {"energy": 0.0}


def test_moved_atoms_and_cells_are_seen():
    atoms = bulk("Ar", "fcc", a=4.0, cubic=True)
    atoms.calc = Patient(lambda: LennardJones(sigma=2.5))
    first = atoms.get_potential_energy()
    atoms.set_cell(atoms.cell * 1.02, scale_atoms=True)

    expected = atoms.copy()
    expected.calc = LennardJones(sigma=2.5)
    assert atoms.get_potential_energy() == pytest.approx(expected.get_potential_energy())
    assert atoms.get_potential_energy() != pytest.approx(first)
