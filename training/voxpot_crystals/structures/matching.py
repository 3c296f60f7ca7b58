"""Distances between two crystals, and matching by pymatgen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.geometry import minkowski_reduce

from voxpot_crystals.structures.space import Space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["distances_between", "match_rate", "matches"]


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
        from pymatgen.analysis.structure_matcher import StructureMatcher
        from pymatgen.io.ase import AseAtomsAdaptor
    except ImportError:
        return None
    matcher, adaptor = StructureMatcher(stol=0.5, angle_tol=10, ltol=0.3), AseAtomsAdaptor()
    return [
        b is not None and bool(matcher.fit(adaptor.get_structure(a), adaptor.get_structure(b)))
        for a, b in zip(originals, found, strict=True)
    ]


def match_rate(originals: Sequence[Atoms], found: Sequence[Atoms | None]) -> float | None:
    """Share of the pairs that match; None without pymatgen."""
    same = matches(originals, found)
    return None if same is None else sum(same) / max(len(same), 1)
