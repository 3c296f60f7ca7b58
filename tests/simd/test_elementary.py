"""exp and log against those of NumPy, to the last digits of either precision."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from numpy.testing import assert_allclose

from ase_voxpot.simd import elementary

PRECISION = {np.float32: 4e-7, np.float64: 4e-15}


@njit
def logs(x, out):
    for i in range(len(x)):
        out[i] = elementary.log(x[i])


@njit
def exps(x, out):
    for i in range(len(x)):
        out[i] = elementary.exp(x[i])


@pytest.mark.parametrize("dtype", PRECISION)
def test_log(dtype, rng):
    x = np.concatenate([[1.0, 2.0, 0.5], rng.uniform(0.5, 2, 1000), 10 ** rng.uniform(-30, 30, 1000)]).astype(dtype)
    out = np.empty_like(x)

    logs(x, out)

    assert_allclose(out, np.log(x.astype(float)), rtol=PRECISION[dtype], atol=PRECISION[dtype] / 10)


@pytest.mark.parametrize("dtype", PRECISION)
def test_exp(dtype, rng):
    x = np.concatenate([[0.0, 1.0, -1.0], rng.uniform(-80, 80, 1000), rng.uniform(-1, 1, 1000)]).astype(dtype)
    out = np.empty_like(x)

    exps(x, out)

    assert_allclose(out, np.exp(x.astype(float)), rtol=2 * PRECISION[dtype])


@pytest.mark.parametrize("dtype", PRECISION)
def test_exp_of_too_much_stays_finite(dtype):
    out = np.empty(4, dtype)

    exps(np.array([-1e4, 1e4, -1e30, 1e30], dtype), out)

    assert np.isfinite(out).all()
    assert out[0] == out[2] < 1e-37
    assert out[1] == out[3] > 1e37


def test_outside_kernels_they_are_those_of_math():
    assert elementary.log(2.5) == pytest.approx(np.log(2.5))
    assert elementary.exp(-2.5) == pytest.approx(np.exp(-2.5))
