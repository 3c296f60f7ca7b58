"""The baseline of every generator: known crystals with one element exchanged for another.

Ion exchange needs no network, and finds more stable compounds than most that have one (N. J. Szymanski and C. J.
Bartel, arXiv:2501.02144).  Probabilities of substitution are learned, similar to G. Hautier et al., Inorg. Chem. 50,
656 (2011): two elements are exchanged in proportion to the number of *frames* that hold both of them, a frame being a
reduced formula with one element taken out.  An element without such partners is exchanged for a similar one.  The
volume of the cell is scaled by atomic volumes fitted to the training set.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import DataError
from voxpot_crystals.regression.composition import fractions
from voxpot_crystals.regression.elements import HEAVIEST, kinship
from voxpot_crystals.structures.checks import formula_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["Exchange", "learn_exchange", "substitute"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """Weights of substitutions, and atomic volumes."""

    weight: Float[np.ndarray, "element element"]  # rows: the replaced element; 0 on the diagonal
    volume: Float[np.ndarray, " element"]  # Å³ per atom; 0 of elements that the training set lacks


def learn_exchange(train: Sequence[Atoms]) -> Exchange:
    """Count shared frames, and fit atomic volumes (non-negative least squares).

    Raises:
        DataError: fewer than two elements.
        UnknownElementError: an element beyond fermium.
    """
    from scipy.optimize import nnls

    share = fractions(train) if len(train) else np.zeros((0, HEAVIEST + 1))
    present = np.flatnonzero(share.any(0))
    if len(present) < 2:
        raise DataError(f"substitution: expected crystals of at least two elements, got {len(present)}")
    volume, _ = nnls(share, np.array([a.get_volume() / len(a) for a in train]))
    frames: dict[tuple[tuple[int, int], ...], set[int]] = defaultdict(set)
    for atoms in train:
        numbers, counts = np.unique(atoms.numbers, return_counts=True)
        counts = (counts // np.gcd.reduce(counts)).tolist()
        for gone in numbers.tolist():
            # 0 stands for the removed element
            frames[tuple(sorted(zip(np.where(numbers == gone, 0, numbers).tolist(), counts, strict=True)))].add(gone)
    weight = np.zeros((HEAVIEST + 1, HEAVIEST + 1))
    for members in frames.values():
        held = np.array(sorted(members))
        weight[np.ix_(held, held)] += 1
    np.fill_diagonal(weight, 0)
    alone = present[weight[present].sum(1) == 0]
    factor = kinship()
    weight[np.ix_(alone, present)] = (factor @ factor.T)[np.ix_(alone, present)]
    np.fill_diagonal(weight, 0)
    return Exchange(weight, volume)


def substitute(train: Sequence[Atoms], n: int, rng: np.random.Generator) -> list[Atoms]:
    """``n`` crystals, each a training structure with all atoms of one element replaced by another one.

    There is no screening: some may be known, repeated or invalid; see ``screening.screen``.

    Raises:
        DataError: no substitution is possible.
    """
    exchange = learn_exchange(train)
    made: list[Atoms] = []
    for _ in range(100 * n):
        if len(made) == n:
            break
        atoms = train[int(rng.integers(len(train)))].copy()
        present = np.unique(atoms.numbers)
        gone = rng.choice(present)
        weight = exchange.weight[gone].copy()
        weight[present] = 0  # exchanged for a neighbour, the crystal would lose an element
        if weight.sum() == 0:
            continue
        made.append(_exchanged(atoms, gone, rng.choice(len(weight), p=weight / weight.sum()), exchange.volume))
    if len(made) < n:
        raise DataError(f"substitution: expected elements to exchange, got {len(train)} crystals with hardly any")
    return made


def _exchanged(atoms: Atoms, gone: int, come: int, volume: Float[np.ndarray, " element"]) -> Atoms:
    parent = formula_of(atoms)
    before = volume[atoms.numbers].sum()
    atoms.numbers[atoms.numbers == gone] = come
    after = volume[atoms.numbers].sum()
    if before > 0 and after > 0:
        atoms.set_cell(atoms.cell[:] * (after / before) ** (1 / 3), scale_atoms=True)
    # labels of the old compound do not apply
    atoms.calc = None
    atoms.info = {"parent": parent}
    return atoms
