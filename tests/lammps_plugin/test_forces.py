"""Calculators without an energy behind ``fix external``: right forces, and no zero that passes for an energy."""

from __future__ import annotations

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.md.verlet import VelocityVerlet
from numpy.testing import assert_allclose

from lammps_plugin.deck import Deck
from lammps_plugin.errors import DeckError
from lammps_plugin.forces import asks_for_energy
from lammps_plugin.runner import needs_calculator
from tests.lammps_plugin.decks import START, write_structure

PEER = """
import sys
sys.path.insert(0, {folder!r})
from whirl import Whirl


def make():
    return Whirl()
"""
MODULE = """
import numpy as np
from ase.calculators.calculator import Calculator, all_changes


class Whirl(Calculator):
    '''Forces by number and place, as those of a network over a whole cell; they have no energy.'''
    implemented_properties = ["forces"]

    def calculate(self, atoms=None, properties=("forces",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        x, k = atoms.positions, np.arange(len(atoms))[:, None]
        self.results = {"forces": 0.3 * np.sin(x[:, [1, 2, 0]] + k) - 0.2 * (x + 4) + 0.01 * atoms.numbers[:, None]}
"""
DYNAMICS = """fix i all nve
timestep 0.002
thermo 10
dump d all custom 40 out.dump id xu yu zu
dump_modify d format float %.12g
run 40
"""


@pytest.fixture
def whirl(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "whirl.py").write_text(MODULE)
    (tmp_path / "peer.py").write_text(PEER.format(folder=str(tmp_path)))
    namespace: dict = {}
    exec(MODULE, namespace)
    return namespace["Whirl"]


def crystal():
    rng = np.random.default_rng(3)
    atoms = bulk("W", "bcc", a=3.2, cubic=True).repeat(2)
    atoms.symbols = rng.choice(["Mo", "Ta", "W"], len(atoms))
    atoms.rattle(0.1, rng=rng)
    return atoms


@pytest.mark.lammps
def test_dynamics_is_that_of_ase_across_the_faces_of_the_cell(wheel, whirl, tmp_path):
    from lammps_plugin.runner import open_lammps

    atoms = crystal()
    write_structure(atoms, tmp_path / "atoms.data")
    deck = tmp_path / "run.in"
    deck.write_text(
        START.format(boundary="p p p", data="atoms.data")
        + "pair_style voxpot\npair_coeff * * peer.py:make Mo Ta W\n"
        + DYNAMICS
    )
    lmp = open_lammps(["-screen", "none", "-log", "log.lammps"], plugin=False)
    Deck(lmp).run(deck)
    lmp.close()

    atoms.calc = whirl()
    VelocityVerlet(atoms, 2 * units.fs).run(40)
    rows = np.array([line.split() for line in (tmp_path / "out.dump").read_text().splitlines()[-16:]], float)
    found = rows[np.argsort(rows[:, 0]), 1:]
    assert (atoms.get_scaled_positions(wrap=False) < 0).any()
    assert_allclose(found, atoms.positions, atol=2e-4)  # the masses of LAMMPS have fewer digits


@pytest.mark.lammps
@pytest.mark.parametrize(
    "line",
    [
        "minimize 0 1e-3 10 10",
        "thermo_style custom step temp pe",
        "fix p all npt temp 300 300 0.1 iso 0 0 1",
        "compute e all pe/atom",
        "fix s all atom/swap 1 1 1 300 types 1 2",
        "variable e equal pe/atoms",
        "print $(pe)",
        "if '$(press) > 0' then 'run 1'",
        "fix a all ave/time 1 1 1 c_thermo_press",
    ],
)
@pytest.mark.parametrize("early", [False, True])
def test_what_needs_an_energy_is_refused(wheel, whirl, tmp_path, line, early):
    from lammps_plugin.runner import open_lammps

    write_structure(crystal(), tmp_path / "atoms.data")
    deck = tmp_path / "run.in"
    if early and line.split()[0] in ("minimize", "print", "if"):
        pytest.skip("a command that leaves nothing behind")
    pair = "pair_style voxpot\npair_coeff * * peer.py:make Mo Ta W\n"
    deck.write_text(
        START.format(boundary="p p p", data="atoms.data") + (f"{line}\n{pair}" if early else f"{pair}{line}\n")
    )
    lmp = open_lammps(["-screen", "none", "-log", "log.lammps"], plugin=False)

    with pytest.raises(DeckError, match="the calculator says forces only"):
        Deck(lmp).run(deck)
    lmp.close()


@pytest.mark.lammps
def test_hidden_atoms_are_not_told_to_the_calculator(bare, whirl, tmp_path):
    atoms = crystal()
    write_structure(atoms, tmp_path / "atoms.data")
    deck = tmp_path / "run.in"
    deck.write_text(
        START.format(boundary="p p p", data="atoms.data")
        + "pair_style voxpot\npair_coeff * * peer.py:make Mo Ta W\ngroup gone id 3 7\n"
        "neigh_modify exclude group gone all\nrun 0\n"
    )
    Deck(bare).run(deck)

    shown = ~np.isin(np.arange(len(atoms)), [2, 6])
    rest = atoms[shown]
    rest.calc = whirl()
    forces = np.array(bare.gather_atoms("f", 1, 3)).reshape(-1, 3)
    assert_allclose(forces[shown], rest.get_forces(), rtol=0, atol=1e-12)
    assert_allclose(forces[~shown], 0, atol=0)


def test_decks_with_a_calculator_are_served_line_by_line(tmp_path):
    deck = tmp_path / "run.in"
    deck.write_text("pair_style voxpot\npair_coeff * * peer.py:make Mo &\n  Ta W\n")
    assert needs_calculator(deck)
    deck.write_text("pair_style voxpot\npair_coeff * * motaw Mo Ta W # not a.py:make\n")
    assert not needs_calculator(deck)


def test_what_is_printed_without_an_energy_is_allowed():
    assert not asks_for_energy(["thermo_style", "custom", "step", "temp", "ke", "vol"])
    assert not asks_for_energy(["fix", "1", "all", "nvt", "temp", "300", "300", "0.1"])
    assert asks_for_energy(["thermo_style", "one"])
