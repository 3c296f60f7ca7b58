from __future__ import annotations

import numpy as np
import pytest
from ase.geometry import get_distances
from numpy.testing import assert_allclose

from tests.crystals.latent.structure_field.crystals import random_crystal
from voxpot_crystals.structures.matching import distances_between

SHEARED = np.array([[1, 200, 0], [0, 1, -300], [0, 0, 1]])


@pytest.mark.parametrize("seed", range(5))
def test_distances_are_those_to_the_nearest_image(seed):
    rng = np.random.default_rng(seed)
    one = random_crystal(rng)
    one.set_cell(one.cell[:] @ (np.eye(3) + 0.3 * rng.normal(size=(3, 3))), scale_atoms=True)
    two = one.copy()
    two.positions += rng.normal(size=two.positions.shape)

    expected = get_distances(one.positions, two.positions, cell=one.cell, pbc=True)[1]

    assert_allclose(distances_between(one, two), expected, atol=1e-9)


def test_a_cell_sheared_beyond_measure_is_as_good_as_any_of_its_lattice(rng):
    one = random_crystal(rng)
    two = one.copy()
    two.rattle(0.1, seed=0)
    expected = distances_between(one, two)

    for atoms in (one, two):
        atoms.set_cell(SHEARED @ atoms.cell[:])

    assert_allclose(distances_between(one, two), expected, atol=1e-6)
