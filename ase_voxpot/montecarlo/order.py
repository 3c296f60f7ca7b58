"""Order on the sites of a crystal: Warren–Cowley parameters, long-range order, structure factors.

    α_ij(s) = 1 - N_ij(s) / (Z_s c_i c_j)      N_ij of the Z_s directed pairs of shell s are i-j
                                               (Cowley, Phys. Rev. 77, 669, 1950)
    η_i     = (x_iA - x_iB) / (x_iA + x_iB)    x: share of sublattice A or B that i occupies
    S_i(q)  = |Σ_k (δ_ik - c_i) exp(iq·r_k)|² / (N c_i (1 - c_i))

α is 0 in a random alloy, negative where unlike atoms attract.  A and B are the two sublattices whose
sites have all their nearest neighbours on the other, as in B2 on bcc; η is ±1 if all atoms i are
on one of them.  S is 1 for a random alloy on average.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import StructureError
from ase_voxpot.neighbours.verlet import VerletList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Bool, Float, Int

__all__ = [
    "Lattice",
    "Shell",
    "local_order",
    "long_range_order",
    "structure_factor",
    "superlattice_peaks",
    "warren_cowley",
]

TOLERANCE = 0.02
"""Relative spread of the distances of one shell."""


@dataclass(frozen=True, slots=True)
class Shell:
    """Pairs of sites at one distance."""

    distance: float  # Å
    centre: Int[np.ndarray, " pair"]
    neighbour: Int[np.ndarray, " pair"]


class Lattice:
    """The sites of a crystal, their shells and, where there are two, sublattices."""

    def __init__(self, atoms: Atoms, *, shells: int = 4) -> None:
        """Find the first ``shells`` neighbour shells of ``atoms``, which must be on the sites.

        Raises:
            StructureError: one of its kinds; or distances that do not fall into shells.
        """
        self.sites = len(atoms)
        self.positions = atoms.positions.copy()
        self.cell = atoms.cell.array.copy()
        self.shells = _find_shells(atoms, shells)
        self.sublattice = _two_colours(self.shells[0], self.sites)


def _find_shells(atoms: Atoms, count: int) -> list[Shell]:
    reach = 3.0
    for _ in range(12):
        pairs = VerletList(reach).update(atoms)
        distance = np.linalg.norm(pairs.offset, axis=1)
        order = np.argsort(distance)
        steps = np.flatnonzero(np.diff(distance[order]) > TOLERANCE * distance[order][:-1]) + 1
        if len(steps) >= count:
            parts = np.split(order, steps)[:count]
            return [_shell(part, distance, pairs.centre, pairs.neighbour, len(atoms)) for part in parts]
        reach *= 1.25
    raise StructureError(f"expected a crystal with {count} shells of neighbours, got fewer within {reach:.0f} Å")


def _shell(
    part: Int[np.ndarray, " some"],
    distance: Float[np.ndarray, " pair"],
    centre: Int[np.ndarray, " pair"],
    neighbour: Int[np.ndarray, " pair"],
    sites: int,
) -> Shell:
    counts = np.bincount(centre[part], minlength=sites)
    spread = np.ptp(distance[part])
    if spread > TOLERANCE * distance[part[0]] or counts.min() != counts.max():
        raise StructureError(
            "order parameters need sites on a lattice where all have the same shells of neighbours; got "
            f"{counts.min()} to {counts.max()} neighbours around {distance[part[0]]:.2f} Å; start from the crystal"
        )
    return Shell(float(distance[part].mean()), centre[part], neighbour[part])


def _two_colours(shell: Shell, sites: int) -> Bool[np.ndarray, " site"] | None:
    """Which sublattice every site is on, if nearest neighbours are always on different ones."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order

    graph = coo_array((np.ones(len(shell.centre)), (shell.centre, shell.neighbour)), shape=(sites, sites)).tocsr()
    order, before = breadth_first_order(graph, 0)
    if len(order) < sites:
        return None
    colour = np.zeros(sites, bool)
    for site in order[1:]:
        colour[site] = not colour[before[site]]
    return colour if (colour[shell.centre] != colour[shell.neighbour]).all() else None


