"""Enumerated compounds, relaxed with a potential."""

from __future__ import annotations

import numpy as np
import pytest
from ase.io import read
from typer.testing import CliRunner

from ase_voxpot.methods import Method
from ase_voxpot.properties.formation import elements_at_rest, formation_energy
from voxpot_training.campaign.compounds import FMAX, app, drawn, enumerated

CONSTANTS = {"Mo": 3.17, "Ta": 3.32}


def test_compounds_are_drawn_by_seed_and_keep_the_lattice():
    everything = enumerated(CONSTANTS, lattice="bcc", most=4, longest=8.2)
    some, again, other = (drawn(everything, 9, seed) for seed in (1, 1, 2))

    assert len(everything) == 2 + 6 + 16  # three of the nineteen with four atoms are too long
    assert some == again != other
    assert all(a in everything for a in some)
    for atoms in everything:
        constant = np.mean([CONSTANTS[s] for s in atoms.get_chemical_symbols()])
        assert atoms.cell.volume / len(atoms) == pytest.approx(constant**3 / 2)
        assert atoms.cell.lengths().max() <= 8.2


def test_the_command_writes_compounds_at_rest_with_their_formation_energies(tmp_path):
    words = ["--elements", "Mo,Ta", "--model", "motaw-fast", "--atoms", "3", "--number", "5"]
    result = CliRunner().invoke(app, [str(tmp_path / "some.extxyz"), *words])
    assert result.exit_code == 0, result.output
    assert "5 of 8 compounds; 0 did not come to rest" in result.output

    method = Method(text="motaw-fast")
    rest, calculator = elements_at_rest(method), method.make()
    for atoms in read(tmp_path / "some.extxyz", ":"):
        stored = atoms.info["formation_energy"]
        atoms.calc = calculator
        assert np.abs(atoms.get_forces()).max() < 1.5 * FMAX
        assert formation_energy(atoms, atoms.get_potential_energy(), rest) == pytest.approx(stored, abs=2e-5)
        assert -0.3 < stored < 0


def test_elements_that_a_potential_does_not_know_are_refused(tmp_path):
    result = CliRunner().invoke(app, [str(tmp_path / "a.extxyz"), "--elements", "Mo,Nb", "--model", "motaw-fast"])

    assert result.exit_code == 2
    assert "expected some of Mo, Ta, W, which motaw-fast names in bcc; got Nb" in result.stderr
