"""The fields of a known crystal.

    p(x) = x_nearest - x          vector to the nearest atom
    s(x) = species of that atom

In the paper the atoms of one cell are in open space, without periodic images; here ``Space``
supports both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from voxpot_crystals.structures.space import Space

__all__ = ["Sources"]


class Sources:
    """Atoms as the sources of their fields: finds the nearest for many points at once.

    >>> from voxpot_crystals.structures.space import Space
    >>> space = Space(np.eye(3) * 4.0)
    >>> Sources(np.zeros((1, 3)), space).nearest(np.array([[3.5, 0, 0]]))[0]
    array([[0.5, 0. , 0. ]])
    """

    def __init__(self, positions: Float[np.ndarray, "atom 3"], space: Space) -> None:
        self.space = space
        home = space.wrap(np.asarray(positions, float))
        shifts = space.images(space.farthest())
        self._owner = np.tile(np.arange(len(home)), len(shifts))
        self._places = (shifts[:, None] + home).reshape(-1, 3)
        self._tree = cKDTree(self._places)

    def nearest(
        self, points: Float[np.ndarray, "point 3"]
    ) -> tuple[Float[np.ndarray, "point 3"], Int[np.ndarray, " point"]]:
        """The position field in Å, and the index of the nearest atom."""
        inside = self.space.wrap(points)
        _, found = self._tree.query(inside)
        return self._places[found] - inside, self._owner[found]
