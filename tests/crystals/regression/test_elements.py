from __future__ import annotations

import numpy as np
import pytest
from ase.data import atomic_numbers

from voxpot_crystals.regression.elements import FEATURES, HEAVIEST, element_features, valence


@pytest.mark.parametrize(
    ("symbol", "period", "group"),
    [("H", 1, 1), ("He", 1, 18), ("Be", 2, 2), ("C", 2, 14), ("Ar", 3, 18), ("Sc", 4, 3), ("Zn", 4, 12), ("Br", 4, 17),
     ("Mo", 5, 6), ("La", 6, 3), ("Lu", 6, 3), ("Hf", 6, 4), ("W", 6, 6), ("Pb", 6, 14), ("U", 7, 3)],
)  # fmt: skip
def test_periods_and_groups_are_those_of_the_table(symbol, period, group):
    assert valence(atomic_numbers[symbol])[:2] == (period, group)


def test_valence_electrons_are_what_the_noble_gas_lacks():
    for z in range(1, HEAVIEST + 1):
        before = max(n for n in (0, 2, 10, 18, 36, 54, 86) if n < z)
        assert sum(valence(z)[2:]) == z - before


def test_the_table_is_whole_and_of_order_one():
    table = element_features()

    assert table.shape == (HEAVIEST + 1, len(FEATURES))
    assert np.isfinite(table).all()
    assert (table >= 0).all()
    assert (table <= 1.05).all()
    assert len(np.unique(table[1:], axis=0)) == HEAVIEST, "no two elements are alike"


def test_electronegativities_stand_with_their_elements():
    scale = 4 * element_features()[:, FEATURES.index("electronegativity")]

    for symbol, value in {
        "H": 2.20,
        "O": 3.44,
        "F": 3.98,
        "Cs": 0.79,
        "Mo": 2.16,
        "W": 2.36,
        "Au": 2.54,
        "U": 1.38,
    }.items():
        assert scale[atomic_numbers[symbol]] == pytest.approx(value), symbol
    for symbol in ("He", "Ne", "Ar"):
        assert scale[atomic_numbers[symbol]] == 0
