"""Density maps of crystals on the unit torus: occupancy and codes of elements.

    channel 0       Σ_j g_j(x)               occupancy: about 1 in the middle of every atom
    channel 1 …     Σ_j g_j(x) c_{s(j)}      the same, weighted with a code of the element

with Gaussians g of one width, images included.  The code of an element is a fixed unit vector of a
few numbers, half of them from its chemical properties (similar for similar elements), half of them
random and fixed, so that any two elements differ.  C. J. Court et al. (2020) have the atomic number as
one channel, in which the mean of Be and Ne is C.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import CellError, SpecError, StructureError, UnknownElementError
from ase_voxpot.voxelize.torus import deposit
from voxpot_crystals.regression.elements import element_features
from voxpot_crystals.structures.checks import check_crystal, origin_atom
from voxpot_crystals.structures.lattice import log_gram

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Float, Int

__all__ = ["Crystal", "MapSpec", "Viewer", "element_codes"]

COARSEST = 1.25
"""Largest voxel edge in widths of a Gaussian."""
CLOSEST = 2.0
"""Widths; the sum of two closer Gaussians has one maximum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSpec:
    """Parameters of a map."""

    voxels: int = 16  # along each axis, a power of two
    width: float = 0.45  # Å, σ of an atom
    codes: int = 12  # numbers of the code of an element

    def __post_init__(self) -> None:
        if self.voxels not in (8, 16, 32, 64) or not 0.1 <= self.width <= 2 or not 2 <= self.codes <= 64:
            raise SpecError(f"maps: expected 8, 16, 32 or 64 voxels, a width in Å and some codes, got {self}")

    @property
    def channels(self) -> int:
        """Occupancy and codes."""
        return 1 + self.codes


def element_codes(species: tuple[str, ...], count: int) -> Float[np.ndarray, "species code"]:
    """A unit vector per element: half from chemical properties, half from fixed random numbers.

    >>> codes = element_codes(("O", "S", "Zr", "Hf"), 12)
    >>> float(codes[0] @ codes[1]) > float(codes[0] @ codes[2])  # oxygen is closer to sulphur than to zirconium
    True
    """
    from ase.data import atomic_numbers

    table = element_features()
    table = (table - table[1:].mean(0)) / table[1:].std(0)
    _, _, axes = np.linalg.svd(table[1:], full_matrices=False)
    kin = min(count // 2, len(axes))
    chemistry = (table @ axes[:kin].T)[[atomic_numbers[s] for s in species]]
    chance = np.random.default_rng(5).normal(size=(len(table), count - kin))[[atomic_numbers[s] for s in species]]
    parts = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in (chemistry, chance)]
    return np.hstack(parts) / np.sqrt(2)


@dataclass(frozen=True, slots=True)
class Crystal:
    """A crystal in fractions of its cell, the origin on one of its atoms."""

    kinds: Int[np.ndarray, " atom"]  # species numbers
    fractions: Float[np.ndarray, "atom 3"]
    cell: Float[np.ndarray, "3 3"]
    origin: Float[np.ndarray, " 3"]  # fractions, origin in the original cell

    @property
    def lattice(self) -> Float[np.ndarray, " 6"]:
        """The logarithm of the Gram matrix."""
        return log_gram(self.cell)


@dataclass(frozen=True)
class Viewer:
    """Conversion of crystals to maps."""

    spec: MapSpec
    species: tuple[str, ...]

    @cached_property
    def codes(self) -> Float[np.ndarray, "species code"]:
        """Of all species."""
        return element_codes(self.species, self.spec.codes)

    def see(self, atoms: Atoms) -> Crystal:
        """Check a crystal and put its origin on ``origin_atom``.

        Raises:
            UnknownElementError: species that are not in the spec.
            StructureError: no ordered crystal, or atoms too close to be resolved.
            CellError: voxels of this cell would be longer than a Gaussian is wide.
        """
        check_crystal(atoms)
        foreign = sorted(set(atoms.get_chemical_symbols()) - set(self.species))
        if foreign:
            raise UnknownElementError(f"expected the elements {', '.join(self.species)}, got {', '.join(foreign)}")
        check_grid(np.array(atoms.cell[:]), self.spec)
        _check_distances(atoms, CLOSEST * self.spec.width)
        fractions = atoms.get_scaled_positions()
        origin = fractions[origin_atom(atoms)].copy()
        kinds = np.array([self.species.index(s) for s in atoms.get_chemical_symbols()])
        return Crystal(kinds, (fractions - origin) % 1.0, np.array(atoms.cell[:]), origin)

    def bumps(self, crystal: Crystal) -> Float[np.ndarray, "atom n n n"]:
        """The Gaussian of every atom by itself."""
        one = np.eye(len(crystal.kinds))
        return deposit(crystal.fractions, one, crystal.cell, n=self.spec.voxels, width=self.spec.width)

    def paint(self, bumps: Float[np.ndarray, "atom n n n"], kinds: Int[np.ndarray, " atom"]) -> np.ndarray:
        """The map, [channel, n, n, n]."""
        weight = np.hstack([np.ones((len(kinds), 1)), self.codes[kinds]])
        return np.tensordot(weight.T, bumps, axes=1)


def check_grid(cell: Float[np.ndarray, "3 3"], spec: MapSpec) -> None:
    """Check that the grid resolves a cell.

    Raises:
        CellError: naming the longest edge that would do.
    """
    longest = np.linalg.norm(cell, axis=1).max()
    most = COARSEST * spec.width * spec.voxels
    if longest > most:
        raise CellError(
            f"expected edges of up to {most:.1f} Å for {spec.voxels} voxels along each, got one of {longest:.1f} Å; "
            f"use a model with more voxels, or a smaller cell of the same crystal"
        )


def _check_distances(atoms: Atoms, least: float) -> None:
    distances = atoms.get_all_distances(mic=True)
    distances[np.diag_indices(len(atoms))] = np.linalg.norm(atoms.cell[:], axis=1).min()
    if distances.min() < least:
        i, j = np.unravel_index(distances.argmin(), distances.shape)
        raise StructureError(
            f"atoms {i} and {j} are {distances.min():.2f} Å apart, expected at least {least:.2f} Å: "
            f"in the pictures of this model they are one"
        )
