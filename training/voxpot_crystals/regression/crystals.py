"""Reading, checks and selection of labelled crystals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import DataError, MissingLabelsError, StructureError
from ase_voxpot.frames.labels import read_each
from voxpot_crystals.regression.perovskites import cubic_edge, perovskite_of
from voxpot_crystals.structures.checks import formula_of, sift_crystals
from voxpot_training.data import find_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ase import Atoms
    from jaxtyping import Bool, Float

    from voxpot_crystals.regression.config import CrystalSource, RegressionConfig

__all__ = ["LEAST", "Crystals", "label_of", "load_crystals"]

LEAST = 10
"""Least number of crystals of a training."""


@dataclass(frozen=True, slots=True)
class Crystals:
    """Structures and the number to learn, row by row; what was left out, by reason."""

    atoms: list[Atoms]
    target: Float[np.ndarray, " crystal"]
    dropped: dict[str, int]
    support: Bool[np.ndarray, " crystal"]  # trained on, never held out


def load_crystals(config: RegressionConfig, beside: Path) -> Crystals:
    """All crystals of all files, selected by the config; frames other than ordered crystals are left out and counted.

    Raises:
        DataError: a file is missing or unreadable;
            ``MissingLabelsError`` crystals without the target, unless it is declared partial.
    """
    atoms: list[Atoms] = []
    target: list[float] = []
    dropped: Counter[str] = Counter()
    for source in config.data:
        path = find_file(source.file, beside)
        found = _ordered(path, dropped)
        key = source.key or config.target.key
        for row, crystal in _chosen(found, source).items():
            try:
                if config.target.partial and key not in crystal.info and key != "a":  # which is read off the cell
                    dropped[f"without {config.target.key}"] += 1
                    continue
                target.append(source.factor * label_of(crystal, key))
                crystal.info["support"] = source.support
                atoms.append(crystal)
            except (StructureError, MissingLabelsError) as error:
                raise type(error)(f"{path}, frame {row}: {error}") from None
    if not target:
        left_out = f"; left out: {dict(dropped)}" if dropped else ""
        raise DataError(f"expected crystals with a number under {config.target.key!r}, got none{left_out}")
    values = np.array(target)
    if config.target.logarithm:
        if values.min() <= 0:
            raise DataError(f"target.logarithm: expected positive values of {config.target.key}, got {values.min():g}")
        values = np.log10(values)
    return _curated(atoms, values, config, dropped)


def _ordered(path: Path, dropped: Counter[str]) -> dict[int, Atoms]:
    """The ordered crystals of a file, by place; others are counted."""
    found, refused = sift_crystals(read_each(path))
    if refused:
        row, reason = next(iter(refused.items()))
        dropped[f"no ordered crystals, the first {path.name}, frame {row}: {reason}"] += len(refused)
    return found


def _chosen(atoms: dict[int, Atoms], source: CrystalSource) -> dict[int, Atoms]:
    """The selected crystals of a source, by number in the file."""
    if not (source.support or source.anions or source.without):
        return atoms
    kept: dict[object, int] = {}
    for row, crystal in atoms.items():
        who = perovskite_of(crystal)
        name = f"{who.pair}{who.anion}"
        if name not in source.without and (not source.anions or who.anion in source.anions):
            kept.setdefault(name if source.support else row, row)
    return {row: atoms[row] for row in kept.values()}


def label_of(atoms: Atoms, key: str) -> float:
    """The number under ``key``; without one, ``a`` is read off a cubic cell.

    Raises:
        MissingLabelsError: there is none.
    """
    value = atoms.info.get(key)
    if value is None and key == "a":
        return cubic_edge(atoms)
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value):
        known = ", ".join(k for k, v in atoms.info.items() if isinstance(v, int | float | np.number))
        raise MissingLabelsError(f"expected a finite number under {key!r}, got {value!r}; there are {known or 'none'}")
    return float(value)


def _curated(atoms: list[Atoms], target: np.ndarray, config: RegressionConfig, before: Mapping[str, int]) -> Crystals:
    """Apply the exclusions of the config, counting dropped crystals by reason."""
    keep = np.ones(len(atoms), bool)
    dropped = Counter(before)

    def leave_out(rows: np.ndarray, reason: str) -> None:
        dropped[reason] += int((rows & keep).sum())
        keep[rows] = False

    wanted = config.target
    if wanted.least is not None:
        leave_out(target < wanted.least, f"{wanted.key} below {wanted.least:g}")
    if wanted.most is not None:
        leave_out(target > wanted.most, f"{wanted.key} above {wanted.most:g}")
    if config.unique != "none":
        name: Callable[[Atoms], str] = formula_of if config.unique == "formula" else lambda a: perovskite_of(a).pair
        names = np.array([name(a) for a in atoms])
        first = np.zeros(len(atoms), bool)
        rows = np.flatnonzero(keep)
        first[rows[np.unique(names[rows], return_index=True)[1]]] = True
        leave_out(~first, f"another of the same {config.unique}")
    if config.least_crystals > 1:
        counts = Counter(s for k in np.flatnonzero(keep) for s in set(atoms[k].get_chemical_symbols()))
        rare = {s for s, n in counts.items() if n < config.least_crystals}
        leave_out(np.array([bool(rare & set(a.get_chemical_symbols())) for a in atoms]), "with a rare element")
    rows = np.flatnonzero(keep)
    if len(rows) < LEAST:
        raise DataError(f"expected at least {LEAST} crystals to learn from, got {len(rows)}; left out: {dict(dropped)}")
    if np.ptp(target[rows]) == 0:
        raise DataError(f"expected crystals that differ in {wanted.key}, got {target[rows[0]]:g} for all {len(rows)}")
    support = np.array([bool(atoms[k].info["support"]) for k in rows])
    return Crystals([atoms[k] for k in rows], target[rows], {k: v for k, v in dropped.items() if v}, support)
