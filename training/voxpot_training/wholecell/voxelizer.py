"""One grid over a whole cell: the voxels of Singh et al., arXiv 1811.09724 (2018).

A box is cut into n³ voxels.  An atom is in a voxel with corner P and edges u, v, w if (their Eq. 2)

    0 < k·u* ≤ 1,  0 < k·v* ≤ 1,  0 < k·w* ≤ 1        k = x - P,  u*·u = 1,  u*·v = u*·w = 0

so that the lower faces are out, the upper ones in, and every point of the box is in exactly
one voxel.  They project on u, v, w themselves, which is the same for rectangular boxes;
in oblique ones their voxels would overlap.  The descriptor is (their Eq. 1)

    V(x) = Σ_i Z_i exp(-|x - x_i|² / 2γ²)               coordinates over the largest of all

Ambiguities of the paper are options of ``WholeCellSpec``.  The method is not periodic and
does not distinguish atoms of one element.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ase_voxpot.errors import PositionError, SpecError, StructureError
from ase_voxpot.voxelize.fifo import serve
from voxpot_training.wholecell.boxes import (
    MARGIN,
    Box,
    arrays_of,
    bounding_box,
    boxes_around,
    check_frames,
    directions,
)
from voxpot_training.wholecell.kernels import PAINT, field_in_rectangles, locate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jaxtyping import Float

__all__ = ["WholeCellSpec", "open_voxels", "unit_length", "voxelize"]

PIECE = 512
"""Frames in one piece of work: enough to make the queue cheap, few enough to stay in the cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeCellSpec:
    """Parameters of the voxels.

    ``reading``, the interpretation of the paper (default: its Eq. 1, a sum over all atoms at the
    voxel; the others are discontinuous when an atom moves to another voxel):

        field       V at the centre of every voxel, of all atoms; Eq. 2 selects atoms in the box
        occupied    the same, but 0 in voxels without atoms
        inside      V at the centre of the voxel, of the atoms inside it only; 0 where there are none
        atoms       V of all atoms at the places of those inside, added up; 0 where there are none

    >>> WholeCellSpec(n=4, box="ibb").reading
    'field'
    """

    n: int = 8  # voxels along each edge
    box: Literal["obb", "ibb"] = "obb"  # one box around all frames, or one around each
    reading: Literal["field", "occupied", "inside", "atoms"] = "field"
    gamma: float = 2.0  # in units of the normalised coordinates
    gamma_is: Literal["sigma", "variance"] = "sigma"  # the text says variance, but the formula squares it
    # The largest of what is 1: of all coordinates, which keeps Gaussians round; of those of each axis; of the
    # distances from the origin; or coordinates stay in Å.  Over all frames with obb, over its own with ibb.
    normalise: Literal["component", "axis", "norm", "none"] = "component"
    outside: Literal["refuse", "count", "clip"] = "refuse"  # atoms in no voxel: left out, or put in the nearest
    margin: float = MARGIN  # by which a box exceeds its atoms, in its edges

    def __post_init__(self) -> None:
        if self.n < 1:
            raise SpecError(f"n: expected a whole number of voxels from 1 on, got {self.n}")
        if not (np.isfinite(self.gamma) and self.gamma > 0):
            raise SpecError(f"gamma: expected a positive number, got {self.gamma}")
        if not 0 <= self.margin < 10:
            raise SpecError(f"margin: expected a part of the edges from 0 on, got {self.margin}")
        if self.reading not in PAINT:
            raise SpecError(f"reading: expected one of {', '.join(PAINT)}, got {self.reading!r}")


def unit_length(positions: Float[np.ndarray, "frame atom 3"], spec: WholeCellSpec) -> Float[np.ndarray, "frame 3"]:
    """Å that become 1 along x, y, z when coordinates are normalised; one row for all frames with obb.

    Raises:
        PositionError: all coordinates are 0.
    """
    of_frame = _NORMALISE[spec.normalise](positions)
    unit: np.ndarray = np.asarray(of_frame if spec.box == "ibb" else of_frame.max(axis=0, keepdims=True))
    if not (np.isfinite(unit) & (unit > 0)).all():
        raise PositionError("coordinates: expected numbers that differ from 0 to normalise them by, got none or NaN")
    return unit


def open_voxels(path: Path, frames: int, n: int) -> np.memmap:
    """A new .npy file of float32 voxels [frame, n, n, n], mapped into memory."""
    return np.lib.format.open_memmap(path, "w+", np.float32, (frames, n, n, n))


