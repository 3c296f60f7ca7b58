from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from ase_voxpot.errors import DataError
from tests.training.regression.conftest import perovskite
from voxpot_training.regression.grouping import folds, held_out, labels_of_groups


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
