from __future__ import annotations

import math

import numpy as np
import pytest
from ase.units import kB
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose

from ase_voxpot.errors import ConfigError
from ase_voxpot.montecarlo.ensembles import VCSGC, Canonical, SemiGrand, bias_change
from ase_voxpot.montecarlo.walkers import terms_of

ELEMENTS = ("Mo", "Ta", "W")


@given(
    counts=st.tuples(*[st.integers(1, 50)] * 3),
    pair=st.permutations(range(3)),
    phi=st.tuples(*[st.floats(-2, 2)] * 2),
    mu=st.tuples(*[st.floats(-2, 2)] * 3),
)
def test_the_change_of_the_bias_is_the_difference_of_the_bias(counts, pair, phi, mu):
    beta, (a, b, _), n = 7.0, pair, sum(counts)
    after = np.array(counts)
    after[a] -= 1
    after[b] += 1

    def vcsgc(counts):
        return sum(50.0 * n * (c / n + p / 2) ** 2 for c, p in zip(counts, phi, strict=False))

    def sgc(counts):
        return -beta * sum(c * m for c, m in zip(counts, mu, strict=True))

    by_phi = VCSGC(phis=dict(zip(ELEMENTS, phi, strict=False)), kappa=50.0).bias(ELEMENTS)
    by_mu = SemiGrand(chemical_potentials=dict(zip(ELEMENTS, mu, strict=True))).bias(ELEMENTS)

    assert_allclose(bias_change(np.array(counts), a, b, beta, by_phi), vcsgc(after) - vcsgc(counts), atol=1e-9)
    assert_allclose(bias_change(np.array(counts), a, b, beta, by_mu), sgc(after) - sgc(counts), atol=1e-9)


def test_the_derivative_of_the_free_energy_is_that_of_an_ideal_mixture():
    """With N free sites the mean concentration c of VCSGC solves df/dc = kT ln(c / (1 - c))."""
    sites, temperature = 4000, 1000.0
    ensemble = VCSGC(phis={"Mo": -0.6}, kappa=200.0)
    n = np.arange(sites + 1)
    log = np.array([math.lgamma(sites + 1) - math.lgamma(k + 1) - math.lgamma(sites - k + 1) for k in n])
    log -= ensemble.kappa * sites * (n / sites - 0.3) ** 2
    weight = np.exp(log - log.max())
    c = float((weight * n).sum() / weight.sum() / sites)

    found = ensemble.derivatives({"Mo": c}, temperature)["Mo"]

    assert_allclose(found, kB * temperature * math.log(c / (1 - c)), rtol=1e-3)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Canonical(elements=("Mo",)), "expected two or more different elements to swap, got Mo"),
        (lambda: Canonical(elements=("Mo", "Mo")), "expected two or more different"),
        (lambda: Canonical(elements=("Mo", "Unobtainium")), "expected chemical symbols, got 'Unobtainium'"),
        (lambda: SemiGrand(), "expected those of two or more elements"),
        (lambda: SemiGrand(chemical_potentials={"Mo": 0.0}), "expected those of two or more elements"),
        (
            lambda: SemiGrand(chemical_potentials={"Mo": 0.0, "Ta": math.nan}),
            "expected a finite number for Ta, got nan",
        ),
        (lambda: VCSGC(), "expected one for all elements but one, got none"),
        (lambda: VCSGC(phis={"Mo": math.inf}), "expected a finite number"),
        (lambda: VCSGC(phis={"Mo": -1.0}, kappa=0.0), "kappa: expected a number over 0, got 0.0"),
        (lambda: VCSGC(phis={"Mo": -1.0}, elements=("Ta", "W")), "Mo takes no part"),
    ],
)
def test_ensembles_that_make_no_sense_are_refused(make, sentence):
    with pytest.raises(ConfigError, match=sentence):
        make()


@pytest.mark.parametrize(
    ("ensemble", "species", "sentence"),
    [
        (Canonical(), [0, 0], "swaps need atoms of two or more elements, got only Mo"),
        (Canonical(elements=("Mo", "Ta")), [0, 2], "swaps need atoms of two or more elements, got only Mo"),
        (Canonical(elements=("Mo", "Nb")), [0, 1], "expected some of Mo, Ta, W, got Nb"),
        (SemiGrand(chemical_potentials={"Ta": 0, "W": 0}), [0, 0], "expected atoms of Ta, W in the structure, got Mo"),
        (VCSGC(phis={"Mo": -1.0}), [0, 0], "swaps need atoms of two or more elements"),
        (VCSGC(phis={"Mo": -1.0, "Ta": -1.0}), [0, 1], "phis: expected one for all elements but one of Mo, Ta, got 2"),
    ],
)
def test_ensembles_without_anything_to_exchange_are_refused(ensemble, species, sentence):
    with pytest.raises(ConfigError, match=sentence):
        terms_of(ensemble, ELEMENTS, np.array(species))
