"""Which structures of a round are labelled.

Without a potential, those that are farthest from each other in a space of radial distributions (farthest-point
sampling); with one, those whose labels reduce its uncertainty most (``ase_voxpot.selection``).  In both, what a
structure brings is divided by a power of the cost of its label, so that small cells come first, and no kind takes more
than its share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase.neighborlist import neighbor_list

from ase_voxpot.selection import select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float

    from ase_voxpot.potential import Potential
    from voxpot_training.campaign.alloys import Alloy
    from voxpot_training.campaign.config import SelectConfig

__all__ = ["Choice", "choose_by_distance", "choose_by_uncertainty", "descriptor"]

ALWAYS = "metals"
"""The kind that is labelled in any case: it sets the zeros of energy."""
SHELLS = np.linspace(0.55, 1.9, 10)
"""Centres of the shells of a descriptor, over the distance of nearest neighbours."""
REACH = 2.1
"""Of the distance of nearest neighbours, that a descriptor sees."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The structures to be labelled, and how uncertain all were."""

    frames: list[Atoms]
    before: Float[np.ndarray, " candidate"]  # eV/atom; empty without a potential
    after: Float[np.ndarray, " candidate"]  # eV/atom, as if they were labelled
    refused: int = 0  # candidates that the potential cannot evaluate


def _worth(costs: Sequence[float], thrift: float) -> Float[np.ndarray, " candidate"]:
    """Factors of what structures bring, 1 for the median cost."""
    cost = np.maximum(np.asarray(costs, float), 1e-9)
    factors: np.ndarray = (cost / np.median(cost)) ** -thrift
    return factors


def descriptor(atoms: Atoms, alloy: Alloy) -> Float[np.ndarray, " value"]:
    """Concentrations, and neighbours of every pair of elements in soft shells, as means and deviations over atoms."""
    symbols = np.array([alloy.species.index(s) for s in atoms.get_chemical_symbols()])
    near = np.array([alloy.nearest(s) for s in alloy.species])
    i, j, d = neighbor_list("ijd", atoms, REACH * float(near.max()))
    scaled = 2 * d / (near[symbols[i]] + near[symbols[j]])
    width = SHELLS[1] - SHELLS[0]
    weights = np.exp(-0.5 * ((scaled[:, None] - SHELLS) / width) ** 2) / SHELLS**2
    kinds = len(alloy.species)
    rows = np.zeros((len(atoms), kinds, len(SHELLS)))
    np.add.at(rows, (i, symbols[j]), weights)
    parts = [np.bincount(symbols, minlength=kinds) / len(atoms)]
    for kind in range(kinds):
        mine = rows[symbols == kind].reshape(-1, kinds * len(SHELLS))
        share = len(mine) / len(atoms)
        empty = np.zeros(kinds * len(SHELLS))
        parts += [share * mine.mean(axis=0), share * mine.std(axis=0)] if len(mine) else [empty, empty]
    return np.concatenate(parts)


def choose_by_distance(
    frames: Sequence[Atoms], costs: Sequence[float], alloy: Alloy, config: SelectConfig, count: int
) -> Choice:
    """Structures of the first round.

    Args:
        frames: candidates.
        costs: s, of their labels.
        alloy: for the descriptor.
        config: thrift and share.
        count: how many, ``metals`` included, of which all are taken.
    """
    nothing = np.zeros(0)
    if not frames:
        return Choice([], nothing, nothing)
    points = np.array([descriptor(atoms, alloy) for atoms in frames])
    kinds = np.array([str(atoms.info.get("config_type", "")) for atoms in frames])
    worth = _worth(costs, config.thrift)
    taken = [int(k) for k in np.flatnonzero(kinds == ALWAYS)]
    far = np.full(len(frames), np.linalg.norm(points - points.mean(axis=0), axis=1).max() or 1.0)
    for k in taken:
        far = np.minimum(far, np.linalg.norm(points - points[k], axis=1))
    most = max(1, round(config.share * count))
    left = dict.fromkeys(kinds[kinds != ALWAYS].tolist(), most)
    free = kinds != ALWAYS
    while len(taken) < count and free.any():
        best = int(np.where(free, worth * far, -1.0).argmax())
        if far[best] <= 1e-9:
            break  # what is left are repeats
        taken.append(best)
        left[kinds[best]] -= 1
        free[best] = False
        free &= np.array([left.get(str(kind), 0) > 0 for kind in kinds])
        far = np.minimum(far, np.linalg.norm(points - points[best], axis=1))
    return Choice([frames[k] for k in taken], nothing, nothing)


def choose_by_uncertainty(
    potential: Potential,
    frames: Sequence[Atoms],
    costs: Sequence[float],
    config: SelectConfig,
    count: int,
    *,
    least: float,
) -> Choice:
    """Structures of a later round; those that are certain enough are not taken.

    Args:
        potential: with an uncertainty.
        frames: candidates.
        costs: s, of their labels.
        config: thrift and share.
        count: how many at most.
        least: eV/atom, uncertainty of what is worth a label; the error in training, where that is smaller.
    """
    nothing = np.zeros(0)
    if not frames:
        return Choice([], nothing, nothing)
    kinds = {str(atoms.info.get("config_type", "")) for atoms in frames}
    quotas = dict.fromkeys(kinds, max(1, round(config.share * count)))
    weights = _worth(costs, config.thrift)
    found = select(
        potential,
        list(frames),
        count=count,
        least=min(least, potential.known_uncertainty().calibration.noise),
        strict=False,
        weights=weights.tolist(),
        quotas=quotas,
    )
    known = np.isfinite(found.before)
    picked = [frames[pick.frame] for pick in found.picks]
    return Choice(picked, found.before[known], found.after[known], len(found.refused))
