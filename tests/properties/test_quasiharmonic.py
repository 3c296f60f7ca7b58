from __future__ import annotations

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.units import GPa
from numpy.testing import assert_allclose

from ase_voxpot.errors import ConfigError, DivergenceError
from ase_voxpot.properties import quasiharmonic, thermal
from ase_voxpot.properties.cells import at_rest, element
from ase_voxpot.properties.eos import equation_of_state


@pytest.fixture(scope="module")
def copper():
    rest = at_rest(element("Cu", "fcc"), EMT())
    return quasiharmonic.quasi_harmonic(rest, EMT(), highest=600, width=7.0)


def test_two_ways_to_expansion_agree(copper):
    other = thermal.thermal_expansion(element("Cu", "fcc"), EMT(), highest=600, width=7.0)

    for temperature in (100, 300, 600):
        assert copper.at(temperature) == pytest.approx(other.at(temperature), rel=0.05)
    assert_allclose(copper.volumes[:20], other.volumes[:20], rtol=2e-4)


def test_stiffness_at_zero_kelvin_is_near_that_of_the_static_crystal(copper):
    static = equation_of_state(element("Cu", "fcc"), EMT())

    assert copper.bulk_modulus[0] == pytest.approx(static.bulk_modulus, rel=0.05)
    assert (np.diff(copper.bulk_modulus) < 0).all()
    assert copper.volumes[0] > static.volume  # zero-point motion


def test_heats_differ_by_expansion_and_stiffness(copper):
    from ase.units import kB

    k = 16  # 400 K
    kelvin, volume, modulus = copper.temperatures[k], copper.volumes[k], copper.bulk_modulus[k] * GPa
    difference = kelvin * volume * modulus * (3 * copper.expansion[k]) ** 2 / kB

    assert 2.8 + difference < copper.capacity[k] < 3 + difference


def test_progress_is_told():
    seen = []
    rest = at_rest(element("Cu", "fcc"), EMT())
    quasiharmonic.quasi_harmonic(rest, EMT(), highest=100, width=5.0, observe=seen.append)

    assert seen == list(range(1, len(quasiharmonic.VOLUMES) + 1))


def test_a_lattice_that_is_not_stable_is_refused():
    with pytest.raises(DivergenceError, match="imaginary frequencies"):
        quasiharmonic.quasi_harmonic(at_rest(element("Cu", "bcc"), EMT()), EMT(), highest=100, width=7.0)


@pytest.mark.parametrize("options", [{"highest": 2e4}, {"step": 0.0}, {"highest": 10, "step": 25}])
def test_temperatures_that_make_no_sense_are_refused(options):
    with pytest.raises(ConfigError, match="temperature: expected"):
        quasiharmonic.quasi_harmonic(element("Cu", "fcc"), EMT(), **options)


def test_too_hot_for_the_volumes_is_said():
    rest = at_rest(element("Cu", "fcc"), EMT())

    with pytest.raises(DivergenceError, match="no minimum between the volumes"):
        quasiharmonic.quasi_harmonic(rest, EMT(), highest=5000, step=500, width=5.0)
