"""Classification of atoms as crystal or melt by averaged bond order.

The measure is Steinhardt's q₆ averaged over the first shell (Lechner and Dellago, J. Chem.
Phys. 129, 114707, 2008): a perfect bcc crystal has 0.51, fcc 0.57, a hot crystal some 0.4, a
melt some 0.2.  The boundary between them is determined from samples of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.descriptor.harmonics import solid_harmonics
from ase_voxpot.neighbours.verlet import VerletList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["LOST", "Boundary", "bond_order", "boundary_between", "layers", "mean_order"]

DEGREE = 6
REACH = 1.5
"""Mean distances (V/N)^(1/3) that a shell reaches: 14 neighbours in bcc, 12 in fcc."""

LOST = 0.6
"""Fraction of the order of the perfect lattice, between those of a hot crystal and a melt."""


def bond_order(atoms: Atoms) -> Float[np.ndarray, " atom"]:
    """The averaged q₆ of every atom, between 0 and 1.

    Args:
        atoms: a crystal or a melt that fills its cell.

    >>> from ase.build import bulk
    >>> bond_order(bulk("W", "bcc", a=3.2, cubic=True)).round(4)
    array([0.5107, 0.5107])
    """
    pairs = VerletList(REACH * (atoms.get_volume() / len(atoms)) ** (1 / 3)).update(atoms)
    directions = pairs.offset / np.linalg.norm(pairs.offset, axis=1)[:, None]
    values = solid_harmonics(directions, DEGREE)[:, DEGREE**2 :]
    count = np.bincount(pairs.centre, minlength=len(atoms))[:, None]
    own = _sums(values, pairs.centre, len(atoms)) / np.maximum(count, 1)
    shell = (own + _sums(own[pairs.neighbour], pairs.centre, len(atoms))) / (1 + count)
    return np.sqrt((shell**2).sum(axis=1))


def mean_order(frames: Sequence[Atoms]) -> float:
    """Over all atoms of several frames."""
    return float(np.mean([bond_order(atoms).mean() for atoms in frames]))


def _sums(values: Float[np.ndarray, "pair harmonic"], centre: np.ndarray, atoms: int) -> np.ndarray:
    """Over the pairs of every atom."""
    return np.stack([np.bincount(centre, weights=column, minlength=atoms) for column in values.T], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """Threshold of the order parameter; atoms above it are crystalline."""

    value: float
    mistaken: float  # fraction of the atoms that are misclassified
    crystal: float  # mean order in the crystal
    melt: float  # mean order in the melt


def boundary_between(crystal: Float[np.ndarray, " sample"], melt: Float[np.ndarray, " other"]) -> Boundary:
    """The threshold with equal fractions of misclassified atoms in crystal and melt.

    Args:
        crystal: order of its atoms.
        melt: the same.
    """
    trial = np.unique(np.concatenate([crystal, melt]))
    below = np.searchsorted(np.sort(crystal), trial) / len(crystal)
    above = 1 - np.searchsorted(np.sort(melt), trial) / len(melt)
    k = int(np.abs(below - above).argmin())
    gap = below[k] == above[k] == 0
    value = float(crystal.min() + melt.max()) / 2 if gap else float(trial[k])
    return Boundary(
        value=value,
        mistaken=float(below[k] + above[k]) / 2,
        crystal=float(crystal.mean()),
        melt=float(melt.mean()),
    )


def layers(
    heights: Float[np.ndarray, " atom"], order: Float[np.ndarray, " atom"], count: int
) -> Float[np.ndarray, " layer"]:
    """Mean order in layers of equal thickness; NaN for empty layers.

    Args:
        heights: as parts of the cell.
        order: of every atom.
        count: of layers.
    """
    place = np.floor((heights % 1.0) * count).astype(int) % count
    many = np.bincount(place, minlength=count)
    with np.errstate(invalid="ignore"):
        return np.bincount(place, weights=order, minlength=count) / np.where(many, many, np.nan)
