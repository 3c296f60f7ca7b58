"""Directed pairs of atoms within a cutoff, from a Verlet list.

Engines work on ``Pairs``, which are made from an ASE structure or from a neighbour list of
LAMMPS.  ``neighbours.cell_list`` searches for pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ase_voxpot.errors import CellError, EmptyStructureError, OverlapError, PositionError, UnknownElementError
from ase_voxpot.neighbours.cell_list import Found, search
from ase_voxpot.neighbours.loops import moved, within
from ase_voxpot.neighbours.workspace import FRESH, Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float, Int

__all__ = [
    "CLOSEST",
    "Candidates",
    "Pairs",
    "VerletList",
    "check_structure",
    "join",
    "species_indices",
    "strain_between",
]

CLOSEST = 1e-3
"""Å, distance below which two atoms count as being at the same place."""
FARTHEST = 1e9
"""Å from the origin, beyond which distances lose precision."""
NARROW = 0.3
"""Å, edge of the cube with the least accepted volume."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Directed pairs, sorted by the atom at their centre.

    ``centre`` runs over the atoms whose energies are computed, ``neighbour`` over all
    atoms, which stand for their periodic images (or over ghosts, from LAMMPS).
    """

    centre: Int[np.ndarray, " pair"]
    neighbour: Int[np.ndarray, " pair"]
    offset: Float[np.ndarray, "pair 3"]
    """Å, from the centre to the neighbour or its image."""
    atoms: int
    """Number of central atoms, 0 … atoms - 1."""
    first: Int[np.ndarray, " atom_plus_1"] = field(default_factory=lambda: np.empty(0, np.int64))
    """The pairs of atom i are ``first[i]:first[i + 1]``; computed if not given."""

    def __post_init__(self) -> None:
        if len(self.first) > 0:
            return
        counts = np.bincount(self.centre, minlength=self.atoms)
        first = np.zeros(self.atoms + 1, dtype=np.int64)
        np.cumsum(counts, out=first[1:])
        object.__setattr__(self, "first", first)

    def __len__(self) -> int:
        return len(self.centre)

    def of(self, start: int, stop: int) -> Pairs:
        """The pairs around atoms ``start:stop``, their centres renumbered from zero."""
        rows = slice(self.first[start], self.first[stop])
        return Pairs(self.centre[rows] - start, self.neighbour[rows], self.offset[rows], stop - start)


def join(parts: Sequence[Pairs]) -> Pairs:
    """The pairs of several structures as those of one, whose atoms are numbered on from part to part.

    Neighbours must be atoms of their own part, not ghosts.

    >>> one = Pairs(np.array([0, 1]), np.array([1, 0]), np.array([[2.0, 0, 0], [-2.0, 0, 0]]), 2)
    >>> join([one, one]).neighbour
    array([1, 0, 3, 2])
    """
    shift = np.cumsum([0, *(part.atoms for part in parts)])
    return Pairs(
        np.concatenate([part.centre + part.centre.dtype.type(s) for part, s in zip(parts, shift[:-1], strict=True)]),
        np.concatenate([p.neighbour + p.neighbour.dtype.type(s) for p, s in zip(parts, shift[:-1], strict=True)]),
        np.concatenate([part.offset for part in parts]),
        int(shift[-1]),
    )


def species_indices(symbols: Sequence[str], species: Sequence[str]) -> Int[np.ndarray, " atom"]:
    """Position of each atom's element in ``species``.

    Raises:
        UnknownElementError: an element that is not in ``species``.

    >>> species_indices(["W", "Mo"], ["Mo", "Ta", "W"])
    array([2, 0], dtype=int32)
    """
    index = {s: k for k, s in enumerate(species)}
    foreign = sorted(set(symbols) - set(species))
    if foreign:
        raise UnknownElementError(
            f"the model knows {', '.join(species)}, but the structure holds {', '.join(foreign)}; "
            "choose another model or train one with these elements"
        )
    return np.array([index[s] for s in symbols], dtype=np.int32)


def check_structure(atoms: Atoms) -> None:
    """Raise for structures without an energy.

    Raises:
        EmptyStructureError: no atoms.
        PositionError: NaN, infinite or huge positions or cell vectors.
        CellError: the periodic directions do not span a volume, or next to none.
    """
    if len(atoms) == 0:
        raise EmptyStructureError("expected at least one atom, got an empty structure")
    wrong = np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))
    if len(wrong):
        raise PositionError(f"expected finite positions, got NaN or infinity for atom {wrong[0]} ({len(wrong)} in all)")
    if not np.isfinite(atoms.cell[:]).all():
        raise PositionError("expected a finite cell, got NaN or infinity in the cell vectors")
    farthest = max(np.abs(atoms.positions).max(), np.abs(atoms.cell[:]).max())
    if farthest > FARTHEST:
        raise PositionError(
            f"expected positions and cell within {FARTHEST:.0e} Å, got {farthest:.1e} Å; move them back"
        )
    periodic = atoms.cell[:][np.asarray(atoms.pbc)]
    if len(periodic):
        lengths = np.linalg.norm(periodic, axis=1)
        span = np.sqrt(max(np.linalg.det(periodic @ periodic.T), 0.0))
        flat = (lengths < CLOSEST).any() or span < 1e-6 * np.prod(lengths)
        if flat or span < NARROW ** len(periodic):
            raise CellError(
                f"the {len(periodic)} periodic cell vectors must span a volume, got {periodic.tolist()}; "
                "set the cell or switch pbc off"
            )


class VerletList:
    """Pairs within a cutoff, searched again after atoms moved by half the skin.

    Displacements are relative to the strain of the cell, so that searches are as rare in
    molecular dynamics at constant pressure as at constant volume.

    >>> from ase.build import bulk
    >>> len(VerletList(cutoff=2.8).update(bulk("W", "bcc", a=3.16)))
    8
    """

    def __init__(self, cutoff: float, *, skin: float = 0.0, threads: int = 0, scratch: Workspace = FRESH) -> None:
        """Make an empty list.

        Args:
            cutoff: Å, pairs closer than this are returned.
            skin: Å, extra reach of the cached search; 0 searches at every update.
            threads: threads of the search, 0 for ``OMP_NUM_THREADS`` or all cores.
            scratch: where pairs are written; if it keeps its arrays, the pairs of an update are
                overwritten by the next.
        """
        self.cutoff = cutoff
        self.skin = skin
        self.threads = threads
        self.scratch = scratch
        self._made: _Made | None = None

    def update(self, atoms: Atoms) -> Pairs:
        """The pairs of ``atoms`` as they are now.

        Raises:
            StructureError: as ``check_structure``; and ``OverlapError`` for atoms at
                the same place.
        """
        near = self.candidates(atoms)
        buffers, take = len(near.centre) + 1, self.scratch.take
        centre, neighbour = take("centre", buffers, dtype=np.int32), take("neighbour", buffers, dtype=np.int32)
        offset, first = take("offset", buffers, 3), take("first", len(atoms) + 1, dtype=np.int64)
        seen = (near.positions, near.images, near.centre, near.neighbour, near.image)
        count, closest, worst = within(*seen, self.cutoff, centre, neighbour, offset, first)
        if closest < CLOSEST:
            raise OverlapError(
                f"atoms {centre[worst]} and {neighbour[worst]} are at the same place ({closest:.1e} Å apart); "
                "move or remove one of them"
            )
        return Pairs(centre[:count], neighbour[:count], offset[:count], len(atoms), first)

    def candidates(self, atoms: Atoms) -> Candidates:
        """The pairs of ``atoms`` within cutoff and skin, found at some earlier step or now.

        Raises:
            StructureError: as ``check_structure``.
        """
        positions, cell = np.ascontiguousarray(atoms.positions, float), atoms.cell[:]
        if self._made is None or not self._made.covers(positions, cell, atoms.pbc, self.cutoff):
            check_structure(atoms)
            reach = self.cutoff + self.skin
            found = search(positions, cell, atoms.pbc, reach, threads=self.threads)
            self._made = _Made(found, reach, positions.copy(), cell.copy(), atoms.pbc.copy())
        found = self._made.found
        return Candidates(positions, found.shifts @ cell, found.first, found.centre, found.neighbour, found.image)


class Candidates(NamedTuple):
    """Directed pairs that may be within the cutoff, sorted by centre, of atoms as they are now."""

    positions: Float[np.ndarray, "atom 3"]  # Å
    images: Float[np.ndarray, "image 3"]  # Å, vectors to the images of the cell
    first: Int[np.ndarray, " atom_plus_1"]  # those of atom i are first[i]:first[i + 1]
    centre: Int[np.ndarray, " pair"]
    neighbour: Int[np.ndarray, " pair"]
    image: Int[np.ndarray, " pair"]  # of the neighbour


@dataclass(frozen=True, slots=True)
class _Made:
    """The pairs of a search, with the structure at that time."""

    found: Found
    reach: float
    """Å; the list is complete up to this distance."""
    positions: Float[np.ndarray, "atom 3"]
    cell: Float[np.ndarray, "3 3"]
    pbc: Any

    def covers(
        self, positions: Float[np.ndarray, "atom 3"], cell: Float[np.ndarray, "3 3"], pbc: Any, cutoff: float
    ) -> bool:
        """Whether the list holds all pairs within the cutoff.

        With x = F X + u for the strain F of the cell, a pair at distance d was at
        |F⁻¹| (d + 2 max |u|) at most.
        """
        if self.reach == cutoff or len(positions) != len(self.positions) or (pbc != self.pbc).any():
            return False
        strained = strain_between(self.cell, cell)
        if strained is None:
            return False
        strain, stretch = strained
        return bool(stretch * (cutoff + 2 * moved(positions, self.positions, strain)) <= self.reach)


def strain_between(
    before: Float[np.ndarray, "3 3"], cell: Float[np.ndarray, "3 3"]
) -> tuple[Float[np.ndarray, "3 3"], float] | None:
    """The strain F from one cell to the other, and |F⁻¹|; None for singular cells.

    >>> strain_between(np.eye(3), 2 * np.eye(3))[1]
    0.5
    """
    if (cell == before).all():
        return np.eye(3), 1.0
    if not np.isfinite(cell).all() or abs(np.linalg.det(cell)) < 1e-6 or abs(np.linalg.det(before)) < 1e-6:
        return None
    strain = np.linalg.solve(before, cell)
    return strain, float(np.linalg.norm(np.linalg.inv(strain), 2))
