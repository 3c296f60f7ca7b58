from __future__ import annotations

import numpy as np
import pytest
from ase.calculators.emt import EMT
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot import VoxPotCalculator
from ase_voxpot.errors import ConfigError, DivergenceError, StructureError
from ase_voxpot.montecarlo.ensembles import Canonical, SemiGrand
from ase_voxpot.montecarlo.full import FullWalker, Relaxation
from ase_voxpot.montecarlo.local import LocalWalker
from ase_voxpot.montecarlo.walkers import Tally, terms_of
from tests.montecarlo.conftest import NearestPairs


def walked(walker, ensemble, trials, temperature=2000.0, seed=1):
    tally = Tally.of(len(walker.elements))
    terms = terms_of(ensemble, walker.elements, walker.species)
    walker.walk(trials, temperature, terms, np.random.default_rng(seed), tally)
    return tally


@pytest.mark.parametrize("ensemble", [Canonical(), SemiGrand(chemical_potentials={"Mo": 0.0, "Ta": 0.2, "W": 0.1})])
def test_full_energies_lead_the_same_way_as_local_ones(potential_of, crystal, ensemble):
    potential = potential_of("steerable")
    full = FullWalker(crystal, VoxPotCalculator(potential), potential.spec.species)
    local = LocalWalker(crystal, potential)

    walked(full, ensemble, 40)
    walked(local, ensemble, 40)

    assert_array_equal(full.species, local.species)
    assert_allclose(full.energy, local.energy, atol=1e-9)
    assert_array_equal(full.atoms().numbers, local.atoms().numbers)
    assert_allclose(full.atoms().positions, local.atoms().positions)


def test_a_trial_costs_one_evaluation(ordering, alloy):
    walker = FullWalker(alloy((2, 2, 1), Mo=4, Ta=4), ordering, ("Mo", "Ta"))
    before = ordering.calls

    tally = walked(walker, Canonical(), 30)

    assert ordering.calls - before <= 30
    assert tally.trials.sum() == 30


def test_the_structure_is_not_changed(ordering, alloy):
    atoms = alloy((2, 2, 1), Mo=4, Ta=4)
    kept = atoms.copy()
    walked(FullWalker(atoms, ordering, ("Mo", "Ta")), Canonical(), 30)

    assert atoms == kept


def test_relaxed_trials_end_in_minima(potential_of, crystal):
    """Every accepted configuration lies lower than with the atoms where they were."""
    crystal.symbols = ["Mo", "W"] * 4
    calculator = VoxPotCalculator(potential_of("steerable"))
    rigid = FullWalker(crystal, calculator, ("Mo", "W"))
    relaxed = FullWalker(crystal, calculator, ("Mo", "W"), Relaxation(steps=30, fmax=0.01))
    assert relaxed.energy < rigid.energy
    positions = relaxed.atoms().positions

    tally = walked(relaxed, Canonical(), 6, temperature=20000.0)

    assert tally.accepted.sum() > 0
    assert np.abs(relaxed.atoms().positions - positions).max() > 1e-3
    at_rest = FullWalker(relaxed.atoms(), calculator, ("Mo", "W"))
    assert_allclose(at_rest.energy, relaxed.energy, atol=1e-9)


def test_a_refused_relaxation_leaves_no_trace(potential_of, crystal):
    crystal.symbols = ["Mo", "W"] * 4
    walker = FullWalker(crystal, VoxPotCalculator(potential_of("steerable")), ("Mo", "W"), Relaxation(steps=5))
    before, energy = walker.atoms(), walker.energy
    walker.change((0, 1), (1, 0))
    walker.settle(accept=False)

    assert walker.atoms() == before
    assert walker.energy == energy


@pytest.mark.parametrize("options", [{"steps": 0}, {"fmax": 0.0}, {"fmax": np.nan}])
def test_relaxations_that_make_no_sense_are_refused(options):
    with pytest.raises(ConfigError, match="relaxation: expected one step or more"):
        Relaxation(**options)


def test_a_calculator_that_fails_is_a_sentence(alloy):
    with pytest.raises(StructureError, match="the calculator EMT gives no energy for the structure"):
        FullWalker(alloy((1, 1, 1), Mo=1, Ta=1), EMT(), ("Mo", "Ta"))


def test_an_energy_that_is_no_number_is_refused(alloy):
    atoms = alloy((2, 1, 1), Mo=2, Ta=2)
    nan = NearestPairs({("Mo", "Mo"): np.nan, ("Ta", "Ta"): np.nan, ("Mo", "Ta"): 0.0})
    atoms.symbols = ["Mo", "Ta", "Mo", "Ta"]  # no equal neighbours yet
    walker = FullWalker(atoms, nan, ("Mo", "Ta"))
    with pytest.raises(DivergenceError, match="the energy of a trial is nan"):
        walked(walker, Canonical(), 20)
    atoms.symbols = ["Mo", "Mo", "Ta", "Ta"]
    with pytest.raises(StructureError, match="says that the energy of the structure is nan"):
        FullWalker(atoms, nan, ("Mo", "Ta"))
