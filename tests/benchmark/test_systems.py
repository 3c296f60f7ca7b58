from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose

from ase_voxpot.benchmark.systems import edges, make_system
from ase_voxpot.errors import ConfigError


@given(st.integers(54, 5_000_000))
def test_sizes_are_near_and_multiples_of_a_tile(atoms):
    edge, tile = edges(atoms)

    assert edge % tile == 0
    assert 3 <= tile <= 5
    assert abs(edge - (atoms / 2) ** (1 / 3)) <= 1.5


@pytest.mark.parametrize(("atoms", "found"), [(54, 54), (128, 128), (2000, 2000), (16000, 16000), (250_000, 250_000)])
def test_the_usual_sizes_are_met(atoms, found):
    assert 2 * edges(atoms)[0] ** 3 == found


def test_less_than_a_tile_is_refused():
    with pytest.raises(ConfigError, match="atoms: expected at least 54, got 53"):
        edges(53)


def test_a_moved_system_is_still_a_multiple_of_its_tile():
    system = make_system(432, ("Mo", "Ta", "W"), seed=3)
    whole, other = system.whole(), system.whole()
    before = whole.positions.copy()

    system.move(whole, other)

    assert len(whole) == len(system) == 432
    assert np.abs(whole.positions - before).max() > 1e-3
    assert_allclose(whole.positions, system.whole().positions, atol=1e-12)
    assert_allclose(other.positions, whole.positions)
    assert (whole.symbols == system.whole().symbols).all()


def test_the_seed_decides():
    one, same, other = (make_system(54, ("Mo", "W"), seed=s).whole() for s in (1, 1, 2))

    assert one == same
    assert one != other
