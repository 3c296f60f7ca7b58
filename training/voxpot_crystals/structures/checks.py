"""Checks of crystals, their formulas and their origins."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from ase.data import chemical_symbols

from ase_voxpot.errors import DataError, StructureError, VoxPotError
from ase_voxpot.frames.disorder import refuse_disorder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ase import Atoms
    from jaxtyping import Int

__all__ = ["check_crystal", "formula_of", "origin_atom", "origin_element", "sift_crystals", "species_of"]

CLOSEST = 0.5
"""Å; closer atoms overlap."""


def formula_of(atoms: Atoms) -> str:
    """The reduced formula, elements in Hill's order: equal for all cells of a compound."""
    formula: str = atoms.symbols.formula.reduce()[0].format("hill")
    return formula


def species_of(crystals: Iterable[Atoms]) -> tuple[str, ...]:
    """The elements of some crystals, by atomic number."""
    return tuple(chemical_symbols[z] for z in sorted({int(z) for atoms in crystals for z in atoms.numbers}))


def check_crystal(atoms: Atoms) -> None:
    """Check that a structure is an ordered crystal.

    Raises:
        StructureError: not periodic, without a volume, overlapping or without positions; ``OccupancyError``
            partially occupied sites.
    """
    if not atoms.pbc.all() or abs(atoms.cell.volume) < 1e-3:
        raise StructureError("expected a crystal, periodic in three directions with a cell that has a volume")
    if len(atoms) == 0 or not np.isfinite(atoms.positions).all() or not np.isfinite(atoms.cell[:]).all():
        raise StructureError("expected atoms at finite positions, got none, NaN or infinity")
    if (atoms.numbers < 1).any():
        raise StructureError("expected chemical elements, got an atom without one (X)")
    refuse_disorder(atoms)
    distances = atoms.get_all_distances(mic=True)
    np.fill_diagonal(distances, np.inf)
    if distances.min() < CLOSEST:
        i, j = np.unravel_index(distances.argmin(), distances.shape)
        raise StructureError(
            f"atoms {i} and {j} are {distances.min():.3f} Å apart, expected at least {CLOSEST} Å; "
            f"remove one, or choose a decoration of a disordered site"
        )


def sift_crystals(found: Iterable[Atoms | VoxPotError]) -> tuple[dict[int, Atoms], dict[int, str]]:
    """Ordered crystals of a file, and reasons for the others, by number in the file.

    Args:
        found: as ``labels.read_each`` gives them.
    """
    kept: dict[int, Atoms] = {}
    refused: dict[int, str] = {}
    for row, atoms in enumerate(found):
        try:
            if isinstance(atoms, VoxPotError):
                raise atoms
            check_crystal(atoms)
            kept[row] = atoms
        except (StructureError, DataError) as error:
            refused[row] = str(error)
    return kept, refused


def origin_element(numbers: Int[np.ndarray, " atom"]) -> int:
    """The atomic number of ``origin_atom``.

    >>> origin_element(np.array([8, 8, 8, 22, 38]))
    38
    """
    counts = Counter(numbers.tolist())
    return min(counts, key=lambda z: (counts[z], -z))


def origin_atom(atoms: Atoms) -> int:
    """An atom of the rarest element, of the heaviest among the rarest; the choice does not depend on the origin.

    Of several, the one with the shortest distances to all others, images included.
    """
    candidates = np.flatnonzero(atoms.numbers == origin_element(atoms.numbers))
    distances = np.sort(atoms.get_all_distances(mic=True)[candidates], axis=1)
    weighted = np.round(distances @ (1 + np.arange(distances.shape[1])), 3)
    return int(candidates[weighted.argmin()])
