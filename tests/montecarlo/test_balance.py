"""Detailed balance: walks visit every configuration of a small cell as often as the ensemble says."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from ase.units import kB
from scipy.stats import chisquare

from ase_voxpot.montecarlo.ensembles import VCSGC, Canonical, SemiGrand
from ase_voxpot.montecarlo.full import FullWalker
from ase_voxpot.montecarlo.local import CompiledWalker
from ase_voxpot.montecarlo.replicas import Replica, exchange
from ase_voxpot.montecarlo.walkers import Tally, terms_of

UNLIKELY = 1e-3
SLOPE = 1.9
"""eV, by which an atom of Ta costs more than one of Mo in the potential of the tests."""


def states(ensemble, walker, kinds):
    """All configurations that the ensemble knows."""
    start = np.bincount(walker.species, minlength=len(walker.elements))
    for state in product(kinds, repeat=len(walker.species)):
        if ensemble.flips or (np.bincount(state, minlength=len(walker.elements)) == start).all():
            yield state


def exact(ensemble, walker, kinds, temperature):
    """Probabilities by enumeration, Φ written down once more as in the book."""
    log = {}
    base = walker.atoms()
    for state in states(ensemble, walker, kinds):
        atoms = base.copy()
        atoms.symbols = [walker.elements[k] for k in state]
        walker.renew(atoms)
        symbols = [walker.elements[k] for k in state]
        phi = 0.0
        if isinstance(ensemble, SemiGrand):
            phi = -sum(ensemble.chemical_potentials[s] for s in symbols) / (kB * temperature)
        if isinstance(ensemble, VCSGC):
            n = len(state)
            phi = sum(ensemble.kappa * n * (symbols.count(s) / n + p / 2) ** 2 for s, p in ensemble.phis.items())
        log[state] = -walker.energy / (kB * temperature) - phi
    walker.renew(base)
    weight = np.exp(np.array(list(log.values())) - max(log.values()))
    return dict(zip(log, weight / weight.sum(), strict=True))


def visits(ensemble, walker, temperature, samples, stride, seed):
    terms = terms_of(ensemble, walker.elements, walker.species)
    tally, rng = Tally.of(len(walker.elements)), np.random.default_rng(seed)
    walker.walk(200, temperature, terms, rng, tally)
    seen = {}
    for _ in range(samples):
        walker.walk(stride, temperature, terms, rng, tally)
        state = tuple(int(k) for k in walker.species)
        seen[state] = seen.get(state, 0) + 1
    return seen


def agree(expected, seen, samples):
    assert set(seen) <= set(expected)
    frequent = [s for s, p in expected.items() if p * samples >= 5]
    rare = [s for s in expected if s not in set(frequent)]
    observed = [seen.get(s, 0) for s in frequent]
    wanted = [expected[s] * samples for s in frequent]
    if rare:
        observed.append(sum(seen.get(s, 0) for s in rare))
        wanted.append(sum(expected[s] for s in rare) * samples)
    return chisquare(observed, wanted).pvalue


CASES = [
    (Canonical(), {"Mo": 2, "Ta": 2, "W": 2}),
    (Canonical(), {"Mo": 5, "Ta": 1}),
    (SemiGrand(chemical_potentials={"Mo": 0.0, "Ta": SLOPE}), {"Mo": 3, "Ta": 3}),
    (VCSGC(phis={"Mo": -1.2}, kappa=20.0), {"Mo": 3, "Ta": 3}),
]


@pytest.mark.parametrize(("ensemble", "counts"), CASES, ids=str)
def test_the_local_walk_visits_configurations_as_often_as_it_should(potential_of, alloy, ensemble, counts):
    """Six atoms that see their own images, in a potential with random weights."""
    atoms = alloy((3, 1, 1), **counts)
    atoms.rattle(0.1, seed=2)
    walker = CompiledWalker(atoms, potential_of("steerable"))
    kinds = sorted({walker.elements.index(s) for s in counts})
    temperature, samples = 4000.0, 2500
    expected = exact(ensemble, walker, kinds, temperature)
    assert max(expected.values()) < 0.9  # or there would be nothing to see

    seen = visits(ensemble, walker, temperature, samples, 12, seed=3)

    assert agree(expected, seen, samples) > UNLIKELY


def test_another_temperature_is_noticed(potential_of, alloy):
    """The test above can fail."""
    walker = CompiledWalker(alloy((3, 1, 1), Mo=2, Ta=2, W=2), potential_of("steerable"))
    expected = exact(Canonical(), walker, [0, 1, 2], 4000.0)

    seen = visits(Canonical(), walker, 4800.0, 2500, 12, seed=3)

    assert agree(expected, seen, 2500) < UNLIKELY


@pytest.mark.parametrize(
    "ensemble",
    [Canonical(), SemiGrand(chemical_potentials={"Mo": 0.02, "Ta": 0.0}), VCSGC(phis={"Ta": -0.8}, kappa=2.0)],
)
def test_any_calculator_is_walked_through_as_it_should(ordering, alloy, ensemble):
    walker = FullWalker(alloy((2, 1, 1), Mo=2, Ta=2), ordering, ("Mo", "Ta"))
    expected = exact(ensemble, walker, [0, 1], 900.0)
    samples = 400

    seen = visits(ensemble, walker, 900.0, samples, 5, seed=4)

    assert agree(expected, seen, samples) > UNLIKELY


def test_replicas_that_exchange_keep_their_ensembles(potential_of, alloy):
    from ase_voxpot import VoxPotCalculator
    from ase_voxpot.montecarlo.plan import Plan

    atoms = alloy((3, 1, 1), Mo=2, Ta=2, W=2)
    atoms.calc = VoxPotCalculator(potential_of("steerable"))
    temperatures = [2500.0, 4000.0]
    plan = Plan(temperatures=tuple(temperatures))
    replicas = [Replica(atoms, plan, np.random.default_rng(k)) for k in range(2)]
    common, tally, samples = np.random.default_rng(9), np.zeros((2, 1), np.int64), 2000
    seen = [{}, {}]
    for turn in range(samples):
        for k, replica in enumerate(replicas):
            replica.advance(12, temperatures[k], None)
        exchange(replicas, temperatures, 2 * turn, common, tally)
        for k, replica in enumerate(replicas):
            state = tuple(int(s) for s in replica.walker.species)
            seen[k][state] = seen[k].get(state, 0) + 1

    assert 0.1 < tally[1, 0] / tally[0, 0] < 0.95
    for k, temperature in enumerate(temperatures):
        expected = exact(Canonical(), replicas[k].walker, [0, 1, 2], temperature)
        assert agree(expected, seen[k], samples) > UNLIKELY
