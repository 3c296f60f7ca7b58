from __future__ import annotations

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.units import J, m

from ase_voxpot.physics.surfaces import surface_energy
from ase_voxpot.properties.cells import at_rest, element


@pytest.mark.parametrize(
    ("miller", "broken", "area"),
    [((1, 1, 1), 3, np.sqrt(3) / 4), ((1, 0, 0), 4, 1 / 2), ((1, 1, 0), 6, 1 / np.sqrt(2))],
)
def test_a_surface_costs_half_a_bond_for_each_that_is_cut(fcc, springs, miller, broken, area):
    found = surface_energy(fcc, springs, miller)

    expected = broken * 0.5 / 2 / (area * 4.0**2) / (J / m**2)
    assert found.unrelaxed == pytest.approx(expected, rel=1e-6)
    assert found.energy == pytest.approx(expected, rel=1e-6)


def test_the_dense_surface_of_copper_is_the_cheap_one():
    crystal = at_rest(element("Cu", "fcc"), EMT())

    dense, open_ = (surface_energy(crystal, EMT(), plane) for plane in ((1, 1, 1), (1, 0, 0)))

    assert 0 < dense.energy < open_.energy
    assert dense.energy <= dense.unrelaxed
