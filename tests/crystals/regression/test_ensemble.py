from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from voxpot_crystals.regression.ensemble import Scatter
from voxpot_crystals.regression.scores import figures_of, trust_of


def test_figures_of_known_errors():
    truth = np.array([0.0, 1.0, 2.0, 3.0])

    figures = figures_of(truth, truth + [0.1, -0.1, 0.3, -0.3])

    assert figures.mae == pytest.approx(0.2)
    assert figures.mse == pytest.approx(0.05)
    assert figures.rmse == pytest.approx(0.05**0.5)
    assert figures.r2 == pytest.approx(1 - 0.2 / 5)
    assert figures_of(truth, np.full(4, 1.5)).r2 == pytest.approx(0)


def test_r2_is_not_that_of_a_line_through_the_points():
    truth = np.arange(10.0)

    assert figures_of(truth, 2 * truth + 5).r2 < 0


def test_a_scatter_finds_floor_and_factor(rng):
    spread = rng.uniform(0.1, 2.0, 20_000)
    error = rng.normal(size=spread.size) * np.sqrt(0.3**2 + (1.7 * spread) ** 2)

    found = Scatter.of(error, spread)

    assert found.floor == pytest.approx(0.3, rel=0.1)
    assert found.factor == pytest.approx(1.7, rel=0.05)
    trust = trust_of(np.zeros(spread.size), error, found.sigma(spread))
    assert trust.within_68 == pytest.approx(0.683, abs=0.01)
    assert trust.within_95 == pytest.approx(0.954, abs=0.01)
    assert trust.spearman > 0.3


def test_spreads_that_say_nothing_leave_the_floor(rng):
    spread = rng.uniform(0.5, 1.5, 5000)
    error = rng.normal(scale=2.0, size=5000)

    assert_allclose(Scatter.of(error, spread).sigma(spread), 2.0, rtol=0.1)
