"""Views: conversion of crystals to coordinates of the networks, and back.

``OpenView`` is the paper's: one cell in open space, Cartesian.  ``TorusView`` has its origin on
an atom and fractional coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ase_voxpot.errors import CellError, UnknownElementError
from voxpot_crystals.latent.structure_field.fields import Sources
from voxpot_crystals.structures.checks import origin_atom
from voxpot_crystals.structures.graphs import graph_of
from voxpot_crystals.structures.lattice import cell_of_gram, cell_of_lengths, lengths_and_angles, log_gram
from voxpot_crystals.structures.space import Space, open_space

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Float, Int

    from voxpot_crystals.latent.structure_field.periodic import PeriodicSpec
    from voxpot_crystals.latent.structure_field.published import PublishedSpec

__all__ = ["OpenView", "Seen", "TorusView", "View", "view_of"]

MOST_EDGES = 12
"""Nearest neighbours of an atom in the periodic encoder, ties included."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One crystal in the coordinates of a view."""

    kinds: Int[np.ndarray, " atom"]  # species numbers
    positions: Float[np.ndarray, "atom 3"]  # Å, from the origin of the view
    origin: Float[np.ndarray, " 3"]  # Å, origin of the view
    lattice: Float[np.ndarray, " 6"]  # in the form of the networks
    cell: Float[np.ndarray, "3 3"]
    sources: Sources
    centre: Int[np.ndarray, " edge"]
    neighbour: Int[np.ndarray, " edge"]
    distance: Float[np.ndarray, " edge"]


class View(Protocol):
    """Conversion between crystals and inputs of encoder and decoder."""

    @property
    def species(self) -> tuple[str, ...]:
        """What is told apart."""

    def see(self, atoms: Atoms) -> Seen:
        """One crystal."""

    def coordinates(
        self, points: Float[np.ndarray, "point 3"], cell: Float[np.ndarray, "3 3"]
    ) -> Float[np.ndarray, "point 3"]:
        """Coordinates of the networks of points in Å."""

    def cell(self, lattice: Float[np.ndarray, " 6"]) -> Float[np.ndarray, "3 3"] | None:
        """The cell of six predicted numbers; None if there is none."""

    def space(self, cell: Float[np.ndarray, "3 3"]) -> Space:
        """The space of particles."""


def _kinds(atoms: Atoms, species: tuple[str, ...]) -> np.ndarray:
    foreign = sorted(set(atoms.get_chemical_symbols()) - set(species))
    if foreign:
        raise UnknownElementError(f"expected the elements {', '.join(species)}, got {', '.join(foreign)}")
    return np.array([species.index(s) for s in atoms.get_chemical_symbols()])


@dataclass(frozen=True, slots=True)
class OpenView:
    """One cell in open space; lattice as lengths in Å and angles in rad."""

    species: tuple[str, ...]

    def see(self, atoms: Atoms) -> Seen:
        """One crystal, its atoms inside of the cell.

        Raises:
            UnknownElementError: species that are not in the spec.
        """
        cell, nothing = np.array(atoms.cell[:]), np.zeros(0, int)
        positions = Space(cell).wrap(atoms.positions + 1e-9) - 1e-9  # rounding must not move 0 to the other face
        sources = Sources(positions, open_space)
        lattice = lengths_and_angles(cell)
        kinds = _kinds(atoms, self.species)
        return Seen(kinds, positions, np.zeros(3), lattice, cell, sources, nothing, nothing, np.zeros(0))

    def coordinates(self, points: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """Å, as they are."""
        return points

    def cell(self, lattice: np.ndarray) -> np.ndarray | None:
        """From lengths and angles."""
        return cell_of_lengths(lattice)

    def space(self, cell: np.ndarray) -> Space:
        """Without images."""
        return open_space


@dataclass(frozen=True, slots=True)
class TorusView:
    """Fractions of the cell, from the place of ``origin_atom``; lattice as logarithm of the Gram matrix."""

    species: tuple[str, ...]
    reach: float

    def see(self, atoms: Atoms, first: int | None = None) -> Seen:
        """One crystal with its periodic edges; the origin is on the atom ``first``, if it is given.

        Raises:
            UnknownElementError: species that are not in the spec.
            StructureError: an atom without neighbours; ``CellError`` a cell that is too oblique.
        """
        cell = np.array(atoms.cell[:])
        if not Space(cell).compact():
            raise CellError(
                f"expected a cell near the shape of a reduced one, got vectors of "
                f"{', '.join(f'{v:.1f}' for v in atoms.cell.lengths())} Å around {abs(atoms.cell.volume):.1f} Å³; "
                f"ase.build.niggli_reduce gives another cell of the same crystal"
            )
        origin = atoms.positions[origin_atom(atoms) if first is None else first].copy()
        graph = graph_of(atoms, nearest=MOST_EDGES, cutoff=self.reach)
        space = Space(cell)
        positions = space.wrap(atoms.positions - origin + 1e-9) - 1e-9
        kinds = _kinds(atoms, self.species)
        edges = (graph.centre, graph.neighbour, graph.distance)
        return Seen(kinds, positions, origin, log_gram(cell), cell, Sources(positions, space), *edges)

    def coordinates(self, points: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """Fractions of the cell."""
        return points @ np.linalg.inv(cell)

    def cell(self, lattice: np.ndarray) -> np.ndarray | None:
        """From the logarithm of the Gram matrix; None for a cell that is too oblique."""
        if not np.isfinite(lattice).all():
            return None
        cell = cell_of_gram(lattice)
        return cell if Space(cell).compact() else None

    def space(self, cell: np.ndarray) -> Space:
        """The torus."""
        return Space(cell)


def view_of(spec: PublishedSpec | PeriodicSpec) -> View:
    """The view of a network."""
    return OpenView(spec.species) if spec.kind == "published" else TorusView(spec.species, spec.reach)
