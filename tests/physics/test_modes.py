from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read

from ase_voxpot import VoxPotCalculator
from ase_voxpot.physics import modes

FILE = Path(__file__).parents[2] / "training/data/alloy/motaw_gpaw_phonons.extxyz.gz"


@pytest.fixture(scope="module")
def frames():
    return {tuple(atoms.info["id"].split("-", 2)[1:]): atoms for atoms in read(FILE, ":")}


@pytest.mark.parametrize("mode", list(modes.MODES))
def test_atoms_move_along_the_mode_and_nowhere_else(mode):
    edge = modes.EDGE["W"]
    atoms, crystal = modes.displaced("W", mode, amplitude=0.1), bulk("W", "bcc", a=edge)
    sites = np.linalg.solve(crystal.cell.array.T, atoms.positions.T).T
    moved = (sites - np.round(sites)) @ crystal.cell.array

    assert atoms.get_volume() / len(atoms) == pytest.approx(edge**3 / 2)
    assert np.linalg.norm(moved, axis=1).max() == pytest.approx(0.1)
    assert np.abs(moved.sum(0)).max() < 1e-12  # of a wave that is not at rest
    along = np.array(modes.MODES[mode][1]) / np.linalg.norm(modes.MODES[mode][1])
    np.testing.assert_allclose(moved, np.outer(moved @ along, along), atol=1e-12)


@pytest.mark.parametrize("mode", list(modes.MODES))
def test_force_constants_of_springs(mode):
    atoms = modes.displaced("Mo", mode, amplitude=0.02)
    rest = modes.displaced("Mo", mode, amplitude=0.0)

    assert modes.force_constant(mode, -3.0 * (atoms.positions - rest.positions), amplitude=0.02) == pytest.approx(3)


def test_references_are_those_of_the_frames(frames):
    wanted = {(element, name) for element, values in modes.DFT.items() for name in values}

    assert {(element, f"k_{mode}") for element, mode in frames} == wanted
    for (element, mode), atoms in frames.items():
        np.testing.assert_allclose(modes.displaced(element, mode).positions, atoms.positions, atol=1e-6)
        assert np.abs(atoms.get_forces().sum(0)).max() < 0.01  # at rest but for the mode
        constant = modes.force_constant(mode, atoms.get_forces())
        assert constant == pytest.approx(modes.DFT[element][f"k_{mode}"], abs=0.006)


@pytest.mark.parametrize(("symbol", "bound"), [("Mo", 0.2), ("W", 0.2)])
def test_force_constants_of_motaw_are_near_those_of_dft(symbol, bound):
    found = modes.force_constants(symbol, VoxPotCalculator("motaw", dtype="float64"))
    for quantity, value in modes.DFT[symbol].items():
        assert found[quantity] == pytest.approx(value, rel=bound), quantity
