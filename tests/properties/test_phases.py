from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from scipy.special import sph_harm_y
from scipy.stats import special_ortho_group

from ase_voxpot.properties.phases import bond_order, boundary_between, layers


@pytest.mark.parametrize(("lattice", "expected"), [("bcc", 0.51069), ("fcc", 0.57452), ("hcp", 0.48476)])
def test_perfect_lattices_have_the_order_of_the_literature(lattice, expected):
    """Steinhardt, Nelson and Ronchetti, Phys. Rev. B 28, 784 (1983); bcc with both of its shells."""
    options = {"c": 3.0 * np.sqrt(8 / 3)} if lattice == "hcp" else {}
    atoms = bulk("Cu", lattice, a=3.0, **options).repeat(3)

    np.testing.assert_allclose(bond_order(atoms), expected, atol=2e-5)


def test_it_is_the_definition_with_spherical_harmonics(rng):
    atoms = bulk("W", "bcc", a=3.2, cubic=True).repeat(3)
    atoms.rattle(0.2, rng=rng)
    reach = 1.5 * (3.2**3 / 2) ** (1 / 3)
    vectors, distances = atoms.get_all_distances(mic=True, vector=True), atoms.get_all_distances(mic=True)
    near = (distances < reach) & (distances > 0)
    x, y, z = np.moveaxis(vectors, -1, 0)
    polar, azimuth = np.arccos(z / np.where(distances, distances, 1)), np.arctan2(y, x)
    own = np.stack([(near * sph_harm_y(6, m, polar, azimuth)).sum(1) / near.sum(1) for m in range(-6, 7)], axis=1)
    averaged = (own + near @ own) / (1 + near.sum(1))[:, None]

    expected = np.sqrt(4 * np.pi / 13 * (np.abs(averaged) ** 2).sum(axis=1))
    np.testing.assert_allclose(bond_order(atoms), expected, atol=1e-12)


def test_it_does_not_depend_on_the_orientation(rng):
    atoms = bulk("W", "bcc", a=3.2, cubic=True).repeat(3)
    atoms.rattle(0.3, rng=rng)
    turned = atoms.copy()
    turned.set_cell(atoms.cell[:] @ special_ortho_group.rvs(3, random_state=1), scale_atoms=True)

    np.testing.assert_allclose(bond_order(turned), bond_order(atoms), atol=1e-12)


def test_the_boundary_is_wrong_as_often_on_either_side(rng):
    crystal, melt = rng.normal(1.0, 0.5, 20_000), rng.normal(-1.0, 0.5, 10_000)

    found = boundary_between(crystal, melt)

    assert found.value == pytest.approx(0.0, abs=0.05)
    assert found.mistaken == pytest.approx(0.0228, abs=0.004)  # two sigma
    assert (found.crystal, found.melt) == pytest.approx((1.0, -1.0), abs=0.02)


def test_between_phases_without_overlap_it_is_in_the_middle():
    found = boundary_between(np.array([0.4, 0.5]), np.array([0.1, 0.2]))

    assert found.value == pytest.approx(0.3)
    assert found.mistaken == 0


def test_layers_are_means_and_wrap():
    found = layers(np.array([0.1, -0.9, 0.6, 1.7]), np.array([1.0, 3.0, 5.0, 7.0]), 4)

    np.testing.assert_equal(found, [2.0, np.nan, 6.0, np.nan])
