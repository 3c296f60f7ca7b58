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


def test_aluminium_is_stable_and_a_squeezed_square_is_not(fcc, springs):
    crystal = at_rest(element("Al", "fcc"), EMT())

    assert phonons(crystal, EMT(), width=10.0).lowest > -0.02
    simple = crystal[[0]]
    simple.set_cell(np.eye(3) * springs.lengths[0])  # a simple cubic lattice of springs has no shear stiffness
    springs.unlike = 0.0
    assert phonons(simple, springs, width=8.0).lowest < 0.05