def voxelize(
    positions: Float[np.ndarray, "frame atom 3"],
    charges: Float[np.ndarray, " atom"],
    spec: WholeCellSpec,
    *,
    box: Box | None = None,
    unit: Float[np.ndarray, "one 3"] | None = None,
    axes: Float[np.ndarray, "3 3"] | None = None,
    out: Float[np.ndarray, "frame n n n"] | None = None,
    threads: int = 1,
    progress: Callable[[int], None] = lambda frames: None,
) -> tuple[Float[np.ndarray, "frame n n n"], int]:
    """Voxels of every frame, and how many atoms were in none of them.

    Frames are read in order by a queue and processed by threads, so that ``positions`` may be mapped
    from a file.

    Args:
        positions: Å, the same atoms in the same order in every frame.
        charges: Z of the atoms.
        spec: how.
        box: the outer box (obb); around these frames without it.
        unit: Å that become 1, one row; by ``unit_length`` of these frames without it.
        axes: directions of the edges of bounding boxes; x, y, z without them.
        out: where to write, such as ``open_voxels``; a new array of float32 without it.
        threads: how many.
        progress: called with the number of frames done, after every piece, by any thread.

    Raises:
        EmptyStructureError: no frames or no atoms.
        StructureError: atoms outside of the box, with ``outside = "refuse"``; other shapes than expected.
        PositionError: a position is NaN or infinite.
        CellError: atoms or axes span no volume.
    """
    frames = check_frames(positions, charges)
    shape = (frames, spec.n, spec.n, spec.n)
    out = np.empty(shape, np.float32) if out is None else out
    if out.shape != shape:
        raise StructureError(f"out: expected an array of {shape}, got {out.shape}")
    grid = _Grid(positions, np.asarray(charges, float), spec, box=box, unit=unit, axes=axes)
    flat = out.reshape(frames, -1)
    lost: list[int] = []

    def paint(piece: tuple[int, int]) -> None:
        start, stop = piece
        lost.append(grid.paint(positions[start:stop], start, flat[start:stop]))
        progress(stop - start)

    serve(_pieces(frames), paint, threads=threads)
    return out, sum(lost)


class _Grid:
    """Parameters shared by all frames."""

    def __init__(
        self,
        positions: np.ndarray,
        charges: np.ndarray,
        spec: WholeCellSpec,
        *,
        box: Box | None,
        unit: np.ndarray | None,
        axes: np.ndarray | None,
    ) -> None:
        self._charges, self._spec = charges, spec
        self._box: tuple[np.ndarray, np.ndarray] | None = None
        self._axes, self._inverse = directions(axes)
        if spec.box == "obb":
            box = box or bounding_box(positions, margin=spec.margin, axes=axes)
            self._axes, self._inverse, length = arrays_of(box)
            self._box = np.array([box.origin], float), length
            unit = unit_length(positions, spec) if unit is None else np.asarray(unit, float)
        self._unit = unit
        rectangles = np.array_equal(self._axes, np.eye(3))
        self._paint = field_in_rectangles if rectangles and spec.reading == "field" else PAINT[spec.reading]

    def paint(self, positions: np.ndarray, first: int, out: np.ndarray) -> int:
        """Compute frames from ``first`` on; returns the number of atoms in no voxel."""
        spec = self._spec
        if not np.isfinite(positions).all():
            frame, atom = np.argwhere(~np.isfinite(positions))[0, :2]
            raise PositionError(f"frame {first + frame}: the position of atom {atom} is NaN or infinite")
        unit = unit_length(positions, spec) if self._unit is None else self._unit
        origin, length = self._box or boxes_around(positions, self._axes, self._inverse, spec.margin, first=first)
        voxel = np.empty(positions.shape[:2], np.int32)
        lost = int(locate(positions, origin, length, self._inverse, spec.n, spec.outside == "clip", voxel))
        if lost and spec.outside == "refuse":
            frame, atom = np.argwhere(voxel < 0)[0]
            raise StructureError(
                f"frame {first + frame}: expected all atoms inside the box, got atom {atom} at "
                f"{np.round(positions[frame, atom], 3)} Å outside; take a larger box, or count or clip them"
            )
        square = 1.0 if spec.gamma_is == "variance" else spec.gamma
        rate = 1 / (2 * spec.gamma * square * unit * unit)
        self._paint(positions, self._charges, voxel, origin, length, self._axes, rate, spec.n, out)
        return lost


def _pieces(frames: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + PIECE, frames)) for start in range(0, frames, PIECE))


_NORMALISE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "component": lambda x: np.repeat(np.maximum(x.max((1, 2)), -x.min((1, 2)))[:, None], 3, axis=1).astype(float),
    "axis": lambda x: np.maximum(x.max(axis=1), -x.min(axis=1)).astype(float),
    "norm": lambda x: np.repeat(np.sqrt((x * x).sum(axis=2).max(axis=1))[:, None], 3, axis=1).astype(float),
    "none": lambda x: np.ones((len(x), 3)),
}
"""Å that become 1, for every frame and axis."""
