"""Sums of products against NumPy, for every remainder that panels and tiles leave."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from numpy.testing import assert_allclose

from ase_voxpot.simd import LANES, aligned
from ase_voxpot.simd.tiles import contract, correlate, multiply, pack

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-13}


@njit
def multiplied(matrix, rows, source, target, add):
    multiply(matrix, 0, rows, len(source), source, 0, LANES, target, 0, LANES, add)


@njit
def contracted(x, y, target, add):
    (a, k, _), b = x.shape, y.shape[1]
    contract(a, b, k, x, 0, k * LANES, LANES, y, 0, LANES, b * LANES, target, 0, b * LANES, LANES, add)


def random_rows(*shape, dtype, rng):
    rows = aligned(*shape, LANES, dtype=dtype)
    rows[:] = rng.normal(size=rows.shape)
    return rows


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_multiply_is_a_matrix_product(dtype, rng):
    for inner, rows in ((24, 32), (7, 15), (1, 1), (5, 3), (0, 4), (3, 0)):
        matrix = rng.normal(size=(inner, rows)).astype(dtype)
        source, target = (random_rows(n, dtype=dtype, rng=rng) for n in (inner, rows))
        before = target.copy()

        multiplied(pack(matrix), rows, source, target, False)
        assert_allclose(target, matrix.T @ source, atol=10 * TOLERANCE[dtype])

        target[:] = before
        multiplied(pack(matrix), rows, source, target, True)
        assert_allclose(target, before + matrix.T @ source, atol=10 * TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_contract_is_a_product_in_every_lane(dtype, rng):
    for a, b, k in ((25, 8, 8), (4, 4, 1), (3, 2, 5), (1, 1, 3), (9, 7, 0)):
        x, y, target = (random_rows(*shape, dtype=dtype, rng=rng) for shape in ((a, k), (k, b), (a, b)))
        before, expected = target.copy(), np.einsum("akl,kbl->abl", x, y)

        contracted(x, y, target, False)
        assert_allclose(target, expected, atol=10 * TOLERANCE[dtype])

        target[:] = before
        contracted(x, y, target, True)
        assert_allclose(target, before + expected, atol=10 * TOLERANCE[dtype])


def test_aligned_arrays_begin_with_a_cache_line():
    for size in (1, 5, 100, 4096):
        array = aligned(3, size, dtype=np.float32)
        assert array.ctypes.data % 64 == 0
        assert array.shape == (3, size)
        assert not array.any()


@njit
def correlated(x, y, target):
    blocks, a, k, lanes = x.shape
    b = y.shape[1]
    correlate(
        a, b, blocks, k, x, 0, k * lanes, lanes, a * k * lanes, y, 0, k * lanes, lanes, b * k * lanes, target, 0, b, 1
    )


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_correlate_is_a_sum_over_blocks_and_lanes(dtype, rng):
    for n, a, b, k in ((3, 9, 8, 2), (1, 4, 4, 1), (2, 1, 3, 5), (0, 2, 2, 1)):
        x, y = random_rows(n, a, k, dtype=dtype, rng=rng), random_rows(n, b, k, dtype=dtype, rng=rng)
        target = np.ones((a, b), dtype)

        correlated(x, y, target)

        assert_allclose(target, 1 + np.einsum("nakl,nbkl->ab", x, y), atol=100 * TOLERANCE[dtype])
