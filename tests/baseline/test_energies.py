"""Free atoms and the repulsion of nuclei, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.baseline.energies import Baseline, zbl
from ase_voxpot.neighbours.verlet import Pairs
from ase_voxpot.spec import BaselineSpec
from tests import laws
from tests.models import specification


def full(r, za, zb):
    """The repulsion without its switch."""
    arrays = [np.atleast_1d(np.asarray(v, float)) for v in (r, za, zb)]
    return zbl(*arrays, inner=10, outer=11)


def test_two_tungsten_nuclei_at_one_angstrom():
    """Z = 74: a = 0.46850 / (2 · 74^0.23) = 0.087048 Å, φ(11.488) = 0.0055265, V = 14.39964 · 74² · φ."""
    screening = 0.46850 / (2 * 74**0.23)
    assert_allclose(screening, 0.087048, rtol=1e-5)

    assert_allclose(full(1.0, 74, 74)[0], 435.79, rtol=1e-4)


def test_two_hydrogen_nuclei_at_their_screening_length():
    """Z = 1: a = 0.23425 Å; φ(1) = 0.18175 e^-3.1998 + 0.50986 e^-0.94229 + 0.28022 e^-0.4029 + 0.02817 e^-0.20162."""
    phi = 0.0074095 + 0.1987112 + 0.1872938 + 0.0230263

    assert_allclose(full(0.23425, 1, 1)[0], 14.399645 / 0.23425 * phi, rtol=1e-5)


def test_bare_nuclei_repel_as_coulomb_says():
    assert_allclose(full(1e-7, 42, 73)[0] * 1e-7, 14.399645 * 42 * 73, rtol=1e-5)


def test_it_does_not_matter_who_is_first(rng):
    r = rng.uniform(0.3, 3, size=20)
    za, zb = np.full(20, 42.0), np.full(20, 73.0)

    assert_allclose(zbl(r, za, zb, inner=1, outer=2)[0], zbl(r, zb, za, inner=1, outer=2)[0], rtol=1e-13)


def test_it_is_repulsive_wherever_it_acts():
    r = np.linspace(0.05, 2.199, 400)

    for z in (1.0, 42.0, 74.0):
        value, slope = zbl(r, np.full_like(r, z), np.full_like(r, 74.0), inner=1.0, outer=2.2)

        assert (value > 0).all()
        assert (slope < 0).all()


def test_slopes_are_central_differences():
    r = np.linspace(0.6, 2.4, 60)
    za, zb = np.full_like(r, 42.0), np.full_like(r, 74.0)

    numeric = laws.difference(lambda h: zbl(r + h, za, zb, inner=1.0, outer=2.2)[0], 1e-4)

    assert_allclose(zbl(r, za, zb, inner=1.0, outer=2.2)[1], numeric, rtol=1e-6, atol=1e-7)


def test_the_switch_is_off_at_both_ends():
    """Full inside, nothing outside, and of third order at the outer end."""
    r = np.array([0.7, 1.0, 2.198, 2.199, 2.2, 2.5])
    z = np.full_like(r, 74.0)

    value, slope = zbl(r, z, z, inner=1.0, outer=2.2)

    assert_array_equal(value[:2], full(r[:2], z[:2], z[:2])[0])
    assert_allclose(value[2] / value[3], 8, rtol=2e-2)
    assert_array_equal(value[4:], 0)
    assert_array_equal(slope[4:], 0)


def test_each_atom_owns_half_of_a_repulsion():
    spec = specification("dense", baseline=BaselineSpec(reference=(-1.0, -2.0, -4.0), zbl_inner=1.5, zbl_outer=2.0))
    d = np.array([[0.0, 0.6, 0.8]])
    pairs = Pairs(np.array([0, 1], np.int32), np.array([1, 0], np.int32), np.concatenate([d, -d]), 2)
    value, slope = full(1.0, 42, 74)

    energies, close, gradient = Baseline(spec)(pairs, np.array([0, 2], np.int32))

    assert_allclose(energies, [-1 + value[0] / 2, -4 + value[0] / 2])
    assert_array_equal(close, [0, 1])
    assert_allclose(gradient, 0.5 * slope[0] * np.concatenate([d, -d]))


def test_distant_pairs_are_left_out():
    offset = np.array([[2.201, 0, 0], [0, 0.9, 0], [0, 0, 2.199], [0, 0, 3]])
    pairs = Pairs(np.array([0, 0, 1, 1], np.int32), np.array([1, 2, 0, 2], np.int32), offset, 2)

    energies, close, gradient = Baseline(specification("dense"))(pairs, np.array([0, 1, 2], np.int32))

    assert_array_equal(close, [1, 2])
    assert gradient.shape == (2, 3)
    assert energies[0] > -4.5 + 1
    assert_allclose(energies[1], -3.5, atol=1e-6)


@pytest.mark.parametrize("count", [0, 5])
def test_atoms_alone_have_their_reference(count):
    pairs = Pairs(np.empty(0, np.int32), np.empty(0, np.int32), np.empty((0, 3)), count)

    energies, close, gradient = Baseline(specification("dense"))(pairs, np.full(count, 2, np.int32))

    assert_array_equal(energies, np.full(count, -4.25))
    assert len(close) == len(gradient) == 0
