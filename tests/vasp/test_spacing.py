from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from ase_voxpot.vasp.fortran import Overflow, numbers
from ase_voxpot.vasp.spacing import equal_stretches
from ase_voxpot.vasp.words import ranges


@pytest.mark.parametrize(
    ("marks", "gap", "starts"),
    [
        ([5], None, (0,)),
        ([1, 2, 3], 1, (0,)),
        ([0.0, 0.5, 1.0, 1.5], 0.5, (0,)),
        ([1, 2, 3, 10], 1, (0, 3)),
        ([1, 11, 12, 22, 32, 42], 10, (0, 2)),
        ([1, 2, 1, 2, 3], 1, (0, 2)),
        ([3, 3, 3], None, (0, 1, 2)),
        ([1, 4, 6, 7], 1, (0, 1, 2)),
        (np.cumsum([0.1] * 30), 0.1, (0,)),  # equal but for rounding
    ],
)
def test_stretches(marks, gap, starts):
    found, begun = equal_stretches(np.array(marks, float))

    assert found == (None if gap is None else pytest.approx(gap))
    assert begun == starts


def test_breaks_are_kept():
    assert equal_stretches(np.arange(6.0), breaks=[3]) == (1.0, (0, 3))


@given(steps=st.lists(st.integers(1, 12), min_size=1, max_size=40))
def test_within_a_stretch_all_gaps_are_the_same(steps):
    marks = np.cumsum(steps).astype(float)

    gap, starts = equal_stretches(marks)

    stops = (*starts[1:], len(marks))
    gaps = [np.diff(marks[a:b]) for a, b in zip(starts, stops, strict=True)]
    assert all((g == gap).all() for g in gaps if len(g))
    assert starts[0] == 0
    longest = max(b - a for a, b in zip(starts, stops, strict=True))
    equal = max((len(g) + 1 for value in set(steps) for g in _runs(np.diff(marks), value)), default=1)
    assert longest == equal


def _runs(gaps, value):
    """Stretches of gaps with one value."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], gaps == value, [0]]).astype(int)))
    return [gaps[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]


def test_ranges_are_short():
    assert ranges([1, 2, 3, 5, 6, 9]) == "1-3, 5, 6, 9"
    assert len(ranges(list(range(0, 1000, 3)))) < 60


@given(st.lists(st.floats(-999, 9999), min_size=1, max_size=6), st.integers(1, 8))
def test_numbers_in_columns_that_are_just_wide_enough(values, decimals):
    texts = [f"{v:.{decimals}f}" for v in values]

    found = numbers("".join(texts), len(texts))

    np.testing.assert_allclose(found, [float(t) for t in texts])


@pytest.mark.parametrize("line", ["1.0 2.0 ***", "1.0********", "1.0 2.0**** 3.0"])
def test_stars_are_told_from_what_is_no_number(line):
    with pytest.raises(Overflow):
        numbers(line, 3)
    assert numbers("1.0 2.0 3.0 ****", 3) == [1, 2, 3]
    with pytest.raises(ValueError, match="abc") as caught:
        numbers("1.0 abc 3.0", 3)
    assert not isinstance(caught.value, Overflow)


@pytest.mark.parametrize(("line", "value"), [("0.125D+02", 12.5), ("-.5E+00", -0.5), ("1.0D0", 1.0)])
def test_exponents_of_fortran(line, value):
    assert numbers(line) == [value]
