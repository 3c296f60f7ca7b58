from __future__ import annotations

import pytest
from ase.calculators.emt import EMT
from ase.units import GPa

from ase_voxpot.workflows.cells import element
from ase_voxpot.workflows.eos import equation_of_state


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
