from __future__ import annotations

import numpy as np
import pytest
from ase.geometry import get_distances
from numpy.testing import assert_allclose

from tests.crystals.latent.structure_field.crystals import random_crystal
from tests.crystals.latent.voxel_vae.compounds import group, perovskite
from voxpot_crystals.structures.matching import STOL, distances_between, recovered

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


def test_crystals_that_are_drawn_again_are_recovered_without_error():
    pytest.importorskip("pymatgen")
    known = group()
    assert (found := recovered(known, known[::-1])) is not None
    assert found.metre == 1
    assert found.crmse == pytest.approx(0, abs=1e-9)


def test_recovery_is_of_references_not_of_draws():
    pytest.importorskip("pymatgen")
    known = group()
    other = perovskite("K", "Ta", "O", 4.0)  # of no reference
    once, often = recovered(known, known[:4]), recovered(known, [*known[:4] * 5, other])
    assert once == often
    assert once is not None
    assert once.metre == pytest.approx(4 / len(known))
    assert once.crmse == pytest.approx(STOL * (1 - once.metre))


def test_polymorphs_are_told_apart():
    pytest.importorskip("pymatgen")
    # cubic and with anions in a plane; rocksalt and zincblende are one crystal within these tolerances
    oxide = perovskite("Ba", "Ti", "O", 4.0)
    other = oxide.copy()
    other.positions[1:] = [(2, 2, 0), (0, 2, 0), (2, 0, 0), (0, 0, 2)]
    found = recovered([oxide, other], [oxide])
    assert found is not None
    assert found.metre == 0.5


def test_distance_grows_with_displacement_up_to_that_of_no_match(rng):
    pytest.importorskip("pymatgen")
    one = perovskite("Ba", "Ti", "O", 4.0)
    errors = []
    for size in (0.0, 0.05, 0.2, 2.0):
        two = one.copy()
        two.positions[1, 2] += size
        found = recovered([one], [two])
        assert found is not None
        errors.append(found.crmse)
    assert errors == sorted(errors)
    assert errors[-1] <= STOL


def test_without_draws_nothing_is_recovered():
    pytest.importorskip("pymatgen")
    found = recovered(group(), [])
    assert found is not None
    assert (found.metre, found.crmse) == (0, STOL)
