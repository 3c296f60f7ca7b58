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


@pytest.mark.parametrize("tails", ["normal", "heavy"])
def test_intervals_hold_for_errors_that_were_not_seen(rng, tails):
    """Of many small calibrations at least 68 % and 95 % of new errors are covered."""
    draw = rng.standard_normal if tails == "normal" else lambda size: rng.standard_t(3, size)
    within = []
    for _ in range(500):
        sigma = Scatter.of(draw(60)).sigma(np.zeros(200))
        trust = trust_of(np.zeros(200), draw(200), sigma)
        within.append((trust.within_68, trust.within_95))

    once, twice = np.mean(within, axis=0)

    assert 0.67 < once < 0.9
    assert 0.945 < twice < 0.99


def test_members_that_disagree_widen_an_interval():
    found = Scatter.of(np.linspace(-1, 1, 50))

    assert_allclose(found.sigma(np.array([0.0, 3.0])), [found.floor, np.hypot(found.floor, 3.0)])


def test_exact_predictions_leave_a_floor_above_zero():
    assert Scatter.of(np.zeros(20)).floor > 0
