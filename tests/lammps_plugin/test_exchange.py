"""Atoms that come and go: the energies that fix gcmc and fix widom decide by."""

from __future__ import annotations

import re

import numpy as np
import pytest
from ase import Atoms
from ase.units import kB
from numpy.testing import assert_allclose

from lammps_plugin.attach import Bridge
from tests.lammps_plugin.decks import PAIR

pytestmark = pytest.mark.lammps

HOT = 60000  # K, at which a gas of tungsten does not mind the energies of its few meetings
GAS = """units metal
atom_modify map array
region b block 0 {edge} 0 {edge} 0 {edge}
create_box 1 b
mass 1 183.84
pair_style {pair}
create_atoms 1 random {atoms} 42 NULL
neigh_modify binsize 50
fix g all gcmc 1 30 0 1 29494 {temperature} {mu:.17g} 0.3 {more}
thermo_style custom step atoms pe
thermo 1
"""
MODEL = "voxpot dtype float64 device cpu\npair_coeff * * motaw-fast W"


def ideal(atoms, volume, temperature=HOT):
    """Chemical potential in eV of an ideal gas of tungsten; LAMMPS' wave length has the factor hplanck² of its own."""
    from ase import units

    wave = units._hplanck / np.sqrt(2 * np.pi * 183.84 * units._amu * units._k * temperature) * 1e10
    return kB * temperature * np.log(atoms * wave**3 / volume)


@pytest.fixture
def own():
    """The energy of an atom of tungsten alone."""
    from ase_voxpot import VoxPotCalculator

    atom = Atoms("W", cell=[30, 30, 30], pbc=True)
    atom.calc = VoxPotCalculator("motaw-fast", device="cpu", dtype="float64")
    return atom.get_potential_energy()


@pytest.mark.parametrize("more", ["full_energy", ""])
def test_a_gas_exchanges_atoms_as_an_ideal_one_of_the_same_energy(route, own, more):
    """Atom by atom, as the random numbers are the same: insertions and deletions see the energy of an atom alone."""
    settings = {"edge": 100, "atoms": 8, "temperature": HOT}
    mu = ideal(8, 100**3)

    route.run(GAS.format(pair="zero 5\npair_coeff * *", mu=mu, more="full_energy", **settings) + "run 20\n")
    expected = route.lmp.get_natoms(), [route.lmp.extract_fix("g", 0, 1, k) for k in range(8)]
    route.run("clear\n" + GAS.format(pair=MODEL, mu=mu + own, more=more, **settings) + "run 20\n")

    assert route.lmp.get_natoms() == expected[0]
    actual = [route.lmp.extract_fix("g", 0, 1, k) for k in range(8)]
    assert actual == expected[1]
    assert all(0 < actual[k + 1] < actual[k] for k in (2, 4))  # some insertions and deletions of those tried
    assert_allclose(route.lmp.get_thermo("pe"), route.lmp.get_natoms() * own, rtol=1e-9)


@pytest.mark.parametrize("ranks", [2, pytest.param(3, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)])
def test_a_gas_is_an_ideal_one_on_several_ranks(program, bare, tmp_path, own, ranks):
    mu, settings = ideal(8, 100**3), {"edge": 100, "atoms": 8, "temperature": HOT, "more": "full_energy"}
    bare.commands_string(GAS.format(pair="zero 5\npair_coeff * *", mu=mu, **settings) + "run 8\nlog none")
    deck = tmp_path / "gas.in"
    deck.write_text(GAS.format(pair=MODEL, mu=mu + own, **settings) + "run 8\n")

    done = program("voxpot", "lmp", "-in", deck, "-log", tmp_path / "gas.log", ranks=ranks)

    assert done.returncode == 0, done.stdout + done.stderr
    expected, actual = (
        re.findall(r"^ +(\d+) +(\d+) +\S+ *$", (tmp_path / name).read_text(), re.MULTILINE)
        for name in ("log.lammps", "gas.log")
    )
    assert len(expected) == 9
    assert len({count for _, count in expected}) > 2
    assert actual == expected


