from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.units import GPa
from hypothesis import given, settings, strategies as st
from numpy.testing import assert_allclose

from ase_voxpot.workflows.cells import at_rest, wide
from ase_voxpot.workflows.elastic import elastic_tensor, elasticity


def test_springs_between_neighbours_have_the_constants_of_algebra(fcc, springs):
    found = elasticity(elastic_tensor(wide(fcc), springs))

    k, a = 2.0, 4.0
    assert_allclose([found.c11, found.c12, found.c44], np.array([2, 1, 1]) * k / a / GPa, rtol=2e-3)
    assert found.softest > 0


def test_pairs_obey_the_relation_of_cauchy():
    crystal = at_rest(bulk("Ar", "fcc", a=5.2, cubic=True), LennardJones(sigma=3.4, epsilon=0.0104, rc=10.0))

    found = elasticity(elastic_tensor(wide(crystal), LennardJones(sigma=3.4, epsilon=0.0104, rc=10.0)))

    assert found.c12 == pytest.approx(found.c44, rel=5e-3)
    assert found.c11 > found.c12


@given(st.floats(100, 500), st.floats(0, 0.9), st.floats(20, 200))
@settings(max_examples=30, deadline=None)
def test_the_moduli_of_a_cubic_tensor_follow_from_its_constants(c11, share, c44):
    c12 = share * c11
    tensor = np.diag([c11 - c12] * 3 + [c44] * 3)
    tensor[:3, :3] += c12

    found = elasticity(tensor)

    voigt = (c11 - c12 + 3 * c44) / 5
    reuss = 5 * (c11 - c12) * c44 / (4 * c44 + 3 * (c11 - c12))
    assert_allclose([found.c11, found.c12, found.c44], [c11, c12, c44], atol=1e-9)
    assert_allclose(found.bulk, (c11 + 2 * c12) / 3)
    assert_allclose(found.shear, (voigt + reuss) / 2)
    assert_allclose(found.young, 2 * found.shear * (1 + found.poisson))
    assert_allclose(found.zener, 2 * c44 / (c11 - c12))


def test_an_isotropic_tensor_has_one_shear_modulus():
    tensor = np.diag([2 * 80.0] * 3 + [80.0] * 3)
    tensor[:3, :3] += 60.0

    found = elasticity(tensor)

    assert found.shear == pytest.approx(80)
    assert found.zener == pytest.approx(1)
