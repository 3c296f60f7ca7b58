"""Sites of a crystal: checks, equivalent sites and equivalent directions.

Rays are only followed in one of every set of directions that the symmetry of a site maps
onto each other: a perovskite costs a twentieth of a crystal without symmetry.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from ase.data import chemical_symbols
from ase.geometry import minkowski_reduce

from ase_voxpot.errors import CellError, EmptyStructureError, OverlapError, PositionError
from ase_voxpot.frames.disorder import refuse_disorder
from voxpot_crystals.regression.hirshfeld.atoms import log_density
from voxpot_crystals.structures.symmetry import ask_spglib

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Bool, Float, Int

__all__ = ["Site", "check_crystal", "images", "names", "sphere", "unique_sites"]

CLOSEST = 0.4
"""Å, least distance of nuclei (H2: 0.74 Å)."""

LIKE = 1e-4
"""Å, within which sites count as related by symmetry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One of a set of equivalent atoms."""

    index: int  # of the atom in the crystal
    number: int  # atomic number
    multiplicity: int  # number of equivalent atoms in the cell
    operations: Float[np.ndarray, "operation 3 3"]  # Cartesian, of the site symmetry

    @property
    def name(self) -> str:
        """The atom in a sentence."""
        return f"atom {self.index} ({chemical_symbols[self.number]})"


def check_crystal(atoms: Atoms) -> None:
    """Check that a crystal has Hirshfeld surfaces.

    Raises:
        EmptyStructureError: no atoms.
        PositionError: NaN or infinite positions or cell.
        CellError: not periodic in three directions, or a cell without a volume.
        UnknownElementError: an element beyond the table of densities.
        OccupancyError: sites that are only partly occupied, or shared by several elements.
        OverlapError: nuclei at the same place.
    """
    if len(atoms) == 0:
        raise EmptyStructureError("expected a crystal, got a structure without atoms")
    if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
        raise PositionError("expected finite positions and cell vectors, got NaN or infinity")
    lengths = np.linalg.norm(atoms.cell.array, axis=1)
    if not atoms.pbc.all() or atoms.cell.volume < 1e-6 * max(lengths.prod(), 1e-300) or lengths.min() < 1e-3:
        raise CellError(
            f"expected a crystal, periodic in three directions that span a volume, got pbc {atoms.pbc.tolist()} and "
            f"a volume of {atoms.cell.volume:.3g} Å³; put molecules and slabs into a cell"
        )
    for number in sorted(set(atoms.numbers.tolist())):
        log_density(number, np.ones(1))
    refuse_disorder(atoms)
    _check_distances(atoms)


def _check_distances(atoms: Atoms) -> None:
    from vesin import NeighborList

    pairs = NeighborList(cutoff=CLOSEST, full_list=False)
    i, j, d = pairs.compute(points=atoms.positions, box=atoms.cell.array, periodic=True, quantities="ijd")
    if len(d):
        k = int(np.argmin(d))
        names = " and ".join(f"{n} ({chemical_symbols[atoms.numbers[n]]})" for n in (i[k], j[k]))
        raise OverlapError(
            f"expected nuclei at least {CLOSEST} Å apart, got atoms {names} at {d[k]:.3f} Å; "
            "sites that are occupied by turns must be made ordered first"
        )


def unique_sites(atoms: Atoms, *, symmetry: bool = True) -> tuple[Site, ...]:
    """One site of every set that the space group maps onto each other.

    Args:
        atoms: a crystal that passed ``check_crystal``.
        symmetry: whether to look for symmetry; without, every atom is a site of its own.
    """
    if not symmetry:
        return tuple(
            Site(index=i, number=int(z), multiplicity=1, operations=np.eye(3)[None])
            for i, z in enumerate(atoms.numbers)
        )
    import spglib

    cell, fractional = atoms.cell.array, atoms.get_scaled_positions(wrap=False)
    found = ask_spglib(spglib.get_symmetry, (cell, fractional, atoms.numbers), symprec=LIKE)
    if found is None:
        return unique_sites(atoms, symmetry=False)
    rotations, translations, like = found["rotations"], found["translations"], found["equivalent_atoms"]
    cartesian = np.einsum("ji,njk,kl->nil", cell, rotations, np.linalg.inv(cell).T)
    sites = []
    for index in sorted(set(like.tolist())):
        moved = rotations @ fractional[index] + translations - fractional[index]
        stays = np.linalg.norm((moved - np.round(moved)) @ cell, axis=1) < 3 * LIKE
        sites.append(
            Site(
                index=index,
                number=int(atoms.numbers[index]),
                multiplicity=int((like == index).sum()),
                operations=_distinct(cartesian[stays]),
            )
        )
    return tuple(sites)


def _distinct(operations: Float[np.ndarray, "operation 3 3"]) -> Float[np.ndarray, "distinct 3 3"]:
    """Without repetitions, which supercells bring along."""
    keys = np.round(operations.reshape(-1, 9), 6) + 0.0
    return operations[np.sort(np.unique(keys, axis=0, return_index=True)[1])]


@lru_cache(maxsize=64)
def _sphere(count: int, operations: bytes) -> tuple[np.ndarray, np.ndarray]:
    """``sphere`` for operations as bytes: most crystals of a set share their site symmetries."""
    matrices = np.frombuffer(operations).reshape(-1, 3, 3)
    k = np.arange(count) + 0.5
    height, angle = 1 - 2 * k / count, k * np.pi * (3 - 5**0.5)
    ring = np.sqrt(1 - height**2)
    axes = _axes(matrices)
    points = np.concatenate([axes, np.column_stack([ring * np.cos(angle), ring * np.sin(angle), height])])
    general = np.array([0.8253, 0.4714, 0.3107])
    kept = points @ general >= np.max(points @ (general @ matrices).T, axis=1) - 1e-9
    solid = np.where(np.arange(len(points)) < len(axes), 0.0, 1.0)[kept]
    return points[kept], solid * 4 * np.pi / solid.sum()


def sphere(
    count: int, operations: Float[np.ndarray, "operation 3 3"]
) -> tuple[Float[np.ndarray, "ray 3"], Float[np.ndarray, " ray"]]:
    """Directions that share the sphere evenly, one of every set that the operations relate.

    The full set is the spiral of Fibonacci points; of related directions the one nearest to
    a direction of no symmetry stays.  The axes of symmetry come first: they carry no solid
    angle, but on them distances are often least or greatest.

    Args:
        count: directions on the full sphere.
        operations: orthogonal matrices of the site.

    Returns:
        Unit vectors, and the solid angle that each stands for; these add up to 4π.
    """
    return _sphere(count, np.ascontiguousarray(np.round(operations, 9) + 0.0, dtype=float).tobytes())


def _axes(operations: Float[np.ndarray, "operation 3 3"]) -> Float[np.ndarray, "axis 3"]:
    """Both ends of the axes about which the proper parts of the operations turn."""
    proper = operations * np.linalg.det(operations)[:, None, None]
    turning = proper[np.trace(proper, axis1=1, axis2=2) < 3 - 1e-6]
    if not len(turning):
        return np.zeros((0, 3))
    axes = np.linalg.svd(turning - np.eye(3))[2][:, 2]
    axes = np.concatenate([axes, -axes])
    return axes[np.sort(np.unique(np.round(axes, 6) + 0.0, axis=0, return_index=True)[1])]


def images(
    atoms: Atoms, centre: Float[np.ndarray, " 3"], radius: Float[np.ndarray, " atom"]
) -> tuple[Float[np.ndarray, "image 3"], Int[np.ndarray, " image"]]:
    """All atoms, periodic images included, at most ``radius`` (one per atom of the cell) from a point.

    Returns:
        Their positions as seen from the point, in Å, and the atoms of the cell that they are images of.
    """
    cell = minkowski_reduce(atoms.cell.array)[0]
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    fractional = np.linalg.solve(cell.T, (atoms.positions - centre).T).T
    home = (fractional - np.round(fractional)) @ cell
    most = np.ceil(radius.max() / heights + 0.5).astype(int)
    steps = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in most), indexing="ij"), axis=-1).reshape(-1, 3)
    all_of_them = (steps @ cell)[:, None, :] + home
    near: Bool[np.ndarray, "step atom"] = (all_of_them**2).sum(axis=2) <= radius**2
    return all_of_them[near], np.nonzero(near)[1]


def names(sites: Sequence[Site]) -> str:
    """Sites in a sentence."""
    return ", ".join(site.name for site in sites)
