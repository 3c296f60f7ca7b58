from __future__ import annotations

import pytest
from ase.calculators.emt import EMT

from ase_voxpot.calculator import VoxPotCalculator
from ase_voxpot.errors import ConfigError
from ase_voxpot.properties.cells import at_rest, element, wide
from ase_voxpot.properties.defects import interstitial, vacancy, vacancy_migration


def test_a_vacancy_in_a_crystal_of_pairs_costs_the_cohesive_energy(fcc, springs):
    found = vacancy(wide(fcc), springs)

    assert found.unrelaxed == pytest.approx(6 * 0.5)
    assert found.formation == pytest.approx(found.unrelaxed)  # no bond is strained


def test_which_atom_goes_missing_does_not_matter(fcc, springs):
    assert vacancy(wide(fcc), springs, index=17).formation == pytest.approx(3.0)


def test_effective_medium_copper_has_the_vacancy_of_copper():
    found = vacancy(at_rest(element("Cu", "fcc"), EMT()).repeat(3), EMT())  # experiment: 1.28 eV

    assert 1.0 < found.formation < found.unrelaxed < 1.5


def test_a_vacancy_of_copper_moves_over_a_symmetric_barrier():
    found = vacancy_migration(at_rest(element("Cu", "fcc"), EMT()).repeat(2), EMT(), images=3)  # experiment: 0.70 eV

    assert 0.5 < found.barrier < 0.9
    assert found.energies[0] == 0
    assert found.energies[-1] == pytest.approx(0, abs=2e-3)
    assert found.energies[1] == pytest.approx(found.energies[3], abs=0.02)
    assert found.energies.argmax() == 2


def test_interstitials_of_tungsten_lie_along_its_diagonal():
    calculator = VoxPotCalculator("motaw", device="cpu")
    crystal = at_rest(element("W"), calculator)

    energies = {kind: interstitial(crystal, calculator, kind, repeat=3) for kind in ("111", "100", "octahedral")}

    assert energies["111"] < energies["100"] < energies["octahedral"] + 1
    assert 8 < energies["111"] < 13  # PBE: 10.3 eV


def test_an_unknown_interstitial_is_refused(bcc, two_shells):
    with pytest.raises(ConfigError, match="expected the bcc cell of two atoms and one of 111"):
        interstitial(bcc, two_shells, "sideways")
    with pytest.raises(ConfigError, match="got 54 atoms"):
        interstitial(bcc.repeat(3), two_shells, "111")
