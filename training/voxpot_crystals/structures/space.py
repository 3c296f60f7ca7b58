"""Open space, or the torus of a cell with periodic images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Float, Int

__all__ = ["Space", "open_space", "torus"]

MOST_IMAGES = 50_000
"""Largest number of images; ordinary cells have some hundreds."""


@dataclass(frozen=True, slots=True)
class Space:
    """A cell with periodic images, or open space (``cell`` is None)."""

    cell: Float[np.ndarray, "3 3"] | None  # rows in Å

    def wrap(self, points: Float[np.ndarray, "point 3"]) -> Float[np.ndarray, "point 3"]:
        """The same points, inside of the cell."""
        if self.cell is None:
            return points
        fraction = points @ np.linalg.inv(self.cell)
        return (fraction - np.floor(fraction)) @ self.cell

    def images(self, reach: float) -> Float[np.ndarray, "image 3"]:
        """Lattice vectors by which an atom of the cell can come within ``reach`` Å of a point of the cell."""
        if self.cell is None:
            return np.zeros((1, 3))
        ranges = [np.arange(-n, n + 1) for n in self._layers(reach)]
        return np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3) @ self.cell

    def compact(self) -> bool:
        """Whether the images that come near a point of the cell are few enough to be listed."""
        return self.cell is None or bool(np.prod(2 * self._layers(self.farthest()) + 1.0) <= MOST_IMAGES)

    def _layers(self, reach: float) -> Int[np.ndarray, " 3"]:
        """How many cells away, in each direction, an image within ``reach`` may be."""
        if self.cell is None:
            return np.zeros(3, int)
        return np.ceil(reach * np.linalg.norm(np.linalg.inv(self.cell), axis=0)).astype(int)

    def farthest(self) -> float:
        """No point of the cell is farther than this from the nearest lattice point, in Å; 0 in open space."""
        return 0.0 if self.cell is None else float(np.linalg.norm(self.cell, axis=1).sum() / 2)


open_space = Space(None)


def torus(atoms: Atoms) -> Space:
    """The space of a crystal."""
    return Space(np.array(atoms.cell[:]))
