from __future__ import annotations

import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from ase_voxpot import VoxPotCalculator
from ase_voxpot.physics import compounds
from tests.properties.bonds import Bonds

UNLIKE = 0.02


def unlike(atoms, shell):
    """Number of unlike neighbours of an atom in the first or second shell, averaged."""
    i, j, r = neighbor_list("ijd", atoms, 3.3)
    near = r < 3
    chosen = near if shell == 1 else ~near
    return (atoms.numbers[i] != atoms.numbers[j])[chosen].sum() / len(atoms)


def test_b2_has_unlike_neighbours_only():
    ((name, atoms),) = compounds.structures(("Mo", "Ta"))

    assert name == "F_B2"
    assert (unlike(atoms, 1), unlike(atoms, 2)) == (8, 0)


def test_heusler_compounds_have_their_neighbours_and_compositions():
    found = dict(compounds.structures(("Mo", "Ta", "W")))

    assert list(found) == ["F_L21_1", "F_XA_1", "F_L21_2", "F_XA_2", "F_L21_3", "F_XA_3"]
    for name, atoms in found.items():
        twice = ("Mo", "Ta", "W")[int(name[-1]) - 1]
        assert (atoms.symbols == twice).sum() == 2
        assert atoms.get_volume() / 4 == pytest.approx(compounds.EDGE**3 / 2)
        # L2_1: one element has a simple cubic lattice of its own; XA: it has two interpenetrating fcc lattices
        assert unlike(atoms, 1) == (8 if "L21" in name else 6)
        assert unlike(atoms, 2) == (3 if "L21" in name else 6)


def test_formation_energies_count_unlike_bonds():
    bonds = Bonds(compounds.EDGE * np.sqrt(3) / 2, compounds.EDGE, depth=0.5, unlike=UNLIKE)

    assert compounds.formation_energies(("Mo", "Ta"), bonds)["F_B2"] == pytest.approx(-1000 * UNLIKE * 4)
    found = compounds.formation_energies(("Mo", "Ta", "W"), bonds)
    assert found["F_L21_1"] == pytest.approx(found["F_L21_3"])


@pytest.mark.parametrize(("model", "bound"), [("motaw", 7.0), ("motaw-fast", 9.0), ("nbmotaw", 7.0)])
def test_compounds_of_shipped_models_are_near_dft(model, bound):
    """Means of nine absolute deviations, meV/atom; no frame of these compounds is in the training data."""
    calculator = VoxPotCalculator(model)
    deviations = []
    for subject, elements in (("MoTa", "Mo Ta"), ("MoW", "Mo W"), ("TaW", "Ta W"), ("MoTaW", "Mo Ta W")):
        found = compounds.formation_energies(elements.split(), calculator)
        deviations += [found[name] - energy for name, energy in compounds.DFT[subject].items()]

    assert len(deviations) == 9
    assert np.mean(np.abs(deviations)) < bound
