"""Priors recover what they are fitted to, under conditions too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ase_voxpot.errors import ArchitectureError, ConfigError, DataError, SpecError
from ase_voxpot.spec import decode, encode
from voxpot_crystals.latent.priors import (
    Conditions,
    GaussianPrior,
    PriorConfig,
    PriorSpec,
    Quantity,
    VelocitySpec,
    fit_priors,
    make_priors,
    prior_spec,
    prior_tensors,
)
from voxpot_crystals.latent.priors.fitting import energy_distance
from voxpot_training.config import Schedule

SIDE = Conditions(quantities=(Quantity(name="side", low=-1, high=1),))
SMALL = PriorConfig(
    velocity=VelocitySpec(width=48, blocks=2, waves=8, steps=20),
    schedule=Schedule(epochs=60, rate=3e-3, averaging=0.98, validate_every=10),
    batch=128,
    holdout=0.1,
)


def two_moons(rng, count):
    """Two half circles around each other, and which of them a point is on."""
    angle, side = np.pi * rng.random(count), rng.choice([-1.0, 1.0], count)
    moon = np.stack([np.cos(angle) - 0.5, np.sin(angle) - 0.25], axis=1) * side[:, None]
    return moon + rng.normal(scale=0.05, size=moon.shape), side[:, None]


@pytest.fixture(scope="module")
def moons(tmp_path_factory):
    latent, table = two_moons(np.random.default_rng(1), 2000)
    folder = tmp_path_factory.mktemp("moons")
    priors, figures = fit_priors(latent, table, SIDE, SMALL, folder, seed=0, quiet=True)
    return priors, figures, folder


def test_a_gaussian_recovers_mean_and_covariance(rng):
    mean, root = rng.normal(size=4), np.tril(rng.normal(size=(4, 4)))
    rows = mean + rng.standard_normal((20_000, 4)) @ root.T

    prior = GaussianPrior.fit(rows, np.zeros((len(rows), 0)))
    drawn = prior.sample(20_000, None, rng)

    size = np.sqrt(np.diag(root @ root.T))
    assert_allclose((drawn.mean(0) - mean) / size, 0, atol=0.04)
    assert_allclose(np.cov(drawn.T) / np.outer(size, size), root @ root.T / np.outer(size, size), atol=0.05)


def test_conditions_of_a_gaussian_are_exact(rng):
    """Another way: the precision matrix, whose block is the inverse of the conditional covariance."""
    root = np.tril(rng.normal(size=(5, 5))) + 2 * np.eye(5)
    covariance, mean = root @ root.T, rng.normal(size=5)
    scale = np.sqrt(np.diag(covariance))
    prior = GaussianPrior(3, mean, scale, covariance / np.outer(scale, scale))
    precision = np.linalg.inv(covariance)
    asked = mean[3:] + [1.0, -0.5]

    drawn = prior.sample(40_000, asked, rng)

    inner = np.linalg.inv(precision[:3, :3])
    size = np.sqrt(np.diag(inner))
    assert_allclose((drawn.mean(0) - mean[:3] + inner @ precision[:3, 3:] @ [1.0, -0.5]) / size, 0, atol=0.03)
    assert_allclose(np.cov(drawn.T) / np.outer(size, size), inner / np.outer(size, size), atol=0.04)


def test_unknown_conditions_are_left_open(rng):
    latent = rng.normal(size=(4000, 2))
    table = np.stack([latent[:, 0], latent[:, 1]], axis=1)
    prior = GaussianPrior.fit(latent, table)

    drawn = prior.sample(500, np.array([1.0, np.nan]), rng)

    assert_allclose(drawn[:, 0], 1.0, atol=0.2)
    assert drawn[:, 1].std() > 0.8
    assert_allclose(
        prior.sample(5, np.full(2, np.nan), np.random.default_rng(2)), prior.sample(5, None, np.random.default_rng(2))
    )


def test_rows_with_gaps_count_without_bias(rng):
    """A condition that is only known where it is high: the plain mean of the known ones would be wrong."""
    latent = rng.normal(size=(5000, 1))
    table = 0.8 * latent + 0.6 * rng.normal(size=latent.shape)
    table[latent < 0] = np.nan

    prior = GaussianPrior.fit(latent, table)

    assert prior.mean[1] == pytest.approx(0, abs=0.08)
    assert prior.correlation[0, 1] * prior.scale[1] == pytest.approx(0.8, abs=0.08)


def test_the_flow_learns_what_no_gaussian_is(moons, rng):
    priors, figures, _ = moons
    fresh, _ = two_moons(rng, 1500)

    distance = {name: energy_distance(prior.sample(1500, None, rng), fresh) for name, prior in priors.known.items()}

    assert distance["flow"] < 0.3 * distance["gaussian"]
    assert figures["flow"] < figures["gaussian"]


def test_conditions_move_what_the_flow_draws(moons, rng):
    flow = moons[0].known["flow"]
    for side in (-1.0, 1.0):
        true = two_moons(rng, 3000)
        own, other = (true[0][true[1][:, 0] == s][:1000] for s in (side, -side))
        drawn = flow.sample(1000, np.array([side]), rng)
        assert energy_distance(drawn, own) < 0.1 * energy_distance(drawn, other)


@pytest.mark.parametrize("name", ["gaussian", "flow"])
def test_draws_follow_their_seed(moons, name):
    prior = moons[0].named(name)

    first, again, other = (prior.sample(6, None, np.random.default_rng(seed)) for seed in (4, 4, 5))

    assert_allclose(first, again, rtol=0, atol=0)
    assert np.abs(first - other).max() > 0.1


def test_priors_come_back_from_tensors(moons, tmp_path):
    priors = moons[0]
    spec = decode(PriorSpec, encode(prior_spec(priors)))
    tensors = prior_tensors(priors)
    assert all(name.startswith("prior.") for name in tensors)

    again = make_priors(spec, tensors | {"network.weight": tensors["prior.flow.mean"]}, source=tmp_path)

    for name, prior in priors.known.items():
        expected = prior.sample(4, np.array([1.0]), np.random.default_rng(0))
        assert_allclose(again.known[name].sample(4, np.array([1.0]), np.random.default_rng(0)), expected)
    assert again.conditions == SIDE


@pytest.mark.parametrize("name", ["prior.gaussian.mean", "prior.flow.colour", "prior.flow.first.weight"])
def test_tensors_that_do_not_fit_are_refused(moons, tmp_path, name):
    tensors = prior_tensors(moons[0])
    with pytest.raises(ArchitectureError):
        make_priors(prior_spec(moons[0]), tensors | {name: tensors[name][:1]}, source=tmp_path)
    del tensors[name]
    with pytest.raises(ArchitectureError):
        make_priors(prior_spec(moons[0]), tensors, source=tmp_path)


def test_a_finished_flow_is_taken_up_as_it_is(moons, tmp_path):
    priors, _, folder = moons
    latent, table = two_moons(np.random.default_rng(1), 2000)

    again, _ = fit_priors(latent, table, SIDE, SMALL, folder, seed=0, resume=True, quiet=True)

    rows = (p.known["flow"].sample(3, None, np.random.default_rng(0)) for p in (priors, again))
    assert_allclose(*rows)


def test_a_flow_of_other_latent_vectors_is_not_taken_up(tmp_path, rng):
    short = replace(SMALL, schedule=replace(SMALL.schedule, epochs=1))
    for scale in (1.0, 50.0):
        latent, table = two_moons(rng, 40)
        priors, _ = fit_priors(scale * latent, table, SIDE, short, tmp_path, seed=0, resume=True, quiet=True)

    assert np.abs(priors.known["flow"].sample(50, None, rng)).max() > 10


def test_what_cannot_be_fitted_is_refused(tmp_path):
    with pytest.raises(DataError, match="four or more"):
        fit_priors(np.zeros((2, 3)), np.zeros((2, 1)), SIDE, SMALL, tmp_path, seed=0)
    with pytest.raises(DataError, match="two or more"):
        GaussianPrior.fit(np.zeros((1, 3)), np.zeros((1, 0)))
    with pytest.raises(ConfigError, match=r"prior\.kinds.*vae"):
        PriorConfig(kinds=("vae",))
    with pytest.raises(ConfigError, match="holdout"):
        PriorConfig(holdout=1.0)
    with pytest.raises(SpecError, match="sizes"):
        VelocitySpec(width=0)


def test_a_prior_that_is_not_there_is_named(moons):
    with pytest.raises(ConfigError, match="gaussian, flow, got 'vae'"):
        moons[0].named("vae")
    assert moons[0].named(None) is moons[0].known["flow"]
