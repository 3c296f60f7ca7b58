"""Frames that belong together stay on one side."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings, strategies as st

from ase_voxpot.errors import ConfigError
from voxpot_training.config import BlockRule, SplitConfig
from voxpot_training.splits import Split, split_frames

RULES = (
    BlockRule(group="_MD$", name=r"^(?P<run>.*)-(?P<index>\d+)$"),
    BlockRule(group="_SS$", name=r"(?P<decoration>\d+)$"),
)


def frame(group: str, note: str, seed: int) -> Atoms:
    atoms = bulk("W", "bcc", a=3.2, cubic=True)
    atoms.rattle(0.1, rng=np.random.default_rng(seed))
    atoms.info.update(config_type=group, note=note)
    return atoms


def sides(split: Split) -> dict[int, str]:
    return {row: side for side in split.__slots__ for row in getattr(split, side)}


@settings(deadline=None, max_examples=20)
@given(runs=st.integers(1, 4), length=st.integers(4, 60), gap=st.integers(0, 3), seed=st.integers(0, 5))
def test_a_run_is_cut_in_time_with_gaps_between_the_parts(runs, length, gap, seed):
    rng = np.random.default_rng(seed)
    names = [(r, t) for r in range(runs) for t in range(length)]
    order = rng.permutation(len(names))
    frames = [frame("A_MD", f"run{names[k][0]}-{names[k][1]}", k) for k in order]

    split = split_frames(frames, SplitConfig(rules=RULES, gap=gap, seed=seed))

    side = {names[k]: sides(split)[row] for row, k in enumerate(order)}
    for run in range(runs):
        for t in range(length - 1):
            for later in range(t + 1, min(t + 1 + gap, length)):
                here, there = side[run, t], side[run, later]
                assert here == there or "dropped" in (here, there)


@settings(deadline=None, max_examples=20)
@given(blocks=st.integers(3, 40), seed=st.integers(0, 5))
def test_every_frame_is_somewhere_once_and_blocks_are_whole(blocks, seed):
    frames = [frame("A_SS", f"{state}_{b}", 2 * b + k) for b in range(blocks) for k, state in enumerate(("un", "re"))]

    split = split_frames(frames, SplitConfig(rules=RULES, seed=seed))

    side = sides(split)
    assert sorted(side) == list(range(len(frames)))
    assert sum(len(getattr(split, name)) for name in split.__slots__) == len(frames)
    for b in range(blocks):
        assert side[2 * b] == side[2 * b + 1]


def test_exact_repeats_pull_their_blocks_together():
    frames = [frame("A_SS", f"un_{b}", b) for b in range(20)] + [frame("A_SS", "re_0", 7), frame("B_SS", "un_99", 3)]

    side = sides(split_frames(frames, SplitConfig(rules=RULES, seed=1, holdout=0.3, validation=0.2)))

    assert side[20] == side[7] == side[0]
    assert side[21] == side[3]


def test_the_shares_are_about_what_was_asked_for():
    frames = [frame("A", f"{k}", k) for k in range(200)]

    split = split_frames(frames, SplitConfig(holdout=0.2, validation=0.1))

    assert (len(split.holdout), len(split.validation), len(split.train)) == (40, 20, 140)


def test_the_same_seed_gives_the_same_split_and_another_seed_another():
    frames = [frame("A", f"{k}", k) for k in range(50)]

    first, again, other = (split_frames(frames, SplitConfig(seed=s)) for s in (0, 0, 1))

    assert first == again
    assert first.holdout != other.holdout


def test_a_broken_pattern_is_named():
    with pytest.raises(ConfigError, match="not a regular expression"):
        split_frames([frame("A", "1", 0)], SplitConfig(rules=(BlockRule(group="(", name="x"),)))


def test_an_index_that_is_no_number_is_named():
    rules = (BlockRule(group="A", name=r"run-(?P<index>\w+)"),)
    with pytest.raises(ConfigError, match="expected a number as index, got 'last' of frame 1"):
        split_frames([frame("A", "run-1", 0), frame("A", "run-last", 1)], SplitConfig(rules=rules))


def test_fractions_that_leave_nothing_are_refused():
    with pytest.raises(ConfigError, match="leave something to train on"):
        SplitConfig(holdout=0.6, validation=0.4)
