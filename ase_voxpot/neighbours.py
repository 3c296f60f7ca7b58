"""Atoms in, pairs out: who sees whom, and in which direction.

Everything after this module works on ``Pairs`` and does not know whether they came
from an ASE structure or from a neighbour list of LAMMPS.  The search itself is
vesin's cell list: exact in small and triclinic cells, with any mixture of periodic
directions and without a cell at all, where matscipy (as fast on large cells, half as
fast on small ones) asks for a cell that spans a volume.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import CellError, EmptyStructureError, OverlapError, PositionError, UnknownElementError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float, Int

__all__ = ["Pairs", "VerletList", "check_structure", "join", "species_indices"]

CLOSEST = 1e-3
"""Å, distance below which two atoms count as being at the same place."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Directed pairs, sorted by the atom at their centre.

    ``centre`` runs over the atoms whose energies are wanted, ``neighbour`` over all
    atoms, periodic images being folded back onto them (or ghosts, from LAMMPS).
    """

    centre: Int[np.ndarray, " pair"]
    neighbour: Int[np.ndarray, " pair"]
    offset: Float[np.ndarray, "pair 3"]
    """Å, from the centre to the neighbour or its image."""
    atoms: int
    """How many atoms have energies: centres are 0 … atoms - 1."""
    first: Int[np.ndarray, " atom_plus_1"] = field(init=False)
    """The pairs of atom i are ``first[i]:first[i + 1]``."""

    def __post_init__(self) -> None:
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
        UnknownElementError: naming the foreign elements and the known ones.

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
    """Refuse structures that have no energy, with a sentence each.

    Raises:
        EmptyStructureError: no atoms.
        PositionError: NaN or infinite positions or cell vectors.
        CellError: the periodic directions do not span a volume.
    """
    if len(atoms) == 0:
        raise EmptyStructureError("expected at least one atom, got an empty structure")
    wrong = np.flatnonzero(~np.isfinite(atoms.positions).all(axis=1))
    if len(wrong):
        raise PositionError(f"expected finite positions, got NaN or infinity for atom {wrong[0]} ({len(wrong)} in all)")
    if not np.isfinite(atoms.cell[:]).all():
        raise PositionError("expected a finite cell, got NaN or infinity in the cell vectors")
    periodic = atoms.cell[:][np.asarray(atoms.pbc)]
    if len(periodic):
        lengths = np.linalg.norm(periodic, axis=1)
        span = np.sqrt(max(np.linalg.det(periodic @ periodic.T), 0.0))
        if (lengths < 1e-6).any() or span < 1e-6 * np.prod(lengths):
            raise CellError(
                f"the {len(periodic)} periodic cell vectors must span a volume, got {periodic.tolist()}; "
                "set the cell or switch pbc off"
            )


class VerletList:
    """Pairs within a cutoff, searched anew only after an atom moved by half the skin.

    >>> from ase.build import bulk
    >>> len(VerletList(cutoff=2.8).update(bulk("W", "bcc", a=3.16)))
    8
    """

    def __init__(self, cutoff: float, *, skin: float = 0.0, threads: int = 0) -> None:
        """Remember what to look for.

        Args:
            cutoff: Å, pairs closer than this are returned.
            skin: Å, extra reach of the cached search; 0 searches at every update.
            threads: threads of the search, 0 for ``OMP_NUM_THREADS`` or all cores.
        """
        self.cutoff = cutoff
        self.skin = skin
        self.threads = threads
        self._search: Any = None

    def update(self, atoms: Atoms) -> Pairs:
        """The pairs of ``atoms`` as they are now.

        Raises:
            StructureError: as ``check_structure``; and ``OverlapError`` for atoms at
                the same place.
        """
        import vesin

        check_structure(atoms)
        if self._search is None:
            self._search = vesin.NeighborList(
                cutoff=self.cutoff, full_list=True, sorted=True, skin=self.skin, n_threads=self.threads
            )
        centre, neighbour, offset, distance = self._search.compute(
            points=atoms.positions, box=atoms.cell[:], periodic=atoms.pbc, quantities="ijDd"
        )
        if len(distance) and distance.min() < CLOSEST:
            worst = int(distance.argmin())
            raise OverlapError(
                f"atoms {centre[worst]} and {neighbour[worst]} are at the same place ({distance[worst]:.1e} Å apart); "
                "move or remove one of them"
            )
        return Pairs(centre.astype(np.int32), neighbour.astype(np.int32), offset, len(atoms))
