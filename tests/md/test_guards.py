from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from ase_voxpot.errors import ConfigError, ExtrapolationError
from ase_voxpot.md.guard import Guard


class Told:
    """A calculator that is told how far it extrapolates."""

    def __init__(self) -> None:
        self.level = 0.0

    def get_property(self, name, atoms):
        return self.level if name == "extrapolation" else np.arange(len(atoms), dtype=float)


@pytest.fixture
def atoms():
    atoms = bulk("W", cubic=True)
    atoms.calc = Told()
    return atoms


def watch(guard, atoms, levels):
    for step, level in enumerate(levels):
        atoms.calc.level = level
        guard.look(atoms, step)


def test_an_episode_is_told_once_and_its_end_too(atoms):
    told = []

    watch(Guard("warn", 2.0, alert=told.append), atoms, [1, 2.1, 5, 1.9, 2.5, 1.5, 1, 3])

    assert len(told) == 3
    assert told[0].startswith("step 1: uncertainty 2.1 times the largest in validation (limit 2)")
    assert told[1] == "step 5: uncertainty 1.5 again, after 5.0 at most since step 1"
    assert told[2].startswith("step 7: uncertainty 3.0")


def test_a_run_within_the_limit_is_silent(atoms):
    told = []

    watch(Guard("warn", alert=told.append), atoms, np.linspace(0, 2, 9))

    assert told == []


def test_a_stop_names_step_limit_and_atom(atoms):
    with pytest.raises(
        ExtrapolationError, match=r"at step 2: uncertainty 3\.0 .* \(limit 2\.5\), most around atom 1 \(W\)"
    ):
        watch(Guard("stop", 2.5), atoms, [0, 2.4, 3, 9])


@pytest.mark.parametrize(
    ("text", "action", "limit"),
    [("warn", "warn", 2.0), ("stop", "stop", 2.0), ("warn:3", "warn", 3.0), ("stop:1e1", "stop", 10)],
)
def test_guards_are_read(text, action, limit):
    guard = Guard.parse(text)

    assert (guard.action, guard.limit) == (action, limit)


@pytest.mark.parametrize(
    "text", ["", "halt", "warn:", "warn:x", "warn:-1", "stop:0", "stop:1e999", "warn:1:2", "stop:1-", "warn:e"]
)
def test_other_words_are_refused(text):
    with pytest.raises(ConfigError, match="uncertainty: expected"):
        Guard.parse(text)