DENSE = """units metal
atom_style atomic
atom_modify map yes
lattice bcc 3.3
region b block 0 3 0 3 0 3
create_box 3 b
create_atoms 1 box
delete_atoms random fraction 0.3 yes all NULL 5
mass * 180.0
set type 1 type/fraction 2 0.5 7
set type 1 type/fraction 3 0.5 8
displace_atoms all random 0.2 0.2 0.2 9
"""


def atoms_of(lmp):
    """The structure as it is in LAMMPS now."""
    low, high, *_ = lmp.extract_box()
    count = lmp.get_natoms()
    types = np.array(lmp.numpy.extract_atom("type")[:count])
    return Atoms(
        np.array(["Mo", "Ta", "W"])[types - 1],
        positions=np.array(lmp.numpy.extract_atom("x")[:count]) - low,
        cell=np.diag(np.subtract(high, low)),
        pbc=True,
    )


def test_a_metal_keeps_the_energy_that_its_exchanges_were_decided_by(route, calculator):
    """Each exchange begins with the energy after the last; what is deleted leaves nothing behind."""
    route.run(
        DENSE + PAIR + "fix g all gcmc 2 10 10 1 77 8000 -10 0.3 overlap_cutoff 1.5\n"
        "fix i all nve\ntimestep 0.0005\nrun 6\nunfix g\nrun 0\n"
    )

    atoms = atoms_of(route.lmp)
    atoms.calc = calculator
    assert_allclose(route.lmp.get_thermo("pe"), atoms.get_potential_energy(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("edge", [3.0, 40.0])
def test_a_last_atom_is_deleted_with_the_energy_of_its_own_images(route, calculator, edge):
    """In a small cell LAMMPS lists them for an atom that a fix withdraws from all others.

    It stays where the chemical potential is higher, and goes where it is lower.
    """
    crystal = Atoms("W", cell=[edge] * 3, pbc=True)
    crystal.calc = calculator
    energy = crystal.get_potential_energy()
    deck = GAS.format(pair=PAIR.replace("pair_style", "").replace("Mo Ta W", "W"), mu=0, edge=edge, atoms=1,
                      temperature=1000, more="full_energy max 1")  # fmt: skip
    for shift, left in ((1.5, 1), (-1.5, 0)):
        mu = ideal(1, edge**3, 1000) + energy + shift
        route.run(
            "clear\n" + deck.replace("1000 0 ", f"1000 {mu:.17g} ").replace("neigh_modify binsize 50", "") + "run 5\n"
        )

        assert route.lmp.get_natoms() == left


def test_widom_insertion_says_the_energy_of_an_atom(route, own):
    """Into all but nothing: the excess chemical potential is that energy."""
    deck = GAS.format(pair=MODEL, mu=0, edge=60, atoms=1, temperature=HOT, more="")
    deck = "\n".join(line.replace("neigh_modify binsize 50", "") for line in deck.splitlines() if "gcmc" not in line)

    route.run(deck + "\nfix w all widom 1 20 1 29494 300\nrun 2\n")

    assert_allclose(route.lmp.extract_fix("w", 0, 1, 0), own, rtol=1e-3)


def test_a_fix_that_asks_for_single_energies_is_refused_in_a_deck_with_a_fix(bare, monkeypatch):
    from ase_voxpot.weights import load_potential

    result = []
    monkeypatch.setattr("lammps_plugin.external.end_process", result.append)
    bare.commands_string(
        GAS.format(pair="zero 5\npair_coeff * *", mu=0, edge=60, atoms=2, temperature=HOT, more="")
        + "fix vox all external pf/callback 1 1"
    )
    Bridge(bare, "vox", load_potential("motaw-fast", device="cpu"), ["W"])

    bare.command("run 1")

    assert "fix g (gcmc) asks the pair style alone; add 'full_energy'" in result[0]
