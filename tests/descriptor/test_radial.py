"""The fade at the cutoff and the shells."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.descriptor.radial import fade, radial_functions
from tests import laws

CUTOFF = 4.5


def test_the_fade_has_two_vanishing_derivatives_at_the_cutoff():
    h = np.array([1e-3])

    assert_allclose(fade(CUTOFF - h, CUTOFF) / fade(CUTOFF - 2 * h, CUTOFF), 1 / 8, rtol=1e-2)
    assert_array_equal(fade(CUTOFF + h, CUTOFF), 0)


def test_the_first_shell_is_the_fade(rng):
    r = rng.uniform(0, 1.1 * CUTOFF, size=50)

    assert_allclose(radial_functions(r, CUTOFF, 3)[0][:, 0], fade(r, CUTOFF), rtol=1e-14)


def test_shells_are_cosines_under_the_fade():
    """At half the cutoff: fade (3/4)³, cosines 1, 0, -1, 0."""
    weight = radial_functions(np.array([CUTOFF / 2]), CUTOFF, 4)[0][0]

    assert_allclose(weight, 0.75**3 * np.array([1, 0, -1, 0]), atol=1e-15)


def test_a_lift_brightens_what_is_far(rng):
    r = rng.uniform(0, CUTOFF, size=50)
    plain, lifted = radial_functions(r, CUTOFF, 3)[0], radial_functions(r, CUTOFF, 3, 1.6)[0]

    assert_allclose(lifted, plain * np.exp(r**2 / (2 * 1.6**2))[:, None], rtol=1e-13)


@pytest.mark.parametrize("lift", [None, 1.6])
def test_slopes_are_central_differences(lift):
    r = np.linspace(0.1, 1.1 * CUTOFF, 60)

    numeric = laws.difference(lambda h: radial_functions(r + h, CUTOFF, 8, lift)[0], 1e-4)

    laws.close(radial_functions(r, CUTOFF, 8, lift)[1], numeric, 1e-8)