def warren_cowley(species: Int[np.ndarray, " site"], kinds: int, shell: Shell) -> Float[np.ndarray, "kind kind"]:
    """α of every two species in one shell; NaN where one is absent.

    Args:
        species: number of the species on every site.
        kinds: how many species there are.
        shell: pairs of sites.
    """
    pair = species[shell.centre].astype(np.int64) * kinds + species[shell.neighbour]
    found = np.bincount(pair, minlength=kinds**2).reshape(kinds, kinds)
    c = np.bincount(species, minlength=kinds) / len(species)
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1 - found / (len(shell.centre) * np.outer(c, c))


def local_order(species: Int[np.ndarray, " site"], kinds: int, shell: Shell) -> Float[np.ndarray, " site"]:
    """α of every site with all unlike species of one shell: 1 - N_unlike / (Z (1 - c)) with the share c of its own.

    1 where all neighbours are alike, 0 on average in a random alloy and in a crystal of one species.

    Args:
        species: number of the species on every site.
        kinds: how many species there are.
        shell: pairs of sites.
    """
    unlike = np.bincount(shell.centre, species[shell.centre] != species[shell.neighbour], minlength=len(species))
    others = 1 - (np.bincount(species, minlength=kinds) / len(species))[species]
    around = len(shell.centre) / len(species)
    return np.where(others > 0, 1 - unlike / (around * np.where(others > 0, others, 1)), 0.0)


def long_range_order(
    species: Int[np.ndarray, " site"], kinds: int, sublattice: Bool[np.ndarray, " site"]
) -> Float[np.ndarray, " kind"]:
    """η of every species; NaN where it is absent.

    A is the sublattice that makes the first η positive.
    """
    on_a = np.bincount(species[~sublattice], minlength=kinds) / max((~sublattice).sum(), 1)
    on_b = np.bincount(species[sublattice], minlength=kinds) / max(sublattice.sum(), 1)
    with np.errstate(invalid="ignore"):
        eta = (on_a - on_b) / (on_a + on_b)
    first = eta[np.isfinite(eta)][0]
    return eta if first >= 0 else -eta


def structure_factor(
    species: Int[np.ndarray, " site"],
    kind: int,
    positions: Float[np.ndarray, "site 3"],
    q: Float[np.ndarray, "vector 3"],
) -> Float[np.ndarray, " vector"]:
    """S of one species at the wave vectors ``q`` (1/Å, with 2π)."""
    weight = (species == kind).astype(float)
    c = weight.mean()
    if c in (0.0, 1.0):
        return np.zeros(len(q))
    sums = np.array([((weight - c) * np.exp(1j * (positions @ vector))).sum() for vector in q])
    return np.abs(sums) ** 2 / (len(species) * c * (1 - c))


def superlattice_peaks(
    lattice: Lattice, species: Int[np.ndarray, " site"], kind: int, *, repeats: Sequence[int], count: int = 5
) -> list[tuple[tuple[float, float, float], float]]:
    """The largest S of one species over the wave vectors that the periodic cell allows.

    Args:
        lattice: sites.
        species: on them.
        kind: species whose S is wanted.
        repeats: unit cells in the cell, along its vectors.
        count: how many.

    Returns:
        (h, k, l) in reciprocal vectors of the unit cell, from 0 to 1 inclusive, and S; the largest first.
    """
    reciprocal = 2 * np.pi * np.linalg.inv(lattice.cell).T
    grid = np.stack(np.meshgrid(*(np.arange(n + 1) for n in repeats), indexing="ij"), axis=-1).reshape(-1, 3)
    s = structure_factor(species, kind, lattice.positions, grid @ reciprocal)
    best = np.argsort(-s, kind="stable")[:count]
    hkl = grid[best] / np.array(repeats)
    return [((float(h), float(k), float(l)), float(v)) for (h, k, l), v in zip(hkl, s[best], strict=True)]
