"""The potential behind mchammer's interface: changes are differences of total energies, whatever came before."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ase_voxpot import extras
from ase_voxpot.errors import ConfigError, DivergenceError, MissingPackageError
from ase_voxpot.mchammer import MchammerCalculator
from ase_voxpot.structures import random_alloy

without = find_spec("mchammer") is None
needs_mchammer = pytest.mark.skipif(without, reason="needs mchammer (pip install icet)")
ALL = ("Mo", "Ta", "W")
NEAR = {"rtol": 0, "atol": 1e-9}


@pytest.fixture
def potential(potential_of):
    return potential_of("steerable")


@pytest.fixture
def alloy(rng):
    return random_alloy("bcc:MoTaW", repeat=3, rng=rng)


@pytest.fixture
def calculator(alloy, potential):
    return MchammerCalculator(alloy, potential, ALL)


def whole(potential, alloy, numbers):
    atoms = alloy.copy()
    atoms.numbers = numbers
    return potential.evaluate(atoms).energy


@pytest.mark.skipif(not without, reason="needs a machine without mchammer")
def test_without_mchammer_the_remedy_is_named(alloy, potential):
    with pytest.raises(MissingPackageError, match=r'which is not installed: pip install "ase-voxpot\[mchammer\]"'):
        MchammerCalculator(alloy, potential, ALL)


def test_an_older_mchammer_is_refused_with_the_range(alloy, potential, monkeypatch):
    monkeypatch.setitem(sys.modules, "mchammer", ModuleType("mchammer"))
    monkeypatch.setattr(extras, "fitting", lambda _: ">=4.0")
    monkeypatch.setattr(extras.metadata, "version", {"icet": "3.2"}.__getitem__)

    with pytest.raises(MissingPackageError, match=r"MchammerCalculator needs icet >=4\.0, got 3\.2: pip install"):
        MchammerCalculator(alloy, potential, ALL)


def test_mchammer_is_loaded_by_nobody_else():
    code = "import ase_voxpot.calculator, ase_voxpot.cli, sys; print('mchammer' in sys.modules, 'icet' in sys.modules)"

    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    assert out == "False False\n"


@needs_mchammer
@pytest.mark.parametrize("count", [1, 2, 5])
def test_changes_are_differences_of_total_energies(calculator, potential, alloy, rng, count):
    """Kept or not, computed before or not: the present occupations are those that were told."""
    numbers = alloy.numbers.copy()
    for step in range(6):
        sites = rng.choice(len(alloy), count, replace=False).tolist()
        new = rng.choice([42, 73, 74], count).tolist()
        trial = numbers.copy()
        trial[sites] = new
        if step % 3 != 2:
            change = calculator.calculate_change(sites=sites, current_occupations=numbers, new_site_occupations=new)
            assert_allclose(change, whole(potential, alloy, trial) - whole(potential, alloy, numbers), **NEAR)
        if step % 2 == 0:
            calculator.accept_change(sites=sites, species=new)
            numbers = trial
        assert_allclose(calculator.calculate_total(occupations=numbers), whole(potential, alloy, numbers), **NEAR)


@needs_mchammer
def test_totals_of_other_occupations_leave_the_present_ones(calculator, potential, alloy):
    other = np.roll(alloy.numbers, 1)

    assert_allclose(calculator.calculate_total(occupations=other), whole(potential, alloy, other), **NEAR)
    assert_allclose(
        calculator.calculate_total(occupations=alloy.numbers), whole(potential, alloy, alloy.numbers), **NEAR
    )
    calculator.set_occupations(other)
    change = calculator.calculate_change(sites=[0], current_occupations=other, new_site_occupations=[42])
    after = np.concatenate([[42], other[1:]])
    assert_allclose(change, whole(potential, alloy, after) - whole(potential, alloy, other), **NEAR)


@needs_mchammer
def test_nothing_costs_nothing(calculator, alloy):
    calculator.calculate_change(sites=[0], current_occupations=alloy.numbers, new_site_occupations=[42])

    assert calculator.calculate_change(sites=[], current_occupations=alloy.numbers, new_site_occupations=[]) == 0.0
    calculator.accept_change(sites=[], species=[])
    assert (calculator._walker.atoms().numbers == alloy.numbers).all()


@needs_mchammer
@pytest.mark.parametrize("name", ["CanonicalEnsemble", "SemiGrandCanonicalEnsemble", "VCSGCEnsemble"])
def test_ensembles_run(calculator, potential, alloy, name):
    from mchammer import ensembles

    terms = {
        "CanonicalEnsemble": {},
        "SemiGrandCanonicalEnsemble": {"chemical_potentials": {"Mo": 0.0, "Ta": 0.2, "W": 0.1}},
        "VCSGCEnsemble": {"phis": {"Mo": -0.6, "Ta": -0.8}, "kappa": 5.0},
    }[name]
    ensemble = getattr(ensembles, name)(alloy, calculator, temperature=3000, random_seed=3, **terms)

    ensemble.run(200)

    numbers = ensemble.structure.numbers
    assert (numbers != alloy.numbers).any()
    assert_allclose(calculator.calculate_total(occupations=numbers), whole(potential, alloy, numbers), **NEAR)


@needs_mchammer
def test_sites_have_the_elements_that_they_may_have(alloy, potential):
    species = [["Mo", "Ta"] if symbol == "Mo" else ["W"] for symbol in alloy.symbols]
    alloy.symbols = ["Mo" if len(some) == 2 else "W" for some in species]

    calculator = MchammerCalculator(alloy, potential, species)

    active = {i for part in calculator.sublattices.active_sublattices for i in part.indices}
    assert active == set(np.flatnonzero(alloy.symbols == "Mo"))


@needs_mchammer
@pytest.mark.parametrize("species", [("Mo", "Xe"), [["Mo"], ["W"]]])
def test_sites_that_do_not_fit_are_refused(alloy, potential, species):
    with pytest.raises(ConfigError, match=r"expected some of .*, got (Xe|2 sites)"):
        MchammerCalculator(alloy, potential, species)


@needs_mchammer
def test_an_energy_that_is_no_number_ends_the_run(calculator, alloy, monkeypatch):
    monkeypatch.setattr(calculator._walker, "change", lambda sites, kinds: np.nan)

    with pytest.raises(DivergenceError, match="the energy of a trial is nan"):
        calculator.calculate_change(sites=[0], current_occupations=alloy.numbers, new_site_occupations=[42])
