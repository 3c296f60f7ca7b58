from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read

from ase_voxpot import VoxPotCalculator

FILE = Path(__file__).parents[2] / "training/data/alloy/motaw_gpaw_phonons.extxyz.gz"


@pytest.fixture(scope="module")
def frames():
    return read(FILE, ":")


def test_displacements_are_those_of_the_modes(frames):
    for atoms in frames:
        symbol = atoms.symbols[0]
        edge = (2 * atoms.get_volume() / len(atoms)) ** (1 / 3)
        crystal = bulk(symbol, "bcc", a=edge)
        sites = np.linalg.solve(crystal.cell.array.T, atoms.positions.T).T
        moved = (sites - np.round(sites)) @ crystal.cell.array
        assert np.linalg.norm(moved, axis=1).max() == pytest.approx(0.06, abs=1e-6)
        # at rest but for the mode: forces sum to zero and point back
        assert np.abs(atoms.get_forces().sum(0)).max() < 0.01
        assert (atoms.get_forces() * moved).sum() < 0


@pytest.mark.parametrize(("model", "symbol", "bound"), [("motaw", "Mo", 0.2), ("motaw", "W", 0.2)])
def test_force_constants_are_near_those_of_dft(frames, model, symbol, bound):
    calculator = VoxPotCalculator(model, dtype="float64")
    for labelled in frames:
        if labelled.symbols[0] == symbol:
            wanted, found = labelled.get_forces(), calculator.get_forces(labelled)
            assert (found * wanted).sum() / (wanted**2).sum() == pytest.approx(1, abs=bound), labelled.info["id"]
