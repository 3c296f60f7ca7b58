"""Points of the fields in training (Chiba et al. 2023, Methods), or a random share of these.

everywhere   a grid of 1 Å through the cell (the box of all crystals in open space), shaken by 0.5 Å
around       0.3 Å apart within ± 0.6 Å of every atom, shaken by 0.15 Å
species      0.1 Å apart within ± 0.3 Å of every atom, shaken by 0.05 Å
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import ConfigError

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from voxpot_crystals.latent.structure_field.views import Seen

__all__ = ["Asked", "QuerySpec", "draw_queries", "local_grid"]

MARGIN = 1.0
"""Å around the box of all crystals, in open space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuerySpec:
    """Shares of the paper's queries per crystal and epoch, drawn in every epoch."""

    everywhere: float = 1.0
    around: float = 1.0
    species: float = 1.0

    def __post_init__(self) -> None:
        if not all(0 < share <= 1 for share in (self.everywhere, self.around, self.species)):
            raise ConfigError(f"queries: expected shares above 0 and up to 1, got {self}")


@dataclass(frozen=True, slots=True)
class Asked:
    """Queries of one crystal and the fields there."""

    points: Float[np.ndarray, "query 3"]  # Å, from the origin of the view
    displacement: Float[np.ndarray, "query 3"]  # Å
    species_points: Float[np.ndarray, "asked 3"]
    kinds: Int[np.ndarray, " asked"]


def local_grid(half: float, step: float) -> Float[np.ndarray, "point 3"]:
    """Points from -half on, ``step`` apart, the other end left out.

    >>> len(local_grid(0.6, 0.3)), len(local_grid(0.3, 0.1))
    (64, 216)
    """
    axis = np.arange(round(2 * half / step)) * step - half
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)


AROUND, SPECIES = local_grid(0.6, 0.3), local_grid(0.3, 0.1)


def _some(count: int, share: float, rng: np.random.Generator) -> Int[np.ndarray, " chosen"]:
    return rng.integers(count, size=max(round(share * count), 1)) if share < 1 else np.arange(count)


def _shaken(points: np.ndarray, width: float, rng: np.random.Generator) -> np.ndarray:
    return points + rng.normal(scale=width, size=points.shape)


def _beside(positions: np.ndarray, grid: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Points of the grid around every atom."""
    chosen = _some(len(positions) * len(grid), share, rng)
    return positions[chosen // len(grid)] + grid[chosen % len(grid)]


def draw_queries(seen: Seen, spec: QuerySpec, box: tuple[float, ...], rng: np.random.Generator) -> Asked:
    """Queries of one crystal.

    Args:
        seen: the crystal.
        spec: shares of the queries.
        box: greatest coordinates in Å for ``everywhere`` in open space; empty on a torus.
        rng: random numbers.
    """
    if box:
        axes = [np.arange(-MARGIN, high + MARGIN + 1e-9, 1.0) for high in box]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    else:
        count = np.maximum(np.round(np.linalg.norm(seen.cell, axis=1)).astype(int), 1)
        axes = [(np.arange(n) + rng.random()) / n for n in count]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3) @ seen.cell
    everywhere = _shaken(grid[_some(len(grid), spec.everywhere, rng)], 0.5, rng)
    around = _shaken(_beside(seen.positions, AROUND, spec.around, rng), 0.15, rng)
    points = np.concatenate([everywhere, around])
    species_points = _shaken(_beside(seen.positions, SPECIES, spec.species, rng), 0.05, rng)
    found = seen.sources.nearest(np.concatenate([points, species_points]))
    return Asked(points, found[0][: len(points)], species_points, seen.kinds[found[1][len(points) :]])
