from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from ase_voxpot.errors import DataError
from tests.crystals.regression.conftest import perovskite
from voxpot_crystals.regression.grouping import folds, held_out, labels_of_groups, with_support


@pytest.mark.parametrize("by", ["row", "formula", "pair", "element"])
def test_every_crystal_is_on_one_side(perovskites, by, rng):
    kept, held = held_out(perovskites, by, 0.2, rng)

    assert sorted([*kept, *held]) == list(range(len(perovskites)))
    assert 0.1 < len(held) / len(perovskites) < 0.5


@pytest.mark.parametrize("by", ["formula", "pair"])
def test_groups_are_not_torn(perovskites, by, rng):
    doubled = perovskites + [a.copy() for a in perovskites]
    names = np.array(labels_of_groups(doubled, by))

    kept, held = held_out(doubled, by, 0.3, rng)

    assert not set(names[kept]) & set(names[held])


def test_elements_that_are_left_out_were_never_seen(perovskites, rng):
    kept, held = held_out(perovskites, "element", 0.2, rng)

    seen = {s for k in kept for s in perovskites[k].get_chemical_symbols()}
    assert all(set(perovskites[k].get_chemical_symbols()) - seen for k in held)
    assert "O" in seen


def test_a_pair_is_ordered_and_a_formula_is_not(rng):
    atoms = [perovskite("La", "Y"), perovskite("Y", "La")]

    assert len(set(labels_of_groups(atoms, "pair"))) == 2
    assert len(set(labels_of_groups(atoms, "formula"))) == 1


def test_folds_leave_every_crystal_out_once(perovskites, rng):
    doubled = perovskites + [a.copy() for a in perovskites]

    sides = folds(doubled, "pair", 4, rng)

    left = np.concatenate([side[1] for side in sides])
    assert sorted(left) == list(range(len(doubled)))
    half = len(perovskites)
    for kept, away in sides:
        assert not set(kept) & set(away)
        assert {k % half for k in away}.isdisjoint({k % half for k in kept})


def test_one_group_cannot_be_split(rng):
    with pytest.raises(DataError, match="both sides"):
        held_out([bulk("W")] * 12, "formula", 0.2, rng)
    with pytest.raises(DataError, match="members"):
        folds([bulk("W")] * 12, "formula", 3, rng)


def test_support_goes_where_its_relatives_are_not_held_out(perovskites):
    atoms = [*perovskites[:6], perovskites[0], perovskites[7]]
    support = np.arange(8) >= 6

    by_pair = with_support(atoms, support, np.arange(1, 6), np.array([0]), "pair")
    by_row = with_support(atoms, support, np.arange(1, 6), np.array([0]), "row")

    assert by_pair.tolist() == [1, 2, 3, 4, 5, 7]
    assert by_row.tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_nothing_is_held_out_without_a_share(perovskites):
    kept, held = held_out(perovskites, "pair", 0.0, np.random.default_rng(0))

    assert len(kept) == len(perovskites)
    assert len(held) == 0
