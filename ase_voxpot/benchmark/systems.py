"""Structures to measure on: rattled random alloys that are multiples of a small tile.

A repeated cell has the energy of the tile many times over, its forces on every copy and
its stress.  The results of a million atoms can therefore be checked against
reference results of the tile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ConfigError
from ase_voxpot.structures import random_alloy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms

__all__ = ["System", "edges", "make_system"]

EDGES = (5, 4, 3)
"""Cubic cells along the edge of a tile, the best first."""
RATTLE = 0.1
"""Å, of the tile at the start."""
STEP = 0.01
"""Å, by which every coordinate moves from call to call."""


@dataclass(slots=True)
class System:
    """A tile, and how often it is repeated along each edge."""

    tile: Atoms
    copies: int
    rng: np.random.Generator

    def __len__(self) -> int:
        return len(self.tile) * self.copies**3

    def whole(self) -> Atoms:
        """The tile repeated, as it is now."""
        return self.tile.repeat(self.copies)

    def move(self, *structures: Atoms) -> None:
        """Move the tile a little, and every copy of it in ``structures`` alike."""
        step = self.rng.normal(0, STEP, self.tile.positions.shape)
        self.tile.positions += step
        for atoms in structures:
            atoms.positions += np.tile(step, (self.copies**3, 1))


def edges(atoms: int) -> tuple[int, int]:
    """Cells along the edge of a bcc cube of about so many atoms, and of its tile.

    Raises:
        ConfigError: fewer atoms than the smallest tile has.

    >>> edges(54), edges(2000), edges(1_000_000)
    ((3, 3), (10, 5), (80, 5))
    """
    if atoms < 2 * EDGES[-1] ** 3:
        raise ConfigError(f"atoms: expected at least {2 * EDGES[-1] ** 3}, got {atoms}")
    ideal = (atoms / 2) ** (1 / 3)
    # one of three consecutive numbers is a multiple of 3
    whole = [k for k in range(max(3, int(ideal) - 1), int(ideal) + 4) if any(k % edge == 0 for edge in EDGES)]
    best = min(whole, key=lambda k: abs(k - ideal))
    return best, next(edge for edge in EDGES if best % edge == 0)


def make_system(atoms: int, species: Sequence[str], *, seed: int, card: Mapping[str, Any] | None = None) -> System:
    """A rattled random bcc alloy of ``species`` in equal parts, of about so many atoms.

    Raises:
        ConfigError: too few atoms, or no lattice constant is known.
    """
    whole, edge = edges(atoms)
    rng = np.random.default_rng(seed)
    tile = random_alloy("bcc:" + "".join(species), repeat=edge, rng=rng, card=card)
    tile.rattle(RATTLE, rng=rng)
    return System(tile, whole // edge, rng)
