"""Particles that follow a position field to its atoms (Chiba et al. 2023, their reconstruction algorithm).

Particles start on a grid and move by x ← x + p(x) until they rest.  Those that are still
far from where the field points are dropped; of the others the best (the shortest p) takes all
within a radius for its own atom, and so on.  An atom with too few particles is no atom.  Its place
is the mean of its particles, weighted by softmax(-|p|²).  On the torus, the same with minimum images;
and, beyond the paper, where the number of atoms is known, the most convincing ones are taken.
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
    longest: float = 0.9  # Å; a particle whose p is longer at the end has found nothing
    radius: float = 0.5  # Å; particles within it belong to one atom
    fewest: int = 10  # particles of an atom

    def __post_init__(self) -> None:
        if min(self.spacing, self.longest, self.radius) <= 0 or self.steps < 1 or self.fewest < 1:
            raise SpecError(f"expected positive lengths and counts for the flow of particles, got {self}")


def particle_grid(
    space: Space, spec: FlowSpec, box: tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]] | None = None
) -> Float[np.ndarray, "particle 3"]:
    """Where particles start: through the cell, or through a box (least and greatest corner) in open space."""
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
    """Every place that the particles come to, the start first; wrapped into the cell."""
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
        box: in open space, the corners of what to search through.
        count: how many there are, if that is known: then those that draw the field towards them most from all
            sides, be their particles as few as they are.

    Returns:
        Positions in Å, none if the field leads nowhere; fewer than ``count`` if it leads to fewer.
    """
    return _rested(field, space, spec, box) if count is None else ranked_atoms(field, space, spec, box=box)[:count]


def ranked_atoms(
    field: Callable[[np.ndarray], np.ndarray],
    space: Space,
    spec: FlowSpec = FlowSpec(),
    *,
    box: tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]] | None = None,
) -> Float[np.ndarray, "place 3"]:
    """All places where particles rest, be they as few as they are; first those that draw the field to them most."""
    places = _rested(field, space, replace(spec, fewest=1), box)
    return places[np.argsort(-agreement(field, places), kind="stable")]


def _rested(
    field: Callable[[np.ndarray], np.ndarray],
    space: Space,
    spec: FlowSpec,
    box: tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]] | None,
) -> Float[np.ndarray, "place 3"]:
    """Where particles come to rest, each place once."""
    places = trajectory(field, particle_grid(space, spec, box), space, spec)[-1]
    rest = np.linalg.norm(field(places), axis=1)
    kept = rest <= spec.longest
    return _clusters(places[kept], rest[kept], space, spec)


def agreement(
    field: Callable[[np.ndarray], np.ndarray], points: Float[np.ndarray, "point 3"], *, reach: float = 0.5
) -> Float[np.ndarray, " point"]:
    """How well all that is around a point is led to it: 1 - mean |x + p(x) - point| / reach, ``reach`` Å from it.

    1 at an atom of an exact field.  A learned field has other places where particles rest, between atoms
    above all; most of what is around these is led elsewhere.
    """
    sides = np.concatenate([np.eye(3), -np.eye(3)])
    around = (points[:, None] + reach * sides).reshape(-1, 3)
    missed = reach * sides + field(around).reshape(-1, 6, 3)
    return np.asarray(1 - np.linalg.norm(missed, axis=-1).mean(1) / reach)


def _clusters(places: np.ndarray, rest: np.ndarray, space: Space, spec: FlowSpec) -> np.ndarray:
    """Greedy: the particle nearest to its goal takes all around it, then the next of those left."""
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
