"""All pairs within a distance, by vesin's cell list, with guards for cells that it cannot divide.

It is exact in small and triclinic cells, with any mixture of periodic directions and
without a cell at all, where matscipy (as fast on large cells, half as fast on small
ones) requires a cell with a volume.  Structures with long empty space, thin plates and wires are
passed to it in a cell that it can divide.
"""

from __future__ import annotations

import sys
import threading
from functools import cache
from importlib import import_module
from importlib.abc import MetaPathFinder
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from types import ModuleType

    from jaxtyping import Float, Int

__all__ = ["Found", "huddled", "search"]

CELLS = 1e5
"""Largest number of bins of vesin."""


class Found(NamedTuple):
    """Directed pairs sorted by centre, and the images they lead to."""

    first: Int[np.ndarray, " atom_plus_1"]  # those of atom i are first[i]:first[i + 1]
    centre: Int[np.ndarray, " pair"]
    neighbour: Int[np.ndarray, " pair"]
    image: Int[np.ndarray, " pair"]  # index of the shift from the neighbour to its image
    shifts: Float[np.ndarray, "image 3"]  # numbers of cell vectors


class _NoTorch(MetaPathFinder):
    """An import hook that hides torch in the thread that made it."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Raise for torch; return None for all other modules."""
        if name == "torch" and threading.get_ident() == self._thread:
            raise ModuleNotFoundError("No module named 'torch'", name="torch")


@cache
def _vesin() -> ModuleType:
    """The package vesin, without torch.

    vesin imports torch if it is installed, which takes seconds and is not needed here.  A process that has
    imported neither gets a separate copy of the module, made while torch is hidden; the next ``import
    vesin`` makes another one, with torch.
    """
    if "torch" in sys.modules or "vesin" in sys.modules:
        return import_module("vesin")
    blocker = _NoTorch()
    sys.meta_path.insert(0, blocker)
    try:
        return import_module("vesin")
    finally:
        sys.meta_path.remove(blocker)
        for name in [name for name in sys.modules if name.split(".")[0] == "vesin"]:
            del sys.modules[name]


def _distinct(
    shift: Int[np.ndarray, "pair 3"],
) -> tuple[Int[np.ndarray, " pair"], Float[np.ndarray, "image 3"]]:
    """Each row as a number, and the rows that these numbers mean."""
    least = shift.min(axis=0, initial=0)
    span = shift.max(axis=0, initial=0) - least + 1
    if span.prod(dtype=float) > 2**62:  # rows of atoms this far away have no number of 64 bits
        rows, number = np.unique(shift, axis=0, return_inverse=True)
        return number.ravel().astype(np.int32), rows.astype(float)
    number = np.ravel_multi_index(tuple((shift - least).T), tuple(span))
    if span.prod() < 4096:  # atoms near the cell: no need to sort
        used = np.arange(span.prod())
    else:
        used, number = np.unique(number, return_inverse=True)
    rows = np.stack(np.unravel_index(used, tuple(span)), axis=1) + least
    return number.astype(np.int32), rows.astype(float)


def huddled(
    positions: Float[np.ndarray, "atom 3"], cell: Float[np.ndarray, "3 3"], pbc: Any, reach: float
) -> Float[np.ndarray, "atom 3"]:
    """The positions with empty space made shorter where nothing is periodic: pairs within ``reach`` are the same."""
    periodic = cell[np.asarray(pbc)]
    across = np.linalg.svd(periodic)[2][len(periodic) :] if len(periodic) else np.eye(3)
    out = positions
    for direction in across:
        along = positions @ direction
        order = np.argsort(along)
        spare = (np.diff(along[order]) - 2 * reach).clip(min=0)
        if spare.any():
            shift = np.zeros(len(positions))
            shift[order[1:]] = np.cumsum(spare)
            out = out - shift[:, None] * direction
    return out


def _wide(positions: Float[np.ndarray, "atom 3"], cell: Float[np.ndarray, "3 3"], pbc: Any, reach: float) -> float:
    """How far to search, ``reach`` or more: so far that vesin divides a plate or a wire into few bins.

    vesin reduces more than ``CELLS`` bins in all three directions alike; if less than one is left in a direction,
    it divides by zero, which ends the process.
    """
    free = ~np.asarray(pbc)
    box = cell.copy()
    box[free] = np.linalg.svd(cell[~free])[2][3 - free.sum() :] if not free.all() else np.eye(3)
    spans = 1 / np.linalg.norm(np.linalg.inv(box), axis=0)  # between opposite faces
    spans[free] = np.ptp(positions, axis=0)[free]
    while True:
        cells = np.trunc(spans / reach).clip(min=1)
        if cells.prod() <= CELLS / 2 or cells.min() * np.cbrt(CELLS / cells.prod()) >= 2:
            return reach
        reach *= 1.5


def search(
    positions: Float[np.ndarray, "atom 3"],
    cell: Float[np.ndarray, "3 3"],
    pbc: Any,
    reach: float,
    *,
    threads: int = 0,
) -> Found:
    """All directed pairs within ``reach`` Å, and more for some shapes of the cell, see ``_wide``.

    Args:
        positions: Å, finite.
        cell: rows are lattice vectors, in Å; those of periodic directions span a volume.
        pbc: which directions are periodic.
        reach: Å.
        threads: 0 for ``OMP_NUM_THREADS`` or all cores.
    """
    points = huddled(positions, cell, pbc, reach)
    far = _wide(points, cell, pbc, reach)
    wanted = _vesin().NeighborList(cutoff=far, full_list=True, sorted=True, n_threads=threads)
    centre, neighbour, shift = wanted.compute(points=points, box=cell, periodic=pbc, quantities="ijS", copy=False)
    first = np.zeros(len(points) + 1, np.int64)
    whole = centre.view(np.int64)  # NumPy before 2.3 counts no unsigned numbers
    np.cumsum(np.bincount(whole, minlength=len(points)), out=first[1:])
    return Found(first, centre.astype(np.int32), neighbour.astype(np.int32), *_distinct(shift))
