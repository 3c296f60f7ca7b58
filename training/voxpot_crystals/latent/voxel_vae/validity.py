"""Validity of crystals, by the two tests of CDVAE's evaluation.

T. Xie et al., Crystal diffusion variational autoencoder, ICLR 2022 (arXiv:2110.06197); the second is SMACT's:

structure      no two atoms are closer than 0.5 Å, and the cell has a volume of more than 0.1 Å³;
composition    one oxidation state per element can be chosen so that charges sum to zero, and every anion is
               more electronegative than every cation (L. Pauling).  Elements, and alloys of metals alone,
               are taken for valid.

One departure: an atom's own images count among the others, so that a cell with an edge of 0.3 Å is not valid.
Both are weak tests, which do not imply stability.  The second has exceptions: compounds of mixed
valence, such as magnetite, fail it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from ase.geometry import minkowski_reduce

from voxpot_crystals.latent.voxel_vae.oxidation import is_metal, oxidation_states
from voxpot_crystals.regression.elements import electronegativities
from voxpot_crystals.structures.space import Space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

__all__ = ["Validity", "composition_fault", "structure_fault", "validity"]

CLOSEST = 0.5
"""Å."""
LEAST_VOLUME = 0.1
"""Å³."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """Shares of some crystals, from 0 to 1."""

    crystals: int
    structure: float
    composition: float
    both: float


def validity(crystals: Sequence[Atoms]) -> Validity:
    """Shares of crystals that pass; 0 without crystals."""
    passed = np.array([(not structure_fault(a), not composition_fault(a)) for a in crystals], bool).reshape(-1, 2)
    count = max(len(passed), 1)
    structure, composition = passed.sum(0) / count
    return Validity(
        crystals=len(passed),
        structure=float(structure),
        composition=float(composition),
        both=float(passed.all(1).sum() / count),
    )


def structure_fault(atoms: Atoms) -> str:
    """What is wrong with the positions and the cell; empty if nothing is."""
    cell = np.array(atoms.cell[:])
    if not (len(atoms) and np.isfinite(cell).all() and np.isfinite(atoms.positions).all()):
        return "no atoms at finite positions"
    if not abs(np.linalg.det(cell)) > LEAST_VOLUME:
        return "no volume"
    try:
        cell, _ = minkowski_reduce(cell)
    except RuntimeError:
        return "no volume"
    if np.linalg.norm(cell, axis=1).min() < CLOSEST:
        return "atoms too close"
    # in a reduced cell few images are needed
    space = Space(cell)
    places = space.wrap(atoms.positions)
    shifts = space.images(CLOSEST)
    for k in range(len(places) - 1):
        separation = (places[k + 1 :] - places[k])[:, None] + shifts
        if (separation**2).sum(-1).min() < CLOSEST**2:
            return "atoms too close"
    return ""


def composition_fault(atoms: Atoms) -> str:
    """What is wrong with the formula; empty if nothing is.

    Raises:
        UnknownElementError: an element beyond fermium.
    """
    numbers, counts = np.unique(atoms.numbers, return_counts=True)
    counts //= np.gcd.reduce(counts)
    return _fault(tuple(numbers.tolist()), tuple(counts.tolist()))


@lru_cache(maxsize=2**16)
def _fault(numbers: tuple[int, ...], counts: tuple[int, ...]) -> str:
    """The fault of a reduced formula.

    Pauling's test says that in the order of electronegativity all cations come before all anions: it is
    enough to try each place where the one ends and the other begins, and to ask which sums of charges can be
    reached then.  The cost does not grow exponentially with the number of elements.
    """
    states = {z: oxidation_states(z) for z in numbers}
    if len(numbers) == 1 or all(map(is_metal, numbers)):
        return ""
    scale = electronegativities()
    for bound in (0.0, *sorted({scale[z] for z in numbers})):
        sums = {0}
        for z, n in zip(numbers, counts, strict=True):
            # elements without electronegativity may be either
            sign = 0 if scale[z] == 0 else 1 if scale[z] <= bound else -1
            sums = {total + n * q for total in sums for q in states[z] if q * sign >= 0}
        if 0 in sums:
            return ""
    return "charges cannot balance"
