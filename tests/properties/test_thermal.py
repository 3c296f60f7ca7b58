from __future__ import annotations

import numpy as np
import pytest
from ase.calculators.emt import EMT

from ase_voxpot.errors import DivergenceError
from ase_voxpot.properties import thermal
from ase_voxpot.properties.cells import element


@pytest.fixture(scope="module")
def copper():
    return thermal.thermal_expansion(element("Cu", "fcc"), EMT(), highest=600, width=8.0)


def test_copper_expands_as_much_as_effective_medium_theory_has_it(copper):
    assert copper.at(300) == pytest.approx(16.5e-6, rel=0.35)  # experiment: 16.5e-6/K


def test_nothing_expands_at_zero_kelvin(copper):
    assert abs(copper.expansion[0]) < 1e-6
    assert (np.diff(copper.volumes) >= -1e-9).all()
    assert copper.volumes[0] > 3.59**3 / 4  # zero-point motion


def test_progress_is_told():
    seen = []
    thermal.thermal_expansion(element("Cu", "fcc"), EMT(), highest=100, width=5.0, observe=seen.append)

    assert seen == list(range(1, len(thermal.VOLUMES) + 1))


def test_a_lattice_that_is_not_stable_is_refused():
    with pytest.raises(DivergenceError, match="imaginary frequencies"):
        thermal.thermal_expansion(element("Cu", "bcc"), EMT(), highest=100, width=8.0)


def test_the_top_of_a_free_energy_is_not_its_bottom():
    volumes = np.linspace(15, 17, 6)
    hill = -((volumes - 16) ** 2) + 0.02 * (volumes - 16) ** 3

    with pytest.raises(DivergenceError, match="no minimum between the volumes tried"):
        thermal._lowest(volumes, hill)
    assert thermal._lowest(volumes, -hill) == pytest.approx(16)
