from __future__ import annotations

import numpy as np
from ase.units import kB
from numpy.testing import assert_allclose

from ase_voxpot.montecarlo.statistics import find_peak, heat_capacity


def test_the_heat_capacity_is_that_of_independent_two_level_systems():
    """C/k = x² eˣ / (1 + eˣ)² with x = ε / kT."""
    rng, temperature, levels, sites = np.random.default_rng(2), 700.0, 0.1, 50
    x = levels / (kB * temperature)
    up = rng.random((4000, sites)) < 1 / (1 + np.exp(x))

    found, copies = heat_capacity(levels * up.sum(axis=1), temperature, sites, rng=rng)

    expected = x**2 * np.exp(x) / (1 + np.exp(x)) ** 2
    assert abs(found.value - expected) < 4 * found.error
    assert found.error < 0.1 * expected
    assert_allclose(copies.mean(), found.value, rtol=0.05)


def test_a_peak_is_found_between_the_points():
    temperatures = np.arange(600.0, 1500, 100)
    curve = 2 - ((temperatures - 1030) / 400) ** 2
    copies = curve[:, None] + 0.01 * np.random.default_rng(3).normal(size=(len(curve), 100))

    peak = find_peak(temperatures, copies)

    assert abs(peak.temperature.value - 1030) < 10
    assert 25 < peak.temperature.error < 60
    assert peak.inside
    assert_allclose(peak.height, 2, atol=0.02)


def test_a_peak_at_the_end_is_not_inside():
    temperatures = np.arange(600.0, 1100, 100)
    copies = np.repeat((temperatures**2 / 1e6)[:, None], 5, axis=1)

    peak = find_peak(temperatures, copies)

    assert not peak.inside
    assert peak.temperature.value == 1000


def test_a_curve_that_bends_upwards_peaks_at_a_point():
    peak = find_peak(np.array([1.0, 2.0, 3.0]), np.array([[3.0], [1.0], [2.0]]))
    assert peak.temperature.value == 1
