"""Splits by blocks: correlated frames are kept on one side.

Frames of one MD run are correlated in time, relaxed and unrelaxed cells of one
decoration are nearly the same structure, and data sets hold exact repeats.  A random
split of frames would underestimate errors.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from voxpot_training.config import SplitConfig

__all__ = ["Split", "split_frames"]


@dataclass(frozen=True, slots=True)
class Split:
    """Row numbers of the frames on each side; ``dropped`` are the gaps within runs."""

    train: tuple[int, ...]
    validation: tuple[int, ...]
    holdout: tuple[int, ...]
    dropped: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """The block of a frame, and its time if the block is an MD run."""

    block: tuple[str, ...]
    index: int | None


def _place(
    row: int, atoms: Atoms, rules: Sequence[tuple[re.Pattern[str], re.Pattern[str], str]], consecutive: int
) -> _Place:
    group = str(atoms.info.get("config_type", "default"))
    for wanted, name, key in rules:
        if not wanted.search(group):
            continue
        found = name.search(str(atoms.info.get(key, "")))
        if found:
            parts = found.groupdict()
            index = parts.pop("index", None)
            if index is not None and not index.isdecimal():
                raise ConfigError(f"split.rules: expected a number as index, got {index!r} of frame {row}")
            return _Place((group, *map(str, parts.values())), None if index is None else int(index))
    return _Place((group, f"row {row // consecutive}"), None)


def _fingerprint(atoms: Atoms) -> tuple[str, float, float]:
    """A key that is equal for identical frames, independent of the order of atoms."""
    distances = np.linalg.norm(atoms.get_positions() - atoms.get_positions().mean(axis=0), axis=1)
    return atoms.get_chemical_formula(), round(float(atoms.cell.volume), 5), round(float(distances.sum()), 4)


def _merge_repeats(places: list[_Place], frames: Sequence[Atoms]) -> list[_Place]:
    """Merge the blocks of identical frames."""
    first: dict[tuple[str, float, float], tuple[str, ...]] = {}
    renamed: dict[tuple[str, ...], tuple[str, ...]] = {}

    def root(block: tuple[str, ...]) -> tuple[str, ...]:
        while block in renamed:
            block = renamed[block]
        return block

    for place, atoms in zip(places, frames, strict=True):
        if place.index is not None:
            continue
        block = root(first.setdefault(_fingerprint(atoms), place.block))
        if root(place.block) != block:
            renamed[root(place.block)] = block
    return [_Place(root(p.block), p.index) for p in places]


def split_frames(frames: Sequence[Atoms], config: SplitConfig) -> Split:
    """Assign every frame to training, validation or hold-out.

    Runs (rules with an ``index``) are cut in time: the last part is the hold-out, the part
    before it validation, with ``gap`` frames dropped at either cut.  Other blocks are
    drawn at random within their group until each side has its share of the frames.
    """
    rules = []
    for rule in config.rules:
        try:
            rules.append((re.compile(rule.group), re.compile(rule.name), rule.key))
        except re.error as error:
            raise ConfigError(f"split.rules: {error.pattern!r} is not a regular expression ({error})") from None
    places = _merge_repeats([_place(row, atoms, rules, config.consecutive) for row, atoms in enumerate(frames)], frames)
    blocks: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, place in enumerate(places):
        blocks[place.block].append(row)
    sides: dict[str, list[int]] = {"train": [], "validation": [], "holdout": [], "dropped": []}
    groups: dict[str, list[list[int]]] = defaultdict(list)
    for block, rows in blocks.items():
        if places[rows[0]].index is None:
            groups[block[0]].append(rows)
        else:
            _cut_run(sorted(rows, key=lambda row: places[row].index or 0), config, sides)
    rng = np.random.default_rng(config.seed)
    for name in sorted(groups):
        _draw_blocks(groups[name], config, rng, sides)
    return Split(**{side: tuple(sorted(rows)) for side, rows in sides.items()})


def _cut_run(rows: list[int], config: SplitConfig, sides: dict[str, list[int]]) -> None:
    held = round(config.holdout * len(rows))
    valid = round(config.validation * len(rows))
    end = len(rows)
    for side, count in (("holdout", held), ("validation", valid)):
        if count:
            sides[side] += rows[end - count : end]
            sides["dropped"] += rows[max(end - count - config.gap, 0) : end - count]
            end = max(end - count - config.gap, 0)
    sides["train"] += rows[:end]


def _draw_blocks(
    blocks: list[list[int]], config: SplitConfig, rng: np.random.Generator, sides: dict[str, list[int]]
) -> None:
    """Fill hold-out and validation up to their share of the frames; blocks too large for it train."""
    frames = sum(map(len, blocks))
    least = 1 if len(blocks) >= 3 else 0
    buffers = {
        "holdout": max(round(config.holdout * frames), least if config.holdout else 0),
        "validation": max(round(config.validation * frames), least if config.validation else 0),
    }
    for number in rng.permutation(len(blocks)):
        size = len(blocks[number])
        side = next((name for name, left in buffers.items() if size <= left), "train")
        if side in buffers:
            buffers[side] -= size
        sides[side] += blocks[number]
