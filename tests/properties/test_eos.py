from __future__ import annotations

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.units import GPa
from numpy.testing import assert_allclose

from ase_voxpot.errors import ConfigError, DivergenceError
from ase_voxpot.properties.cells import element, scaled
from ase_voxpot.properties.eos import equation_of_state


def test_springs_have_the_volume_and_stiffness_that_algebra_gives(fcc, springs):
    curve = equation_of_state(fcc, springs)

    assert curve.volume == pytest.approx(4.0**3 / 4, rel=1e-3)
    assert curve.energy == pytest.approx(-6 * 0.5, abs=1e-3)
    assert curve.bulk_modulus == pytest.approx(4 * 2.0 / (3 * 4.0) / GPa, rel=1e-2)


def test_the_derivative_is_that_of_the_curve(fcc, springs):
    # E = 3k (r - r₀)² with r ∝ V^(1/3) gives B' = -1 + ... = 1 at the minimum
    assert equation_of_state(fcc, springs, span=0.02).derivative == pytest.approx(1.0, abs=0.05)


def test_effective_medium_copper_is_copper():
    curve = equation_of_state(element("Cu", "fcc"), EMT())

    assert (4 * curve.volume) ** (1 / 3) == pytest.approx(3.59, abs=0.02)
    assert curve.bulk_modulus == pytest.approx(134, rel=0.05)


def test_pressures_are_slopes_of_the_energy_and_of_the_fit():
    curve = equation_of_state(element("Cu", "fcc"), EMT(), span=0.03, points=13)

    inner = curve.volumes[1:-1]
    step = np.diff(curve.volumes).mean()
    numeric = -(curve.energies[2:] - curve.energies[:-2]) / (2 * step) / GPa
    assert_allclose(curve.pressures[1:-1], numeric, atol=0.05)
    assert_allclose(curve.pressures, curve.fitted_pressure(curve.volumes), atol=0.15)
    slope = -(curve.fitted_energy(inner + 1e-4) - curve.fitted_energy(inner - 1e-4)) / 2e-4 / GPa
    assert_allclose(curve.fitted_pressure(inner), slope, atol=1e-5)
    assert curve.residual < 0.05


def test_every_volume_is_told_of(fcc, springs):
    seen = []
    equation_of_state(fcc, springs, points=5, observe=lambda: seen.append(1))
    assert len(seen) == 5


@pytest.mark.parametrize("options", [{"points": 4}, {"span": 0.0}, {"span": 0.5}])
def test_a_fit_without_enough_volumes_is_refused(fcc, springs, options):
    with pytest.raises(ConfigError, match="at least five volumes within 30 %"):
        equation_of_state(fcc, springs, **options)


def test_a_shape_that_is_not_at_rest_shows_in_stresses_beside_the_pressure(fcc, springs):
    strained = fcc.copy()
    strained.set_cell([4.1, 4.0, 3.9], scale_atoms=True)

    assert equation_of_state(fcc, springs).uneven < 1e-3
    assert equation_of_state(strained, springs).uneven > 1


def test_a_minimum_beyond_the_volumes_is_an_error(fcc, springs, monkeypatch):
    monkeypatch.setattr("ase_voxpot.properties.eos.at_rest", lambda crystal, calculator: scaled(crystal, 1.03))

    with pytest.raises(DivergenceError, match=r"minimum at 15.98 Å³/atom, beyond the volumes tried \(16\.\d\d to"):
        equation_of_state(fcc, springs, span=0.05)
