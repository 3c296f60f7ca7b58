"""Gaussian processes: what they remember, and what outliers may do to them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from voxpot_crystals.regression.gaussian import (
    Process,
    beyond_expected,
    beyond_most,
    likeliest,
    spread_of,
    squared_distances,
    weigh,
)


class Smooth(Process):
    """exp(-d² / 2λ²) of one column."""

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity, 1, torch.tensor([1.0, 0.1]).double().log())

    def covariance(self, scales, left, right):
        return 2 * torch.exp(-squared_distances(left, right) / (2 * scales[0].exp() ** 2))


@pytest.fixture
def line() -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.linspace(-3, 3, 40)[:, None]
    return x, torch.sin(2 * x[:, 0]).double()


def test_a_process_learns_a_function(line):
    x, y = line
    process = Smooth(60)

    process.fit(x, y, seed=0)

    between = torch.linspace(-2.5, 2.5, 7)[:, None]
    assert_allclose(process(between).numpy(), torch.sin(2 * between[:, 0]).numpy(), atol=0.02)
    assert not process.weights[40:].any(), "places that no crystal took say nothing"


def test_it_is_fitted_anew_each_time(line):
    x, y = line
    process, once = Smooth(60), Smooth(60)
    process.fit(x, -3 * y, seed=0)

    process.fit(x[:30], y[:30], seed=0)
    once.fit(x[:30], y[:30], seed=0)

    assert_allclose(process(x).numpy(), once(x).numpy())


def test_a_wrong_label_does_not_spoil_its_neighbours(line):
    x, y = line
    wrong = y.clone()
    wrong[17] += 6.0
    process = Smooth(40)

    process.fit(x, wrong, seed=0)

    others = np.delete(np.arange(40), 17)
    assert np.abs(process(x).numpy() - y.numpy())[others].max() < 0.1


def test_outliers_are_those_far_from_most_or_from_what_is_expected():
    error = torch.tensor([0.1, -0.1, 0.2, -0.1, 2.0, 0.1])

    assert beyond_most(error, torch.ones(6)).tolist() == [False] * 4 + [True, False]
    assert not beyond_expected(error, torch.ones(6)).any()
    assert beyond_expected(error, torch.full((6,), 0.04)).tolist() == [False, False, True, False, True, False]


def test_weights_solve_the_equations_where_nothing_is_an_outlier(rng):
    root = torch.from_numpy(rng.normal(size=(12, 12)))
    covariance, noise = root @ root.T, torch.full((12,), 0.5, dtype=torch.float64)
    y = torch.linalg.cholesky(covariance + torch.diag(noise)) @ torch.from_numpy(rng.normal(size=12))

    weights, extra = weigh(covariance, noise, y, beyond_expected)

    assert not extra.any()
    assert_allclose(((covariance + torch.diag(noise)) @ weights).numpy(), y.numpy(), atol=1e-9)


def test_the_likeliest_variance_is_that_of_the_labels(rng):
    y = torch.from_numpy(rng.normal(scale=1.5, size=2000))
    first = torch.zeros(1, dtype=torch.float64)

    found = likeliest(lambda s: torch.diag(s.exp().expand(2000)), y, first=first, start=first, steps=20)

    assert found.exp().item() == pytest.approx(float((y**2).mean()), rel=0.01)


def test_columns_that_do_not_vary_have_a_spread_of_one():
    mean, spread = spread_of(torch.tensor([[1.0, 2.0], [3.0, 2.0]]))

    assert mean.tolist() == [2, 2]
    assert spread[1] == 1
