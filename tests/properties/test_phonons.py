from __future__ import annotations

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT
from numpy.testing import assert_allclose

from ase_voxpot.properties.cells import at_rest, element
from ase_voxpot.properties.phonons import harmonic, heat, phonons


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


def test_heat_is_that_of_harmonic_oscillators(fcc, springs):
    model = harmonic(fcc, springs, width=7.0)
    found = heat(model, np.array([0.0, 50.0, 3000.0]))

    frequencies = np.asarray(model.mesh.frequencies)
    weights = np.asarray(model.mesh.weights, dtype=float)
    real = frequencies > 0.05
    quanta = frequencies * 1e12 * units._hplanck / units._e  # eV
    share = (weights[:, None] / weights.sum() * np.ones_like(frequencies))[real]
    e = quanta[real]
    assert found.free_energy[0] == pytest.approx((share * e / 2).sum(), rel=1e-4)
    x = e / (units.kB * 50)
    assert found.free_energy[1] == pytest.approx(
        (share * (e / 2 + units.kB * 50 * np.log(1 - np.exp(-x)))).sum(), rel=1e-4
    )
    assert found.capacity[1] == pytest.approx((share * x**2 * np.exp(x) / (np.exp(x) - 1) ** 2).sum(), rel=1e-4)
    assert found.entropy[1] == pytest.approx((share * (x / (np.exp(x) - 1) - np.log(1 - np.exp(-x)))).sum(), rel=1e-4)
    assert found.capacity[0] == found.entropy[0] == 0
    assert found.capacity[2] == pytest.approx(3, abs=0.01)  # Dulong and Petit


def test_states_are_shared_out_among_the_elements(springs):
    crystal = bulk("NaCl", "rocksalt", a=4.0, cubic=True)  # springs reach the like neighbours only
    crystal.symbols[crystal.symbols == "Cl"] = "K"

    found = phonons(crystal, springs, width=7.0)

    assert set(found.partial) == {"Na", "K"}
    assert_allclose(sum(found.partial.values()), found.density, atol=0.25 * found.density.max())
    for states in found.partial.values():
        assert np.trapezoid(states, found.grid) == pytest.approx(3, rel=0.05)


def test_a_random_alloy_has_states_but_no_dispersion(fcc, springs):
    alloy = fcc.repeat(2)
    alloy.symbols[np.random.default_rng(0).permutation(32)[:16]] = "Au"

    found = phonons(alloy, springs, width=7.0)

    assert found.atoms == 32
    assert found.branches.shape == (0, 96)
    assert found.ticks == {}
    assert np.trapezoid(found.density, found.grid) == pytest.approx(96, rel=0.02)
    assert found.lowest > -0.01


def test_displacements_are_counted(fcc, springs):
    seen = []
    harmonic(fcc, springs, width=7.0, observe=lambda done, of: seen.append((done, of)))
    assert seen == [(1, 1)]


@pytest.mark.parametrize(
    "vectors", [np.eye(3)[[1, 0, 2]], -np.eye(3), [[1, 0, 0], [3, 1, 0], [0, 2, 1]], [[1, 0, 0], [0, 1, 0], [0, 0, 2]]]
)
def test_the_cell_that_a_crystal_is_given_in_does_not_matter(fcc, springs, vectors):
    other = fcc.repeat((1, 1, 2)) if np.linalg.det(vectors) == 2 else fcc.copy()
    if len(other) == len(fcc):
        other.set_cell(np.array(vectors) @ fcc.cell[:])
    other.positions += 3 * other.cell[0] - 2 * other.cell[2]

    mine, theirs = phonons(fcc, springs, width=7.0), phonons(other, springs, width=7.0)

    assert theirs.atoms == 1
    assert_allclose(theirs.highest, mine.highest, rtol=1e-5)
    assert_allclose(theirs.special["X"], mine.special["X"], atol=1e-4)


@pytest.mark.parametrize("noise", [1e-6, 1e-5, 1e-4, 3e-4])
def test_forces_that_a_relaxation_left_are_no_answer_to_a_displacement(fcc, springs, noise):
    rng = np.random.default_rng(1)
    other = fcc.copy()
    other.rattle(noise, rng=rng)

    assert phonons(other, springs, width=7.0).highest == pytest.approx(
        phonons(fcc, springs, width=7.0).highest, rel=2e-3
    )
