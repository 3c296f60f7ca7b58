from __future__ import annotations

import numpy as np
import pytest
from ase import units
from ase.calculators.emt import EMT
from numpy.testing import assert_allclose

from ase_voxpot.workflows.cells import at_rest, element
from ase_voxpot.workflows.phonons import phonons


def test_springs_vibrate_as_algebra_says(fcc, springs):
    found = phonons(fcc, springs, width=7.0)

    mass = fcc.get_masses()[0]
    squares = np.array([4, 4, 8]) * 2.0 / mass  # at X, eV/Å²/u
    expected = np.sqrt(squares) / (2 * np.pi) * units.second / 1e12
    assert_allclose(found.special["X"], expected, rtol=2e-3)
    assert found.highest == pytest.approx(expected.max(), rel=2e-3)
    assert_allclose(found.special["Γ"], 0, atol=1e-3)


def test_the_states_are_three_per_atom(fcc, springs):
    found = phonons(fcc, springs, width=7.0)

    assert np.trapezoid(found.density, found.grid) == pytest.approx(3, rel=0.02)
    assert found.branches.shape == (len(found.path), 3)
    assert found.ticks[0.0] == "Γ"


@pytest.mark.parametrize(("symbol", "lattice", "stable"), [("Al", "fcc", True), ("Cu", "bcc", False)])
def test_an_instability_shows_as_an_imaginary_frequency(symbol, lattice, stable):
    crystal = at_rest(element(symbol, lattice), EMT())

    lowest = phonons(crystal, EMT(), width=8.0).lowest

    assert lowest > -0.02 if stable else lowest < -0.3
