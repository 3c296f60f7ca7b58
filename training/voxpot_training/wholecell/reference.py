"""Voxels of a whole cell by their equations, in plain Python loops: the reference of ``wholecell``.

The loops run over voxels and atoms.
"""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

    from voxpot_training.wholecell.boxes import Box
    from voxpot_training.wholecell.voxelizer import WholeCellSpec

__all__ = ["is_inside", "voxelize_frame"]

Vector = tuple[float, float, float]
Voxel = tuple[int, int, int]


def is_inside(along: Vector, voxel: tuple[int, int, int]) -> bool:
    """Eq. 2, for a point given along the edges of the box in units of a voxel."""
    return all(index < t <= index + 1 for t, index in zip(along, voxel, strict=True))


def voxelize_frame(
    positions: Float[np.ndarray, "atom 3"],
    charges: Float[np.ndarray, " atom"],
    spec: WholeCellSpec,
    *,
    box: Box,
    unit: Sequence[float],
) -> Float[np.ndarray, "n n n"]:
    """Voxels of one frame; atoms outside of the box are left out.

    Args:
        positions: Å.
        charges: Z of the atoms.
        spec: reading, γ and number of voxels.
        box: of this frame or of all.
        unit: Å that become 1 along x, y, z.
    """
    n = spec.n
    sigma = spec.gamma if spec.gamma_is == "sigma" else math.sqrt(spec.gamma)
    inverse = np.linalg.inv(np.array(box.edges)).tolist()
    atoms: list[Vector] = [(float(x), float(y), float(z)) for x, y, z in positions]
    along = [_along(atom, box, inverse, n) for atom in atoms]
    present = [k for k, t in enumerate(along) if all(0 < s <= n for s in t)]

    def density(point: Vector, sources: list[int]) -> float:
        total = 0.0
        for k in sources:
            square = sum(((p - x) / s) ** 2 for p, x, s in zip(point, atoms[k], unit, strict=True))
            total += float(charges[k]) * math.exp(-square / (2 * sigma * sigma))
        return total

    def value(voxel: Voxel) -> float:
        inside = [k for k in present if is_inside(along[k], voxel)]
        if spec.reading == "atoms":
            return sum(density(atoms[k], present) for k in inside)
        if spec.reading == "inside":
            return density(_centre(voxel, box, n), inside)
        return density(_centre(voxel, box, n), present) if inside or spec.reading == "field" else 0.0

    out = np.zeros((n, n, n))
    for a, b, c in product(range(n), repeat=3):
        out[a, b, c] = value((a, b, c))
    return out


def _along(atom: Vector, box: Box, inverse: list[list[float]], n: int) -> Vector:
    """k·u*, k·v*, k·w* for the corner of the box, in units of a voxel."""
    k = [atom[m] - box.origin[m] for m in range(3)]
    x, y, z = (n * (k[0] * inverse[0][e] + k[1] * inverse[1][e] + k[2] * inverse[2][e]) for e in range(3))
    return x, y, z


def _centre(voxel: tuple[int, int, int], box: Box, n: int) -> Vector:
    x, y, z = (box.origin[m] + sum((voxel[e] + 0.5) / n * box.edges[e][m] for e in range(3)) for m in range(3))
    return x, y, z
