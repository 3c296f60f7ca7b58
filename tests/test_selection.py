"""Frames worth labelling: the least certain first, and nothing twice."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from numpy.testing import assert_allclose

from ase_voxpot.errors import ConfigError, OverlapError, SpecError, UnknownElementError
from ase_voxpot.selection import select
from tests.models import CALIBRATION, made_certain, seeded, specification


@pytest.fixture(scope="module")
def potential():
    return made_certain(seeded(specification("steerable"), dtype="float64"))


@pytest.fixture(scope="module")
def pool():
    rng = np.random.default_rng(8)
    frames = []
    for _ in range(12):
        atoms = bulk("W", "bcc", a=3.2 * rng.uniform(0.9, 1.1), cubic=True)
        atoms.symbols = rng.choice(["Mo", "Ta", "W"], 2)
        atoms.rattle(0.2, rng=rng)
        frames.append(atoms)
    return frames


def test_the_least_certain_comes_first(potential, pool):
    sigma = [potential.evaluate(a, uncertainty=True).uncertainty.energy / len(a) for a in pool]

    found = select(potential, pool, count=4)

    assert_allclose(found.before, sigma, rtol=1e-9)
    assert found.picks[0].frame == int(np.argmax(sigma))
    assert found.picks[0].gain == pytest.approx(max(sigma))
    gains = [p.gain for p in found.picks]
    assert gains == sorted(gains, reverse=True)
    assert all(p.gain <= p.uncertainty + 1e-12 for p in found.picks)
    assert len({p.frame for p in found.picks}) == 4


def test_copies_are_not_picked(potential, pool):
    copies = [*pool, *(a.copy() for a in pool), *(a.repeat((1, 1, 2)) for a in pool)]

    alone, found = (select(potential, frames, count=100) for frames in (pool, copies))

    assert {p.frame % len(pool) for p in found.picks} == {p.frame for p in alone.picks}
    assert len(found.picks) == len(alone.picks) <= len(pool)
    assert found.after.max() <= CALIBRATION.noise * (1 + 1e-9)


def test_the_posterior_is_that_of_bayes(potential, pool):
    """Σ - Σφφᵀ Σ / (φᵀΣφ + ν²) for every pick, without the shortcut through square roots."""
    known = potential.uncertainty
    rows = np.stack([known.sum_of(*potential.features(a)) / len(a) for a in pool])
    sigma = known.covariance

    found = select(potential, pool, count=5)

    for pick in found.picks:
        v = sigma @ rows[pick.frame]
        sigma = sigma - np.outer(v, v) / (rows[pick.frame] @ v + CALIBRATION.noise**2)
    assert_allclose(found.after, np.sqrt(np.einsum("fi,ij,fj->f", rows, sigma, rows)), rtol=1e-6)


def test_what_is_known_is_left(potential, pool):
    middle = float(np.median(select(potential, pool, count=1).before))

    found = select(potential, pool, count=100, least=middle)

    assert 1 <= len(found.picks) <= len(pool) // 2
    assert all(p.gain > middle for p in found.picks)
    assert select(potential, pool, count=3, least=1e3).picks == []


@pytest.mark.parametrize(("options", "sentence"), [({"count": 0}, "count"), ({"count": 1, "least": -1.0}, "min-unc")])
def test_wishes_that_make_no_sense_are_refused(potential, pool, options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        select(potential, pool, **options)


def test_hostile_frames_are_named(potential, pool):
    foreign, overlap = pool[0].copy(), pool[0].copy()
    foreign.symbols[0] = "Xe"
    overlap.positions[1] = overlap.positions[0]

    with pytest.raises(UnknownElementError, match="frame 1: "):
        select(potential, [pool[0], foreign], count=1)
    with pytest.raises(OverlapError, match="frame 2: "):
        select(potential, [*pool[:2], overlap], count=1)


def test_a_model_without_uncertainty_is_refused(potential_of, pool):
    with pytest.raises(SpecError, match="expected a model with an uncertainty"):
        select(potential_of("steerable"), pool, count=1)
