"""Elements on the sites of a perovskite ABX3, from the structure alone.

In the ideal cell of edge *a* the anions X are *a*/2 from B and *a*/√2 from A; order of
the atoms, origin and size of the cell do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import StructureError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Perovskite", "cubic_edge", "perovskite_of"]

ANGLE = 0.5
"""Degrees by which the angles of a cubic cell may be off."""
LENGTH = 0.01
"""Relative difference that the edges of a cubic cell may have."""
OFF = 0.05
"""In edges, how far distances may be from those of the ideal sites."""


@dataclass(frozen=True, slots=True)
class Perovskite:
    """The elements on the three sites, and the edge of the cell in Å."""

    a_site: str
    b_site: str
    anion: str
    edge: float

    @property
    def pair(self) -> str:
        """The ordered pair of A and B, such as ``SrTi``."""
        return f"{self.a_site}{self.b_site}"


def cubic_edge(atoms: Atoms) -> float:
    """The lattice parameter in Å of a primitive or conventional cubic cell with right angles.

    Raises:
        StructureError: the cell is not cubic.
    """
    lengths, angles = atoms.cell.lengths(), atoms.cell.angles()
    if lengths.min() <= 0 or np.ptp(lengths) > LENGTH * lengths.max() or np.abs(angles - 90).max() > ANGLE:
        raise StructureError(
            f"expected a cubic cell, got edges {lengths.round(3).tolist()} Å and angles {angles.round(2).tolist()}"
        )
    return float(lengths.mean())


def perovskite_of(atoms: Atoms) -> Perovskite:
    """A, B and X of a five-atom cubic cell.

    Raises:
        StructureError: another number of atoms, a cell that is not cubic, or other sites.
    """
    if len(atoms) != 5:
        raise StructureError(f"expected the five atoms of a cubic perovskite ABX3, got {len(atoms)}")
    edge = cubic_edge(atoms)
    distances = atoms.get_all_distances(mic=True) / edge
    for a, b in permutations(range(5), 2):
        anions = [k for k in range(5) if k not in (a, b)]
        alike = len(set(atoms.numbers[anions])) == 1
        if (
            alike
            and np.allclose(distances[a, anions], 0.5**0.5, atol=OFF)
            and np.allclose(distances[b, anions], 0.5, atol=OFF)
        ):
            return Perovskite(atoms.symbols[a], atoms.symbols[b], atoms.symbols[anions[0]], edge)
    raise StructureError(
        f"expected the sites of a cubic perovskite (A at a corner, B at the centre, X on the faces), "
        f"got {atoms.get_chemical_formula()} with other distances"
    )
