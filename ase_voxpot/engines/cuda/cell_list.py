"""Neighbours by a cell list, in torch: exact in any cell, on the device where the positions are.

Space is divided into bins no narrower than the reach where the cell allows; in smaller cells the neighbours
of a bin include its own images.  Directions that are not periodic get a box around the atoms.  Found pairs
are the same as those of ``neighbours.verlet``, which searches on the host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

__all__ = ["Found", "search"]

CANDIDATES = 2**23
"""Pairs examined at a time; less than a GB."""


@dataclass(frozen=True, slots=True)
class Found:
    """Directed pairs sorted by centre, and the vectors of cell numbers that lead to the images."""

    centre: Int[Tensor, " pair"]
    neighbour: Int[Tensor, " pair"]
    shift: Int[Tensor, "pair 3"]


@dataclass(frozen=True, slots=True)
class _Bins:
    """Atoms sorted by the bin they are in."""

    where: Int[Tensor, "atom 3"]  # bin of every atom
    count: Int[Tensor, " bin"]
    first: Int[Tensor, " bin"]
    order: Int[Tensor, " atom"]
    shape: Int[np.ndarray, " 3"]
    around: Int[Tensor, "step 3"]  # steps to the neighbours of a bin


def _box(
    positions: Float[np.ndarray, "atom 3"], cell: Float[np.ndarray, "3 3"], pbc: np.ndarray
) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, " 3"]]:
    """Three vectors that span the atoms, and the corner they start from."""
    free = ~pbc
    box = cell.astype(float)
    if free.any():
        box[free] = np.linalg.svd(cell[pbc])[2][pbc.sum() :] if pbc.any() else np.eye(3)
    along = positions @ np.linalg.inv(box)
    corner = np.where(free, along.min(axis=0), 0.0) @ box
    box[free] *= np.maximum(np.ptp(along, axis=0), 1e-3)[free, None] * (1 + 1e-9)
    return box, corner


def _divide(
    box: Float[np.ndarray, "3 3"], pbc: np.ndarray, reach: float, atoms: int
) -> tuple[Int[np.ndarray, " 3"], Int[np.ndarray, "step 3"]]:
    """Number of bins in each direction, no more than atoms, and the steps to all bins within reach."""
    heights = 1 / np.linalg.norm(np.linalg.inv(box), axis=0)
    shape = np.maximum(np.floor(heights / reach), 1).astype(int)
    while shape.prod() > max(atoms, 27):
        shape[shape.argmax()] = (shape.max() + 1) // 2
    far = np.ceil(reach / (heights / shape) - 1e-9).astype(int)
    far = np.where(pbc, far, np.minimum(far, shape - 1))
    steps = np.stack(np.meshgrid(*(np.arange(-f, f + 1) for f in far), indexing="ij"), axis=-1)
    return shape, steps.reshape(-1, 3)


def _bins(fraction: Float[Tensor, "atom 3"], shape: np.ndarray, steps: np.ndarray) -> _Bins:
    """Sort atoms with coordinates from 0 to 1."""
    size = torch.tensor(shape.tolist(), device=fraction.device)
    where = torch.minimum((fraction * size).long().clamp(min=0), size - 1)
    number = (where[:, 0] * shape[1] + where[:, 1]) * shape[2] + where[:, 2]
    count = torch.bincount(number, minlength=int(shape.prod()))
    around = torch.from_numpy(steps).to(fraction.device)
    return _Bins(where, count, count.cumsum(0) - count, number.argsort(stable=True), shape, around)


def _candidates(
    bins: _Bins, start: int, stop: int, pbc: Tensor
) -> tuple[Int[Tensor, " pair"], Int[Tensor, " pair"], Int[Tensor, "pair 3"]]:
    """Every atom from ``start`` to ``stop`` with all in the bins around, and which image of them is meant."""
    target = bins.where[start:stop, None] + bins.around  # atom step 3
    size = torch.tensor(bins.shape.tolist(), device=target.device)
    image = torch.div(target, size, rounding_mode="floor")
    there = ((image == 0) | pbc).all(2)
    target = target - image * size
    number = (target[..., 0] * size[1] + target[..., 1]) * size[2] + target[..., 2]
    count = torch.where(there, bins.count[number], 0).flatten()
    owner = torch.repeat_interleave(count)  # which atom and step
    place = torch.arange(len(owner), device=owner.device) - (count.cumsum(0) - count)[owner]
    neighbour = bins.order[bins.first[number].flatten()[owner] + place]
    return owner // len(bins.around) + start, neighbour, image.flatten(0, 1)[owner]


def search(
    positions: Float[Tensor, "atom 3"],
    cell: Float[np.ndarray, "3 3"],
    pbc: np.ndarray,
    reach: float,
    *,
    candidates: int = CANDIDATES,
) -> Found:
    """All pairs nearer than ``reach`` Å, images included.

    Args:
        positions: Å, float64, on the device of the search.
        cell: rows are lattice vectors, in Å; those of directions that are not periodic are ignored.
        pbc: which directions are periodic.
        reach: Å.
        candidates: number of pairs examined at a time.
    """
    host = positions.cpu().numpy()
    box, corner = _box(host, cell, pbc)
    shape, steps = _divide(box, pbc, reach, len(host))
    device, periodic = positions.device, torch.from_numpy(pbc).to(positions.device)
    frame, inverse = (torch.from_numpy(m).to(device) for m in (box, np.linalg.inv(box)))
    fraction = (positions - torch.from_numpy(corner).to(device)) @ inverse
    home = torch.where(periodic, fraction.floor(), 0.0)
    fraction = fraction - home
    wrapped, home = fraction @ frame, home.long()
    bins = _bins(fraction, shape, steps)
    seen = max(int(len(host) / shape.prod() * len(steps)), 1)  # by an atom, on average
    chunk = max(candidates // max(seen, len(steps)), 1)
    parts = []
    for start in range(0, len(host), chunk):
        centre, neighbour, image = _candidates(bins, start, min(start + chunk, len(host)), periodic)
        offset = wrapped[neighbour] - wrapped[centre] + image.to(frame.dtype) @ frame
        near = (offset * offset).sum(1) < reach * reach
        near &= (centre != neighbour) | (image != 0).any(1)
        centre, neighbour = centre[near], neighbour[near]
        parts.append((centre, neighbour, image[near] - home[neighbour] + home[centre]))
    centre, neighbour, shift = (torch.cat(column) for column in zip(*parts, strict=True))
    return Found(centre, neighbour, shift)
