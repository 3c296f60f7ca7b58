"""Nearest neighbours in fractional coordinates, for crystals that are being changed.

The neighbours that a graph takes jump when two distances cross.  With a ``width`` the last
place is smooth: every neighbour has a weight, which falls from 1 to 0 beyond the distance of the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__ = ["Shells", "shells_of"]

SAME = 1e-3
"""Å; an atom is not its own neighbour."""
STEEPEST = 30.0
"""Exponent at which a weight is 0 or 1."""


@dataclass(frozen=True, slots=True)
class Shells:
    """Directed edges sorted by their centre, with the cells that the neighbours are in."""

    centre: Int[np.ndarray, " edge"]
    neighbour: Int[np.ndarray, " edge"]
    image: Float[np.ndarray, "edge 3"]  # whole numbers

    def distances(
        self, fractions: Float[np.ndarray, "trial atom 3"], gram: Float[np.ndarray, "trial 3 3"]
    ) -> Float[np.ndarray, "trial edge"]:
        """Lengths in Å in several crystals with the same edges."""
        offset = fractions[:, self.neighbour] - fractions[:, self.centre] + self.image
        return np.sqrt(np.maximum(((offset @ gram) * offset).sum(-1), SAME**2))

    def weights(
        self, distance: Float[np.ndarray, "trial edge"], *, nearest: int, width: float
    ) -> Float[np.ndarray, "trial edge"]:
        """1 / (1 + exp((d - d_last) / width - 2)), where d_last is the distance of the last of the ``nearest``."""
        last = np.empty_like(distance)
        first = np.searchsorted(self.centre, np.arange(self.centre[-1] + 2))
        for begin, end in zip(first[:-1], first[1:], strict=True):
            place = min(nearest, end - begin) - 1
            last[:, begin:end] = np.partition(distance[:, begin:end], place, axis=1)[:, place, None]
        return np.asarray(1 / (1 + np.exp(np.clip((distance - last) / width - 2, -STEEPEST, STEEPEST))))


def shells_of(
    fractions: Float[np.ndarray, "atom 3"],
    cell: Float[np.ndarray, "3 3"],
    *,
    nearest: int,
    cutoff: float,
    margin: float,
) -> Shells | None:
    """The nearest neighbours of every atom, images included.

    Args:
        fractions: positions.
        cell: rows in Å.
        nearest: how many.
        cutoff: Å, no further than that.
        margin: Å; those at most so much farther than the last belong to them.

    Returns:
        The edges; None if an atom has no neighbour.
    """
    layers = np.ceil(cutoff * np.linalg.norm(np.linalg.inv(cell), axis=0) + 0.5).astype(int)
    axes = [np.arange(-n, n + 1) for n in layers]
    images = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    difference = fractions - fractions[:, None]
    home = -np.round(difference)
    distance = np.linalg.norm(((difference + home) @ cell)[:, :, None] + images @ cell, axis=-1)
    distance = distance.reshape(len(fractions), -1)
    distance[(distance < SAME) | (distance > cutoff)] = np.inf
    if np.isinf(distance.min(1)).any():
        return None
    place = min(nearest, distance.shape[1]) - 1
    last = np.partition(distance, place, axis=1)[:, place, None]
    centre, found = np.nonzero((distance <= last + margin) & np.isfinite(distance))
    neighbour, image = np.divmod(found, len(images))
    return Shells(centre, neighbour, home[centre, neighbour] + images[image])
