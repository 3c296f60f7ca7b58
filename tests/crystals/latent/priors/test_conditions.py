from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, strategies as st
from numpy.testing import assert_allclose

from ase_voxpot.errors import ConfigError, DataError, SpecError
from voxpot_crystals.latent.priors import Conditions
from voxpot_crystals.latent.priors.conditions import quantity_of

CRYSTALS = [
    bulk("NaCl", "rocksalt", a=5.4),
    bulk("NaCl", "rocksalt", a=5.4, cubic=True),
    bulk("KCl", "cesiumchloride", a=3.8),
    bulk("K", "bcc", a=5.3),
]
ENERGY = np.array([-2.0, -2.1, np.nan, 0.0])
KNOWN = Conditions.seen_in(CRYSTALS, measures=("atoms", "volume_per_atom"), values={"energy": (ENERGY, "eV/atom")})


def test_a_table_has_what_crystals_show_and_what_is_told():
    assert KNOWN.elements == ("Na", "Cl", "K")
    assert KNOWN.most == 2

    rows = KNOWN.table(CRYSTALS, {"energy": ENERGY})

    assert_allclose(rows[:, 0], [2, 8, 2, 1])
    assert_allclose(rows[:, 1], [5.4**3 / 8, 5.4**3 / 8, 3.8**3 / 2, 5.3**3 / 2])
    assert_allclose(rows[:, 2], ENERGY)
    assert rows[:, 3:].tolist() == [[1, 1, 0], [1, 1, 0], [0, 1, 1], [0, 0, 1]]
    assert np.isnan(KNOWN.table(CRYSTALS)[:, 2]).all()


def test_texts_become_rows():
    nan = np.nan
    assert_allclose(KNOWN.parse([]), np.full(6, nan))
    assert_allclose(KNOWN.parse(["energy=-1.5"]), [nan, nan, -1.5, nan, nan, nan])
    assert_allclose(KNOWN.parse([" atoms = 4 ", "elements=K,Cl"]), [4, nan, nan, 0, 1, 1])
    assert_allclose(KNOWN.parse(["contains=Cl"]), [nan, nan, nan, nan, 1, nan])


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["energy=0.5"], r"energy: expected a number from -2.1 to 0 eV/atom.*got 0.5"),
        (["energy=nan"], "got nan"),
        (["energy="], "got nothing"),
        (["atoms=2.5"], "whole number from 1 to 8.*got 2.5"),
        (["atoms=9"], "got 9"),
        (["colour=3"], "name of atoms, volume_per_atom, energy, elements, contains; got 'colour=3'"),
        (["atoms"], "NAME=VALUE"),
        (["elements=Na,W"], "expected some of Na,Cl,K; got W"),
        (["elements="], "got none"),
        (["contains=Na,K,Cl"], "up to 2 elements.*got 3"),
        (["atoms=2", "atoms=2"], "expected once"),
        (["elements=Na", "contains=Na"], "expected once"),
    ],
)
def test_what_the_training_crystals_do_not_reach_is_refused(texts, message):
    with pytest.raises(ConfigError, match=message):
        KNOWN.parse(texts)


def test_without_conditions_nothing_can_be_asked():
    assert Conditions().parse([]).shape == (0,)
    with pytest.raises(ConfigError, match="knows of no condition"):
        Conditions().parse(["atoms=2"])


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_ends_of_ranges_can_be_asked_for_as_they_are_printed(a, b):
    quantity = quantity_of("x", np.array([a, np.nan, b]))

    assert quantity.low <= min(a, b) <= max(a, b) <= quantity.high
    for end in (quantity.low, quantity.high):
        assert quantity.check(f"{end:g}") == pytest.approx(end)


def test_ranges_that_are_none_are_refused():
    with pytest.raises(DataError, match="energy is known, got none"):
        quantity_of("energy", np.array([np.nan]))
    with pytest.raises(SpecError, match="range"):
        type(KNOWN.quantities[0])(name="x", low=1, high=0)


def test_rows_forget_parts_and_invent_nothing(rng):
    rows = np.tile(KNOWN.table(CRYSTALS, {"energy": ENERGY}), (500, 1))
    before = rows.copy()

    told = KNOWN.forgetful(rows, rng)

    assert_allclose(rows, before)
    known = ~np.isnan(told)
    assert_allclose(told[known], rows[known])
    assert 0.1 < (~known).all(1).mean() < 0.4, "sometimes nothing is left"
    assert known[:, :2].all(1).mean() > 0.2, "sometimes all of it"
    flags = told[:, 3:]
    some = np.isnan(flags).any(1) & ~np.isnan(flags).all(1)
    assert some.any()
    assert not (flags[some] == 0).any(), "those that only say some elements do not say what is absent"


def test_what_came_is_compared_with_what_was_asked():
    asked = KNOWN.parse(["atoms=2", "elements=Na,Cl", "energy=-1"])

    kept = KNOWN.kept(asked, CRYSTALS)

    assert kept["atoms"] == {"asked": 2.0, "mean": 3.25, "deviation": pytest.approx(np.std([2, 8, 2, 1]))}
    assert kept["energy"] == {"asked": -1.0, "mean": None, "deviation": None}
    assert kept["elements"] == {"asked": "Na,Cl", "share": 0.5}
    assert KNOWN.kept(KNOWN.parse(["contains=Cl"]), CRYSTALS)["contains"]["share"] == 0.75
    assert KNOWN.kept(KNOWN.parse(["contains=Cl"]), [])["contains"]["share"] is None
