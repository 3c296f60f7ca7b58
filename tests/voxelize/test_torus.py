from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from ase.build import bulk, make_supercell
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose

from ase_voxpot.errors import CellError, SpecError
from ase_voxpot.voxelize.torus import deposit

SKEWED = np.array([[4.0, 0, 0], [1.5, 3.6, 0], [-0.8, 0.9, 4.4]])


def brute(fractions, weight, cell, n, width):
    """The equation, image by image."""
    density = np.zeros((weight.shape[1], n, n, n))
    for v in product(range(n), repeat=3):
        for place, heavy in zip(fractions, weight, strict=True):
            for image in product(range(-3, 4), repeat=3):
                d = (np.array(v) / n - place + image) @ cell
                density[:, *v] += heavy * np.exp(-(d @ d) / (2 * width**2))
    return density


def some(rng, atoms=3, channels=2):
    return rng.random((atoms, 3)), rng.normal(size=(atoms, channels))


def test_it_is_the_equation(rng):
    fractions, weight = some(rng)

    result = deposit(fractions, weight, SKEWED, n=5, width=0.5)

    assert_allclose(result, brute(fractions, weight, SKEWED, 5, 0.5), atol=1e-6)


@given(st.integers(0, 10_000))
def test_whole_numbers_added_to_fractions_change_nothing(seed):
    rng = np.random.default_rng(seed)
    fractions, weight = some(rng)
    moved = fractions + rng.integers(-3, 4, fractions.shape)

    assert_allclose(
        deposit(moved, weight, SKEWED, n=6, width=0.6), deposit(fractions, weight, SKEWED, n=6, width=0.6), atol=1e-9
    )


def test_a_shift_by_voxels_rolls_the_grid(rng):
    fractions, weight = some(rng)

    moved = deposit(fractions + np.array([1, -2, 3]) / 8, weight, SKEWED, n=8, width=0.7)

    expected = np.roll(deposit(fractions, weight, SKEWED, n=8, width=0.7), (1, -2, 3), axis=(1, 2, 3))
    assert_allclose(moved, expected, atol=1e-9)


def test_turning_the_cell_changes_nothing(rng):
    fractions, weight = some(rng)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))

    assert_allclose(
        deposit(fractions, weight, SKEWED @ turn, n=6, width=0.6),
        deposit(fractions, weight, SKEWED, n=6, width=0.6),
        atol=1e-9,
    )


def test_a_supercell_holds_the_cell_as_often():
    atoms = bulk("NaCl", "rocksalt", a=5.0)
    double = make_supercell(atoms, np.diag([2, 2, 2]))
    weight = np.ones((2, 1))

    one = deposit(atoms.get_scaled_positions(), weight, atoms.cell[:], n=4, width=0.5)
    eight = deposit(double.get_scaled_positions(), np.ones((16, 1)), double.cell[:], n=8, width=0.5)

    assert_allclose(eight, np.tile(one, (1, 2, 2, 2)), atol=1e-9)


def test_the_integral_is_that_of_the_gaussians(rng):
    fractions, weight = some(rng)

    density = deposit(fractions, weight, SKEWED, n=16, width=0.5)

    volume = np.linalg.det(SKEWED) / 16**3
    expected = weight.sum(0) * (2 * np.pi) ** 1.5 * 0.5**3
    assert_allclose(density.sum((1, 2, 3)) * volume, expected, rtol=1e-6)


def test_what_cannot_be_painted_is_refused():
    one = np.ones((1, 1))
    with pytest.raises(CellError, match="volume"):
        deposit(np.zeros((1, 3)), one, np.zeros((3, 3)), n=4, width=0.5)
    for n, width in ((1, 0.5), (1000, 0.5), (8, 0.0)):
        with pytest.raises(SpecError, match="points along an axis"):
            deposit(np.zeros((1, 3)), one, SKEWED, n=n, width=width)
