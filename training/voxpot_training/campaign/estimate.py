"""What a campaign would cost, without doing any of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from voxpot_training.campaign.alloys import alloy_of
from voxpot_training.campaign.config import GEOMETRIC
from voxpot_training.campaign.geometries import make_structures

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms

    from voxpot_training.campaign.config import LearnConfig

__all__ = ["Estimate", "RoundCost", "estimate"]

LOOKED_AT = 6
"""Structures of a kind whose cost is looked up."""
ENUMERATED = 3
"""Atoms of the ordered cells among them, whose enumeration takes no time."""


@dataclass(frozen=True, slots=True)
class RoundCost:
    """One round."""

    labels: int
    hours: float  # of labelling, on one worker
    minutes: float | None  # of training; None where epochs count


@dataclass(frozen=True, slots=True)
class Estimate:
    """A campaign."""

    rounds: list[RoundCost]
    frame: float  # s, of a label on average
    largest: float  # s, of the most expensive one looked at

    @property
    def labels(self) -> int:
        """In all."""
        return sum(r.labels for r in self.rounds)

    @property
    def hours(self) -> float:
        """Of labelling in all, on one worker."""
        return sum(r.hours for r in self.rounds)


def estimate(config: LearnConfig, cost: Callable[[Atoms], float]) -> Estimate:
    """Cost of the largest number of labels that the configuration allows, at the mean over its kinds.

    Args:
        config: of the campaign.
        cost: s, of the label of a frame.
    """
    alloy = alloy_of(config.alloy)
    sizes = replace(config.explore, order=min(config.explore.order, ENUMERATED))
    costs = []
    for number, kind in enumerate(k for k in config.explore.kinds if k in GEOMETRIC):
        rng = np.random.default_rng([config.seed, number])
        costs += [cost(atoms) for atoms in make_structures(kind, alloy, sizes, LOOKED_AT, rng)]
    # small cells are preferred, by the same power of their costs as in the choice
    weights = np.array(costs) ** -config.select.thrift
    mean = float(np.average(costs, weights=weights))
    rounds: list[RoundCost] = []
    left = config.stop.labels
    for number in range(config.stop.rounds):
        labels = config.select.labels if number else config.select.of_first_round
        labels = labels if left is None else min(labels, left)
        if labels <= 0:
            break
        left = None if left is None else left - labels
        last = number + 1 == config.stop.rounds or left == 0
        train = config.train
        minutes = train.final if last and train.final is not None else train.minutes
        rounds.append(RoundCost(labels, labels * mean / 3600, None if train.epochs else minutes))
    return Estimate(rounds, mean, max(costs))
