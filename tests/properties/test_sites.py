from __future__ import annotations

import numpy as np
import pytest
from ase.calculators.emt import EMT
from numpy.testing import assert_allclose

from ase_voxpot.errors import ConfigError
from ase_voxpot.properties.cells import at_rest, element
from ase_voxpot.properties.defects import vacancy
from ase_voxpot.properties.sites import alloy_potentials, element_potentials, mean_error, swaps, vacancies
from ase_voxpot.structures import random_alloy
from tests.properties.bonds import Bonds

UNLIKE = 0.1
"""eV, by which unlike nearest neighbours are bound more strongly."""


@pytest.fixture
def alloy(rng):
    return random_alloy("bcc:Mo3W", repeat=3, constant=3.2, rng=rng)


@pytest.fixture
def ideal():
    """Bonds at their length, so that nothing relaxes and energies are counts of bonds."""
    return Bonds(3.2 * np.sqrt(3) / 2, 3.2, stiffness=2.0, depth=0.5, unlike=UNLIKE)


def unlike_bonds(atoms):
    from ase.neighborlist import neighbor_list

    i, j = neighbor_list("ij", atoms, 2.9)
    return int((atoms.numbers[i] != atoms.numbers[j]).sum()) // 2


def test_a_swap_costs_the_unlike_bonds_that_are_lost(alloy, ideal, rng):
    found = swaps(alloy, ideal, rng, samples=6)

    for (i, j), energy in zip(found.pairs, found.energies, strict=True):
        other = alloy.copy()
        other.symbols[[i, j]] = other.symbols[[j, i]]
        assert energy == pytest.approx(UNLIKE * (unlike_bonds(alloy) - unlike_bonds(other)), abs=1e-6)
    assert found.near == [True] * 6 + [False] * 6
    distances = [alloy.get_distance(i, j, mic=True) for i, j in found.pairs]
    assert max(distances[:6]) < 2.8 < min(distances[6:])
    assert set(found.species) == {"MoW"}


def test_a_vacancy_costs_its_bonds_less_what_its_atom_is_worth(alloy, ideal, rng):
    found = vacancies(alloy, ideal, rng, samples=4)
    values = found.formation({"Mo": -3.0, "W": -5.0})

    for site, energy in zip(found.sites, values, strict=True):
        rest = alloy.copy()
        del rest[site]
        bonds = 14 * 0.5 + UNLIKE * (unlike_bonds(alloy) - unlike_bonds(rest))
        assert energy == pytest.approx(bonds + {"Mo": -3.0, "W": -5.0}[str(alloy.symbols[site])], abs=1e-6)
    assert found.species == ["Mo"] * 4 + ["W"] * 4
    assert len(set(found.sites)) == 8


def test_in_an_element_it_is_the_vacancy_of_the_bench(rng):
    crystal = at_rest(element("Cu", "fcc"), EMT()).repeat(2)

    found = vacancies(crystal, EMT(), rng, samples=1)

    expected = vacancy(crystal, EMT(), index=found.sites[0]).formation
    assert found.formation(element_potentials(["Cu"], EMT()))[0] == pytest.approx(expected, abs=2e-3)


def test_potentials_of_the_alloy_add_up_to_its_energy(alloy, ideal, rng):
    found = alloy_potentials(alloy, ideal, rng, samples=8)

    alloy.calc = ideal
    total = sum(found[s] for s in alloy.symbols)
    assert total == pytest.approx(alloy.get_potential_energy(), abs=1e-6)
    # of ideal mixtures the rarer element is worth more, as it has more unlike neighbours
    assert found["W"] < found["Mo"]


def test_without_chemistry_potentials_are_the_same(alloy, two_shells, rng):
    found = alloy_potentials(alloy, two_shells, rng, samples=2)

    assert_allclose(list(found.values()), -7 * 0.5, atol=1e-6)


def test_one_element_has_nothing_to_exchange(bcc, two_shells, rng):
    with pytest.raises(ConfigError, match="at least two elements, got W alone"):
        swaps(bcc.repeat(3), two_shells, rng)


def test_an_element_without_a_crystal_has_no_potential():
    with pytest.raises(ConfigError, match="no reference crystal of Ga"):
        element_potentials(["Ga"], EMT())


def test_mean_and_error():
    assert mean_error([1.0, 2.0, 3.0]) == (2.0, pytest.approx(1 / np.sqrt(3)))
    assert mean_error([4.0]) == (4.0, None)
