from __future__ import annotations

import numpy as np
import pytest

from ase_voxpot.statistics import block_average


def autoregressive(rng, length, memory):
    x = np.empty(length)
    x[0] = rng.normal()
    for k in range(1, length):
        x[k] = memory * x[k - 1] + np.sqrt(1 - memory**2) * rng.normal()
    return x


@pytest.mark.parametrize("memory", [0.0, 0.8, 0.95])
def test_the_error_of_a_correlated_mean_is_right(memory):
    """A unit-variance AR(1) series has a mean with variance (1 + a) / (1 - a) / n."""
    rng = np.random.default_rng(0)
    expected = np.sqrt((1 + memory) / (1 - memory) / 8192)

    found = np.mean([block_average(autoregressive(rng, 8192, memory)).error for _ in range(10)])

    assert 0.75 * expected < found < 1.25 * expected


def test_means_are_covered_by_their_errors():
    rng = np.random.default_rng(1)
    found = [block_average(autoregressive(rng, 1024, 0.9)) for _ in range(60)]

    assert 30 <= sum(abs(e.value) < e.error for e in found) <= 52  # 41 of 60 expected


def test_a_constant_has_no_error_and_one_sample_none_that_is_known():
    assert block_average(np.ones(50)).error == 0
    assert block_average(np.array([3.0])).value == 3
    assert str(block_average(np.array([3.0]))) == "3.000 ± 0.000"
