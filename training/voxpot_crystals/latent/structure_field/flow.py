"""Particles that follow a position field to its atoms (Chiba et al. 2023, their reconstruction algorithm).

Particles start on a grid and move by x ← x + p(x) until they converge.  Those with a long p are dropped; of
the others the best (the shortest p) and all particles within a radius form an atom, and so on.  Atoms with
too few particles are dropped.  The position of an atom is the mean of its particles, weighted by
softmax(-|p|²).  On the torus, the same with minimum images; and, beyond the paper, if the number of atoms
is known, the positions with the highest agreement are used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from ase_voxpot.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float

    from voxpot_crystals.structures.space import Space

__all__ = ["FlowSpec", "agreement", "find_atoms", "particle_grid", "ranked_atoms", "trajectory"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSpec:
    """The numbers of the algorithm; the defaults are the paper's."""

    spacing: float = 0.5  # Å, of the particles at the start
    margin: float = 0.5  # Å, around the box of the atoms, in open space
    steps: int = 64
    settled: float = 1e-3  # Å; when no particle moves further than this, the flow has ended
    longest: float = 0.9  # Å; particles with a longer p at the end are dropped
    radius: float = 0.5  # Å; particles within it belong to one atom
    fewest: int = 10  # particles of an atom

    def __post_init__(self) -> None:
        if min(self.spacing, self.longest, self.radius) <= 0 or self.steps < 1 or self.fewest < 1:
            raise SpecError(f"expected positive lengths and counts for the flow of particles, got {self}")


def particle_grid(
    space: Space, spec: FlowSpec, box: tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]] | None = None
) -> Float[np.ndarray, "particle 3"]:
    """Initial positions of particles: through the cell, or through a box (least and greatest corner) in open space."""
    if space.cell is None:
        if box is None:
            raise SpecError("expected the box that the atoms are in, as open space has no cell")
        axes = [
            np.arange(low - spec.margin, high + spec.margin + 1e-9, spec.spacing)
            for low, high in zip(*box, strict=True)
        ]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    count = np.maximum(np.ceil(np.linalg.norm(space.cell, axis=1) / spec.spacing).astype(int), 1)
    axes = [(np.arange(n) + 0.5) / n for n in count]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3) @ space.cell


def trajectory(
    field: Callable[[np.ndarray], np.ndarray], start: Float[np.ndarray, "particle 3"], space: Space, spec: FlowSpec
) -> Float[np.ndarray, "step particle 3"]:
    """Positions of the particles at every step, the start first; wrapped into the cell."""
    places = [start]
    for _ in range(spec.steps):
        step = field(places[-1])
        places.append(space.wrap(places[-1] + step))
        if np.abs(step).max(initial=0) < spec.settled:
            break
    return np.array(places)


def find_atoms(
    field: Callable[[np.ndarray], np.ndarray],
    space: Space,
    spec: FlowSpec = FlowSpec(),
    *,
    box: tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]] | None = None,
    count: int | None = None,
) -> Float[np.ndarray, "atom 3"]:
    """The atoms of a position field.

    Args:
        field: points (n, 3) in Å to vectors to their nearest atom.
        space: torus or open space.
        spec: the numbers of the algorithm.
        box: in open space, the corners of the search region.
        count: number of atoms, if known: then those with the highest agreement of the
            field around them, whatever the number of their particles.

    Returns:
        Positions in Å, possibly fewer than ``count``.
    """
    return _rested(field, space, spec, box) if count is None else ranked_atoms(field, space, spec, box=box)[:count]


def ranked_atoms(
    field: Callable[[np.ndarray], np.ndarray],
    space: Space,
    spec: FlowSpec = FlowSpec(),
    *,
    box: tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]] | None = None,
) -> Float[np.ndarray, "place 3"]:
    """All positions where particles converge, in order of decreasing agreement of the field."""
    places = _rested(field, space, replace(spec, fewest=1), box)
    return places[np.argsort(-agreement(field, places), kind="stable")]


def _rested(
    field: Callable[[np.ndarray], np.ndarray],
    space: Space,
    spec: FlowSpec,
    box: tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]] | None,
) -> Float[np.ndarray, "place 3"]:
    """Distinct positions where particles converge."""
    places = trajectory(field, particle_grid(space, spec, box), space, spec)[-1]
    rest = np.linalg.norm(field(places), axis=1)
    kept = rest <= spec.longest
    return _clusters(places[kept], rest[kept], space, spec)


def agreement(
    field: Callable[[np.ndarray], np.ndarray], points: Float[np.ndarray, "point 3"], *, reach: float = 0.5
) -> Float[np.ndarray, " point"]:
    """Agreement of the field around a point: 1 - mean |x + p(x) - point| / reach, over points ``reach`` Å from it.

    It is 1 at an atom of an exact field.  A learned field has spurious fixed points, mostly between
    atoms, with low agreement.
    """
    sides = np.concatenate([np.eye(3), -np.eye(3)])
    around = (points[:, None] + reach * sides).reshape(-1, 3)
    missed = reach * sides + field(around).reshape(-1, 6, 3)
    return np.asarray(1 - np.linalg.norm(missed, axis=-1).mean(1) / reach)


def _clusters(places: np.ndarray, rest: np.ndarray, space: Space, spec: FlowSpec) -> np.ndarray:
    """Greedy clusters around particles, in order of increasing |p|."""
    shifts = space.images(spec.radius)
    owner = np.tile(np.arange(len(places)), len(shifts))
    copies = (shifts[:, None] + places).reshape(-1, 3)
    near = cKDTree(copies).query_ball_point(places, spec.radius) if len(places) else []
    free = np.ones(len(places), bool)
    atoms = []
    for first in np.argsort(rest, kind="stable"):
        if not free[first]:
            continue
        members = np.array([k for k in near[first] if free[owner[k]]])
        free[owner[members]] = False
        if len(members) < spec.fewest:
            continue
        weight = np.exp(-(rest[owner[members]] ** 2))
        atoms.append(weight @ copies[members] / weight.sum())
    return space.wrap(np.array(atoms).reshape(-1, 3))
