"""Splits by groups of similar crystals.

A random split of crystals puts polymorphs of one compound, and every element, on both sides;
errors are then those of interpolation.  Splits by pairs of elements, formulas or elements
measure extrapolation.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import DataError
from voxpot_crystals.regression.perovskites import perovskite_of
from voxpot_crystals.structures.checks import formula_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Bool, Int

    from voxpot_crystals.regression.config import Grouping

__all__ = ["folds", "held_out", "labels_of_groups", "with_support"]

EVERYWHERE = 0.5
"""An element in more than this share of the crystals cannot be left out."""


def labels_of_groups(atoms: Sequence[Atoms], by: Grouping) -> list[str]:
    """The name of the group that each crystal belongs to; for ``element`` that of its compound."""
    if by == "row":
        return [str(row) for row in range(len(atoms))]
    if by == "pair":
        return [f"{p.pair}{p.anion}" for p in map(perovskite_of, atoms)]
    return [formula_of(a) for a in atoms]


def held_out(
    atoms: Sequence[Atoms], by: Grouping, share: float, rng: np.random.Generator
) -> tuple[Int[np.ndarray, " kept"], Int[np.ndarray, " held"]]:
    """Row numbers to train on and to hold out: whole groups, in random order, until ``share`` is reached.

    With ``element``, a group is all crystals that hold one of some elements; elements
    that nearly all crystals hold, such as the oxygen of oxides, are not left out.  Nothing is
    held out for a share of 0.

    Raises:
        DataError: no such split exists.
    """
    if share == 0:
        return np.arange(len(atoms)), np.zeros(0, int)
    if by == "element":
        held = _with_elements(atoms, share, rng)
    else:
        names = np.array(labels_of_groups(atoms, by))
        held = np.zeros(len(atoms), bool)
        for name in rng.permutation(np.unique(names)):
            if held.sum() >= share * len(atoms):
                break
            held |= names == name
    if held.all() or not held.any():
        raise DataError(f"split by {by}: expected groups on both sides, got {len(atoms)} crystals that are all alike")
    return np.flatnonzero(~held), np.flatnonzero(held)


def _with_elements(atoms: Sequence[Atoms], share: float, rng: np.random.Generator) -> np.ndarray:
    sets = [set(a.get_chemical_symbols()) for a in atoms]
    counts = Counter(s for found in sets for s in found)
    candidates = sorted(s for s, n in counts.items() if n <= EVERYWHERE * len(atoms))
    held = np.zeros(len(atoms), bool)
    for symbol in rng.permutation(candidates):
        if held.sum() >= share * len(atoms):
            break
        held |= np.array([symbol in found for found in sets])
    return held


def folds(
    atoms: Sequence[Atoms], by: Grouping, count: int, rng: np.random.Generator
) -> list[tuple[Int[np.ndarray, " kept"], Int[np.ndarray, " left"]]]:
    """``count`` ways to leave out about 1/``count`` of the groups, every crystal once."""
    names, place = np.unique(labels_of_groups(atoms, by), return_inverse=True)
    if len(names) < count:
        raise DataError(f"members: expected at most as many as there are groups ({len(names)}), got {count}")
    fold = rng.permutation(len(names))[place] % count
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(count)]


def with_support(
    atoms: Sequence[Atoms],
    support: Bool[np.ndarray, " crystal"],
    kept: Int[np.ndarray, " kept"],
    held: Int[np.ndarray, " held"],
    by: Grouping,
) -> Int[np.ndarray, " rows"]:
    """The rows to train on, with supporting ones that share no group with held-out crystals."""
    names = np.array(labels_of_groups(atoms, by))
    friends = support & ~np.isin(names, names[held]) & (by != "element")
    return np.concatenate([kept, np.flatnonzero(friends)])
