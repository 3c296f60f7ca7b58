"""Operations as motions of atoms: what they leave free, and means over them."""

from __future__ import annotations

import numpy as np
from ase.build import bulk
from numpy.testing import assert_allclose

from voxpot_crystals.regression.hirshfeld.views import perovskite
from voxpot_crystals.structures.orbits import free_directions, free_strains, operations_of, symmetrised


def parts(atoms):
    return atoms.get_scaled_positions(), atoms.numbers, np.array(atoms.cell[:])


def test_a_perovskite_is_free_in_its_volume_alone():
    fractions, kinds, cell = parts(perovskite("Sr", "Ti", "O", 3.91))
    operations = operations_of(fractions, kinds, cell, tolerance=0.01)
    assert len(operations.turns) == 48
    assert free_directions(5, cell, operations).shape == (0, 5, 3)
    (strain,) = free_strains(cell, operations)
    assert_allclose(np.abs(strain), np.eye(3) / np.sqrt(3), atol=1e-12)


def test_without_symmetry_everything_but_the_origin_is_free():
    cell = np.array(bulk("Cu").cell[:])
    assert len(free_directions(4, cell, None)) == 9
    assert len(free_strains(cell, None)) == 6
    assert not free_directions(4, cell, None)[:, 0].any()


def test_a_mean_over_the_operations_restores_a_shaken_crystal(rng):
    fractions, kinds, cell = parts(perovskite("Sr", "Ti", "O", 3.91))
    fractions -= fractions[0]
    shaken = fractions + rng.normal(scale=0.005, size=fractions.shape)
    strained = cell @ (np.eye(3) + 0.01 * np.diag([1, -1, 0]))
    operations = operations_of(shaken, kinds, strained, tolerance=0.2)
    found, gram = symmetrised(shaken, strained @ strained.T, operations)
    difference = found - fractions
    assert_allclose(difference, np.round(difference), atol=1e-9)
    assert_allclose(gram, np.eye(3) * gram[0, 0], atol=1e-9)


def test_a_crystal_without_symmetry_has_no_operations(rng):
    assert operations_of(rng.random((3, 3)), np.arange(3), np.eye(3) * 5 + rng.random((3, 3)), tolerance=0.01) is None
