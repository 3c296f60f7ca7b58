"""Verlet lists on a device, as a table with one row per atom, reused until atoms have moved by half the skin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ase_voxpot.engines.cuda.cell_list import CANDIDATES, search
from ase_voxpot.errors import DeviceError
from ase_voxpot.neighbours.cell_list import huddled
from ase_voxpot.neighbours.verlet import check_structure, strain_between

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Float, Int
    from torch import Tensor

    from ase_voxpot.engines.cuda.cell_list import Found

__all__ = ["Rows", "Table", "TableList", "sorted_rows"]

STEP = 4
"""Length of rows is a multiple of this."""
MANY = 4096
"""Number of images up to which all are tabulated, not only those that occur."""


@dataclass(frozen=True, slots=True)
class Table:
    """Neighbours of every atom; places behind the last one hold the atom itself."""

    neighbour: Int[Tensor, "atom place"]
    image: Int[Tensor, "atom place"]
    """Index in ``shifts`` of the image of the neighbour."""
    filled: Int[Tensor, " atom"]
    """Number of neighbours."""
    shifts: Float[Tensor, "image 3"]
    """Numbers of cell vectors."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A table with its rows sorted by species."""

    centre: Int[Tensor, " row"]
    neighbour: Int[Tensor, "row place"]
    image: Int[Tensor, "row place"]
    channel: Int[Tensor, "row place"]
    """Species number of the neighbour, -1 in empty places."""
    kind: Int[Tensor, " row"]
    ends: Int[np.ndarray, " species_plus_1"]
    """The rows of species k are ``ends[k]:ends[k + 1]``."""


def tabulate(found: Found, atoms: int) -> Table:
    """Pairs as a table.

    >>> centre, shift = torch.tensor([0, 1, 1]), torch.tensor([[0, 0, 0], [0, 0, 0], [0, 0, 1]])
    >>> tabulate(Found(centre, torch.tensor([1, 0, 1]), shift), 2).neighbour
    tensor([[1, 0, 0, 0],
            [0, 1, 1, 1]])
    """
    device = found.centre.device
    filled = torch.bincount(found.centre, minlength=atoms)
    places = -(-max(int(filled.max()), 1) // STEP) * STEP
    number, shifts = _numbered(found.shift)
    place = torch.arange(len(number), device=device) - (filled.cumsum(0) - filled)[found.centre]
    neighbour = torch.arange(atoms, device=device)[:, None].repeat(1, places)
    image = torch.zeros_like(neighbour)
    neighbour[found.centre, place] = found.neighbour
    image[found.centre, place] = number
    return Table(neighbour, image, filled, shifts.double())


def _numbered(shift: Int[Tensor, "pair 3"]) -> tuple[Int[Tensor, " pair"], Int[Tensor, "image 3"]]:
    """Each row as a number, and the rows that these numbers mean; at least one."""
    padded = torch.cat([shift, shift.new_zeros(1, 3)])
    least = padded.amin(0)
    span = (padded.amax(0) - least + 1).tolist()
    if math.prod(span) > MANY:  # atoms far from each other in numbers of cells
        shifts, number = torch.unique(padded, dim=0, return_inverse=True)
        return number[:-1], shifts
    shifts = torch.cartesian_prod(*(torch.arange(n, device=shift.device) for n in span)) + least
    from_least = shift - least
    return (from_least[:, 0] * span[1] + from_least[:, 1]) * span[2] + from_least[:, 2], shifts


def sorted_rows(table: Table, species: Int[np.ndarray, " atom"], *, count: int) -> Rows:
    """The rows of ``table``, those of one of the ``count`` species after those of the other."""
    device = table.neighbour.device
    centre = torch.from_numpy(np.argsort(species, kind="stable")).to(device)
    kinds = torch.from_numpy(species.astype(np.int32)).to(device)
    neighbour = table.neighbour[centre]
    empty = torch.arange(neighbour.shape[1], device=device) >= table.filled[centre][:, None]
    channel = kinds[neighbour].masked_fill(empty, -1)
    ends = np.concatenate([[0], np.bincount(species, minlength=count).cumsum()])
    return Rows(centre, neighbour, table.image[centre], channel, kinds[centre], ends)


@dataclass(frozen=True, slots=True)
class _Made:
    """A table and the structure that it was made for."""

    table: Table
    positions: Float[Tensor, "atom 3"]
    cell: Float[np.ndarray, "3 3"]
    pbc: Any


class TableList:
    """As ``neighbours.VerletList``, on a device.

    Whether a table is still valid depends on the displacements, which are computed on the device:
    ``current`` returns the last table if it may be valid, and ``holds`` tells afterwards whether
    it was.
    """

    def __init__(self, cutoff: float, *, skin: float = 0.0, device: torch.device) -> None:
        """Make lists of pairs within ``cutoff`` + ``skin`` Å."""
        self.cutoff, self.skin, self.device = cutoff, skin, device
        self._made: _Made | None = None

    def current(self, atoms: Atoms) -> Table:
        """The last table, or a new one if that cannot be of these atoms.

        Raises:
            StructureError: as ``check_structure``.
            DeviceError: no memory to search in.
        """
        made = self._made
        if made is None or self.skin == 0 or self.strain(atoms) is None:
            made = self._made = self._search(atoms)
        return made.table

    def strain(self, atoms: Atoms) -> tuple[Float[np.ndarray, "3 3"], float] | None:
        """Strain of the cell since the search, and the factor by which it may have shortened a pair."""
        made = self._made
        if made is None or len(atoms) != len(made.positions) or (atoms.pbc != made.pbc).any():
            return None
        return strain_between(made.cell, atoms.cell[:])

    def drift(self, positions: Float[Tensor, "atom 3"], strain: Float[np.ndarray, "3 3"]) -> Float[Tensor, ""]:
        """Largest squared displacement of an atom in Å², apart from the strain."""
        assert self._made is not None
        expected = self._made.positions @ torch.from_numpy(strain).to(positions)
        return (positions - expected).square().sum(1).max()

    def holds(self, drift: float, stretch: float) -> bool:
        """Whether no pair within the cutoff is missing; if not, the table is dropped."""
        if stretch * (self.cutoff + 2 * drift**0.5) <= self.cutoff + self.skin:
            return True
        self._made = None
        return False

    def _search(self, atoms: Atoms) -> _Made:
        check_structure(atoms)
        reach, cell, pbc = self.cutoff + self.skin, atoms.cell[:].copy(), np.array(atoms.pbc)
        points = torch.from_numpy(huddled(atoms.positions, cell, pbc, reach)).to(self.device)
        table = tabulate(self._found(points, cell, pbc, reach), len(atoms))
        return _Made(table, torch.from_numpy(atoms.positions.copy()).to(self.device), cell, pbc)

    def _found(self, points: Tensor, cell: np.ndarray, pbc: np.ndarray, reach: float) -> Found:
        candidates = CANDIDATES
        while candidates > 2**16:
            try:
                return search(points, cell, pbc, reach, candidates=candidates)
            except torch.OutOfMemoryError:
                candidates //= 4
        raise DeviceError(
            f"expected memory on {self.device} for the neighbours of {len(points):,} atoms, got too little; "
            "end what else runs there, use device='cpu', or several ranks of LAMMPS"
        )
