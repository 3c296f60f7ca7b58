from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose

from ase_voxpot.errors import DataError
from ase_voxpot.properties.moduli import elasticity, is_cubic, point_group, symmetrised, young
from ase_voxpot.structures import random_alloy


def cubic(c11, c12, c44):
    tensor = np.diag([c11 - c12] * 3 + [c44] * 3).astype(float)
    tensor[:3, :3] += c12
    return tensor


@given(st.floats(100, 500), st.floats(0, 0.9), st.floats(20, 200))
@settings(max_examples=30, deadline=None)
def test_the_moduli_of_a_cubic_tensor_follow_from_its_constants(c11, share, c44):
    c12 = share * c11
    found = elasticity(cubic(c11, c12, c44))

    voigt = (c11 - c12 + 3 * c44) / 5
    reuss = 5 * (c11 - c12) * c44 / (4 * c44 + 3 * (c11 - c12))
    assert_allclose([found.c11, found.c12, found.c44], [c11, c12, c44], atol=1e-9)
    assert_allclose(found.bulk, (c11 + 2 * c12) / 3)
    assert_allclose(found.shear, (voigt + reuss) / 2)
    assert_allclose(found.young, 2 * found.shear * (1 + found.poisson))
    assert_allclose([found.shear_voigt, found.shear_reuss], [voigt, reuss])
    assert_allclose([found.bulk_voigt, found.bulk_reuss], found.bulk)
    assert_allclose(found.pugh, found.bulk / found.shear)
    assert_allclose(found.universal, 5 * voigt / reuss - 5, atol=1e-12)
    assert_allclose(found.zener, 2 * c44 / (c11 - c12))


def test_an_isotropic_tensor_has_one_shear_modulus():
    found = elasticity(cubic(220, 60, 80))

    assert found.shear == pytest.approx(80)
    assert found.zener == pytest.approx(1)
    assert found.universal == pytest.approx(0)
    directions = np.random.default_rng(0).normal(size=(20, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    assert_allclose(young(np.linalg.inv(found.tensor), directions), found.young)


def test_stiffness_along_an_axis_is_what_the_compliance_says():
    compliance = np.linalg.inv(cubic(500, 200, 150))

    assert_allclose(young(compliance, np.eye(3)), 1 / compliance[0, 0])


@pytest.mark.parametrize(
    ("atoms", "order", "is_cube"),
    [
        (bulk("W", "bcc", a=3.2, cubic=True), 48, True),
        (bulk("W", "bcc", a=3.2), 48, True),
        (bulk("Mg", "hcp", a=3.2, c=5.2), 24, False),
        (bulk("ZnS", "zincblende", a=5.4), 24, True),
    ],
)
def test_point_groups_have_their_order(atoms, order, is_cube):
    rotations = point_group(atoms)

    assert len(rotations) == order
    assert_allclose(rotations @ np.swapaxes(rotations, 1, 2), np.broadcast_to(np.eye(3), rotations.shape), atol=1e-6)
    assert is_cubic(rotations) is is_cube


def test_a_random_alloy_has_less_symmetry_than_its_lattice():
    alloy = random_alloy("bcc:MoTaW", repeat=3, rng=np.random.default_rng(0))

    assert len(point_group(alloy)) < 48


def test_two_atoms_in_one_place_are_refused():
    atoms = bulk("W", "bcc", a=3.2, cubic=True)
    atoms.positions[1] = atoms.positions[0]

    with pytest.raises(DataError, match="expected a crystal whose symmetry"):
        point_group(atoms)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_average_over_a_cube_has_three_constants_and_keeps_voigt_s_moduli(seed):
    tensor = np.random.default_rng(seed).normal(size=(6, 6))
    tensor += tensor.T + 20 * np.eye(6)
    group = point_group(bulk("W", "bcc", a=3.2, cubic=True))

    found = symmetrised(tensor, group)

    before, after = elasticity(tensor), elasticity(found)
    assert_allclose(found, cubic(after.c11, after.c12, after.c44), atol=1e-9)
    assert_allclose([after.bulk_voigt, after.shear_voigt], [before.bulk_voigt, before.shear_voigt])
    assert_allclose(symmetrised(found, group), found, atol=1e-9)


def test_without_symmetry_a_tensor_stays_as_it_is():
    tensor = np.random.default_rng(1).normal(size=(6, 6))
    tensor += tensor.T

    assert_allclose(symmetrised(tensor, np.eye(3)[None]), tensor, atol=1e-12)
