"""Splits of the frames for training and validation.

random        as in the paper: any 30 % of the frames, whose neighbours in time are trained on
block         the last part of every run in time, after a gap
temperature   runs up to 900 K for training, those above for validation
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import ConfigError

if TYPE_CHECKING:
    from jaxtyping import Int

    from voxpot_training.wholecell.frames import FrameSet

__all__ = ["SPLITS", "Split", "split_frames", "spread"]

HOTTEST = 900.0
"""K, highest temperature for training in the split by temperature."""
GAP = 0.05
"""Fraction of a run between training and validation in the split by block, longer than correlation times."""


@dataclass(frozen=True, slots=True)
class Split:
    """Row numbers, in order."""

    train: Int[np.ndarray, " train"]
    validation: Int[np.ndarray, " validation"]


def _random(frames: FrameSet, validation: float, rng: np.random.Generator) -> Split:
    order = rng.permutation(len(frames))
    cut = len(frames) - round(validation * len(frames))
    return Split(np.sort(order[:cut]), np.sort(order[cut:]))


def _block(frames: FrameSet, validation: float, rng: np.random.Generator) -> Split:
    place = np.tile(np.arange(frames.per_run), len(frames.temperatures)) / frames.per_run
    return Split(np.flatnonzero(place < 1 - validation - GAP), np.flatnonzero(place >= 1 - validation))


def _temperature(frames: FrameSet, validation: float, rng: np.random.Generator) -> Split:
    kelvin = np.array(frames.temperatures)[frames.run]
    return Split(np.flatnonzero(kelvin <= HOTTEST), np.flatnonzero(kelvin > HOTTEST))


SPLITS = {"random": _random, "block": _block, "temperature": _temperature}


def split_frames(frames: FrameSet, kind: str, *, validation: float = 0.3, seed: int = 0) -> Split:
    """Rows for training and validation.

    Args:
        frames: of consecutive runs.
        kind: a name in ``SPLITS``.
        validation: part of the frames, but for the split by temperature.
        seed: of the random split.

    Raises:
        ConfigError: a side would be empty.
    """
    found = SPLITS[kind](frames, validation, np.random.default_rng(seed))
    if not len(found.train) or not len(found.validation):
        raise ConfigError(
            f"split {kind!r}: expected frames on both sides, got {len(found.train)} to learn from and "
            f"{len(found.validation)} to ask about; make more frames, or at other temperatures"
        )
    return found


def spread(rows: Int[np.ndarray, " row"], most: int) -> Int[np.ndarray, " some"]:
    """At most ``most`` of the rows, evenly spaced.

    >>> spread(np.arange(10), 4)
    array([0, 3, 6, 9])
    """
    picked: np.ndarray = rows[np.unique(np.linspace(0, len(rows) - 1, most).astype(int))]
    return picked
