"""Distances between two crystals, and matching by pymatgen with common tolerances."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.geometry import minkowski_reduce

from voxpot_crystals.structures.checks import formula_of
from voxpot_crystals.structures.space import Space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["Recovered", "distances_between", "match_rate", "matches", "recovered"]

STOL = 0.5
"""Largest root mean square distance of matching crystals, over (volume per atom)^(1/3)."""


def distances_between(original: Atoms, found: Atoms) -> Float[np.ndarray, "true found"]:
    """Shortest distances in Å in the cell of the original, both taken in fractions of their own cells.

    Positions in fractions, as lattice errors have figures of their own.
    """
    difference = found.get_scaled_positions()[None] - original.get_scaled_positions()[:, None]
    # in a reduced cell of the same lattice the images that matter are few
    space = Space(minkowski_reduce(original.cell[:])[0])
    vectors = space.wrap((difference @ original.cell[:]).reshape(-1, 3)).reshape(difference.shape)
    shifts = space.images(space.farthest())
    return np.linalg.norm(vectors[:, :, None] + shifts, axis=-1).min(-1)


def matches(originals: Sequence[Atoms], found: Sequence[Atoms | None]) -> list[bool] | None:
    """Which pairs StructureMatcher (stol 0.5, angle 10°, ltol 0.3) takes for the same; None without pymatgen."""
    try:
        matcher = _matcher()
    except ImportError:
        return None
    return [
        b is not None and bool(matcher.fit(_structure(a), _structure(b))) for a, b in zip(originals, found, strict=True)
    ]


def match_rate(originals: Sequence[Atoms], found: Sequence[Atoms | None]) -> float | None:
    """Share of the pairs that match; None without pymatgen."""
    same = matches(originals, found)
    return None if same is None else sum(same) / max(len(same), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """How many of some reference crystals are among generated ones, and how nearly."""

    metre: float  # share of the references that match a generated crystal
    crmse: float  # mean over the references of their least distance, STOL for those without a match


def recovered(references: Sequence[Atoms], made: Sequence[Atoms]) -> Recovered | None:
    """METRe and cRMSE of M. M. Martirossyan et al., arXiv:2509.12178 (2025); None without pymatgen.

    Every reference is compared with all generated crystals of its reduced formula, so that polymorphs are told apart
    and neither the order of the crystals nor repeated ones matter.

    Args:
        references: crystals to be found again.
        made: generated crystals with positions and a volume.
    """
    try:
        matcher = _matcher()
    except ImportError:
        return None
    wanted = set(map(formula_of, references))
    shelf: dict[str, list[Any]] = defaultdict(list)
    for atoms in made:
        if (formula := formula_of(atoms)) in wanted:
            shelf[formula].append(_structure(atoms))
    least = np.full(len(references), np.inf)
    for k, reference in enumerate(references):
        for other in shelf[formula_of(reference)]:
            found = matcher.get_rms_dist(_structure(reference), other)
            least[k] = min(least[k], np.inf if found is None else found[0])
    return Recovered(
        metre=float(np.isfinite(least).mean()) if len(least) else 0.0,
        crmse=float(np.minimum(least, STOL).mean()) if len(least) else STOL,
    )


def _matcher() -> Any:
    from pymatgen.analysis.structure_matcher import StructureMatcher

    return StructureMatcher(stol=STOL, angle_tol=10, ltol=0.3)


def _structure(atoms: Atoms) -> Any:
    from pymatgen.core.structure import Structure

    return Structure(atoms.cell[:], atoms.numbers, atoms.positions, coords_are_cartesian=True)
