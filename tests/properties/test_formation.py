"""Formation energies against elements that are searched for by hand."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ase_voxpot.errors import ConfigError, UnknownElementError
from ase_voxpot.methods import Method
from ase_voxpot.properties.formation import elements_at_rest, formation_energy
from ase_voxpot.weights import save_potential
from tests.models import seeded, specification

METHOD = Method(text="motaw-fast")


def test_elements_are_at_the_lowest_point_of_their_energy_over_the_lattice_constant():
    found, calculator = elements_at_rest(METHOD), METHOD.make()

    assert set(found) == {"Mo", "Ta", "W"}
    for symbol, energy in found.items():
        edges = METHOD.card["lattice"]["bcc"][symbol] + np.linspace(-0.03, 0.03, 25)
        scan = [calculator.get_potential_energy(bulk(symbol, "bcc", a=edge)) for edge in edges]
        assert np.polynomial.Polynomial.fit(edges, scan, 4)(edges).min() == pytest.approx(energy, abs=2e-5)


def test_an_element_at_rest_has_none_and_a_compound_that_of_its_atoms():
    rest = {"Mo": -10.0, "Ta": -11.0}

    assert formation_energy(bulk("Mo").repeat(2), -80.0, rest) == 0.0
    assert formation_energy(Atoms("Mo2Ta", cell=np.eye(3), pbc=True), -31.9, rest) == pytest.approx(-0.3)
    with pytest.raises(UnknownElementError, match="expected the elements Mo, Ta, got W"):
        formation_energy(bulk("W"), -13.0, rest)


def test_a_potential_whose_card_names_no_lattice_is_refused(tmp_path):
    path = save_potential(seeded(specification("steerable")), tmp_path / "bare.safetensors")

    with pytest.raises(ConfigError, match="bare: expected a potential whose card names a lattice"):
        elements_at_rest(Method(text=str(path)))
