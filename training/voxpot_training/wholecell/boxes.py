"""Parallelepipeds around atoms, and the voxels of atoms in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import CellError, EmptyStructureError, PositionError, StructureError
from voxpot_training.wholecell.kernels import bounds, locate

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__ = ["MARGIN", "Box", "arrays_of", "bounding_box", "boxes_around", "check_frames", "directions", "locate_atoms"]

MARGIN = 1e-6
"""Relative margin, so that atoms on a lower face are in a voxel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A parallelepiped: origin and rows of edges in Å."""

    origin: tuple[float, ...]
    edges: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        edges = np.array(self.edges, float)
        shapes = np.shape(self.origin), edges.shape
        if shapes != ((3,), (3, 3)) or not np.isfinite([*self.origin, *edges.flat]).all():
            raise CellError(f"box: expected an origin of 3 and edges of 3 x 3 finite numbers, got {shapes}")
        if abs(np.linalg.det(edges)) < 1e-9 * np.prod(np.linalg.norm(edges, axis=1)) or not edges.any(axis=1).all():
            raise CellError(f"box: expected edges that span a volume, got {self.edges}")


def bounding_box(
    positions: Float[np.ndarray, "frame atom 3"],
    *,
    margin: float = MARGIN,
    axes: Float[np.ndarray, "3 3"] | None = None,
) -> Box:
    """The smallest box around all atoms of all frames.

    Args:
        positions: Å.
        margin: by which it exceeds them on every side, in units of its edges.
        axes: directions of its edges, in rows; x, y, z without them.

    Raises:
        EmptyStructureError: there are no atoms.
        PositionError: a position is NaN or infinite.
        CellError: the atoms, or the axes, span no volume.
    """
    check_frames(positions)
    origin, length = boxes_around(positions, *directions(axes), margin, shared=True)
    edges = length[0][:, None] * directions(axes)[0]
    return Box(origin=tuple(map(float, origin[0])), edges=tuple(tuple(map(float, e)) for e in edges))


def locate_atoms(
    positions: Float[np.ndarray, "frame atom 3"], box: Box, n: int, *, clip: bool = False
) -> Int[np.ndarray, "frame atom"]:
    """Number (a n + b) n + c of the voxel that every atom is in; -1 if in none.

    Args:
        positions: Å.
        box: cut into n³ voxels, a along its first edge.
        n: voxels along each edge.
        clip: put atoms outside into the nearest voxel along each edge.
    """
    axes, inverse, length = arrays_of(box)
    voxel = np.empty(positions.shape[:2], np.int32)
    locate(positions, np.array([box.origin], float), length, inverse, n, clip, voxel)
    return voxel


def check_frames(positions: np.ndarray, charges: np.ndarray | None = None) -> int:
    """Number of frames."""
    if positions.ndim != 3 or positions.shape[2:] != (3,):
        raise StructureError(f"positions: expected an array [frame, atom, 3], got {positions.shape}")
    if 0 in positions.shape:
        raise EmptyStructureError(f"expected frames with atoms, got an array {positions.shape}")
    if charges is not None and np.shape(charges) != positions.shape[1:2]:
        raise StructureError(f"charges: expected one for each of {positions.shape[1]} atoms, got {np.shape(charges)}")
    return len(positions)


def directions(axes: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Rows of unit vectors, and their inverse."""
    if axes is None:
        return np.eye(3), np.eye(3)
    edges = tuple(tuple(map(float, row)) for row in np.reshape(axes, (3, 3)))
    return arrays_of(Box(origin=(0.0, 0.0, 0.0), edges=edges))[:2]


def arrays_of(box: Box) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors along the edges, their inverse, and the lengths as one row."""
    edges = np.array(box.edges, float)
    length = np.linalg.norm(edges, axis=1)
    axes = edges / length[:, None]
    return axes, np.linalg.inv(axes), length[None]


def boxes_around(
    positions: np.ndarray, axes: np.ndarray, inverse: np.ndarray, margin: float, *, shared: bool = False, first: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Origins and lengths of the boxes of every frame, or of the one around all."""
    low, high = np.empty((len(positions), 3)), np.empty((len(positions), 3))
    bounds(positions, inverse, low, high)
    bad = np.flatnonzero(~np.isfinite(high - low).all(axis=1))
    if len(bad):
        raise PositionError(f"frame {first + bad[0]}: a position is NaN or infinite")
    if shared:
        low, high = low.min(axis=0, keepdims=True), high.max(axis=0, keepdims=True)
    flat = np.flatnonzero(((high - low) <= 0).any(axis=1))
    if len(flat):
        raise CellError(f"frame {first + flat[0]}: expected atoms that span a volume, got them in one plane")
    length = (high - low) * (1 + 2 * margin)
    return (low - (high - low) * margin) @ axes, length
