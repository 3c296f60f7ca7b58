"""Solid harmonics: against SciPy and against themselves."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import eval_legendre, sph_harm_y

from ase_voxpot.descriptor.harmonics import norms, solid_harmonics
from tests import laws

DEGREE = 8


@pytest.fixture
def points(rng):
    return rng.normal(size=(40, 3))


def test_they_are_scipys_spherical_harmonics_times_powers_of_r(points):
    value = solid_harmonics(points, DEGREE)
    r = np.linalg.norm(points, axis=1)
    polar, azimuth = np.arccos(points[:, 2] / r), np.arctan2(points[:, 1], points[:, 0])

    for l in range(DEGREE + 1):
        size = r**l * np.sqrt(4 * np.pi / (2 * l + 1))
        for m in range(l + 1):
            y = size * sph_harm_y(l, m, polar, azimuth) * (-1) ** m  # without the Condon-Shortley phase
            factor = np.sqrt(2) if m else 1
            assert_allclose(value[:, l * l + l + m], factor * y.real, atol=1e-12 * 3**l)
            if m:
                assert_allclose(value[:, l * l + l - m], factor * y.imag, atol=1e-12 * 3**l)


def test_the_first_ones_are_written_by_hand():
    x, y, z = 0.3, -0.7, 1.1
    second = [
        np.sqrt(3) * x * y,
        np.sqrt(3) * y * z,
        z * z - (x * x + y * y) / 2,
        np.sqrt(3) * x * z,
        np.sqrt(3) / 2 * (x * x - y * y),
    ]

    assert_allclose(solid_harmonics(np.array([[x, y, z]]), 2)[0], [1, y, z, x, *second], rtol=1e-14)


def test_they_obey_the_addition_theorem(points):
    """Σ_m S_lm(x) S_lm(y) = |x|^l |y|^l P_l(cos γ)."""
    one, other = points[:20], points[20:]
    product = solid_harmonics(one, DEGREE) * solid_harmonics(other, DEGREE)
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    cosine = (one * other).sum(axis=1) / lengths

    for l in range(DEGREE + 1):
        expected = lengths**l * eval_legendre(l, cosine)
        laws.close(product[:, l * l : (l + 1) ** 2].sum(axis=1), expected, laws.STRICT.same)


def test_they_have_no_singular_point():
    """At the origin and along z, where angles are undefined, values are finite and right."""
    value = solid_harmonics(np.array([[0.0, 0, 0], [0, 0, -2]]), 3)

    assert_allclose(value[0], [1] + [0] * 15, atol=0)
    assert_allclose(value[1][[0, 2, 6, 12]], [1, -2, 4, -8])


def test_degree_zero_is_one(points):
    assert (solid_harmonics(points, 0) == 1).all()


def test_precision_is_that_of_the_points(points):
    value = solid_harmonics(points.astype(np.float32), 4)

    assert value.dtype == np.float32
    laws.close(value, solid_harmonics(points, 4), laws.TOLERANCES["float32"].same)


def test_norms_are_those_of_schmidt():
    """√(2 (l-m)!/(l+m)!) for m > 0, and 1 for m = 0."""
    assert_allclose(norms(2), [1, 1, 1, 1, 12**-0.5, 3**-0.5, 1, 3**-0.5, 12**-0.5])
