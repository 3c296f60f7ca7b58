"""Hirshfeld surfaces of atoms in crystals.

The share of atom A in the density of free atoms put side by side is (Hirshfeld, Theor.
Chim. Acta 44, 129 (1977))

    w_A(r) = ρ_A(|r - R_A|) / Σ_B ρ_B(|r - R_B|),

with B over all atoms and their periodic images.  The surface of A is where w_A = 1/2
(Spackman and Byrom, Chem. Phys. Lett. 267, 215 (1997)).  Rays from the nucleus find it,
one per piece dΩ of the sphere; each crossing at distance r stands for the area

    dA = r² dΩ / |cos(ray, normal)|.

A ray may have several intersections: surfaces of any shape are
supported.  The length of the rays follows from the lowest density in the crystal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase.geometry import minkowski_reduce

from ase_voxpot.errors import StructureError
from voxpot_crystals.regression.hirshfeld.atoms import FAINT, SPACING, sampled
from voxpot_crystals.regression.hirshfeld.rays import MOST, Densities, Sites, density_at, trace
from voxpot_crystals.regression.hirshfeld.sites import Site, check_crystal, images, names, sphere, unique_sites

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Float, Int

__all__ = ["RAYS", "Surfaces", "find_surfaces"]

RAYS = 5000
"""Directions of a site without symmetry; √n times as many of one with n operations, of which 1/n are followed."""

GRAZING = 0.02
"""Least cosine between ray and normal: a ray that touches the surface stands for no more area than that."""

PROBE = 0.4
"""Å between the points at which the lowest density is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surfaces:
    """Points on the surfaces of all sites of a crystal, with the area that each stands for."""

    sites: tuple[Site, ...]
    site: Int[np.ndarray, " point"]  # index in ``sites``
    inside: Float[np.ndarray, " point"]  # d_i: Å, to the nucleus inside
    outside: Float[np.ndarray, " point"]  # d_e: Å, to the nearest nucleus outside
    area: Float[np.ndarray, " point"]  # Å²
    number: Int[np.ndarray, " point"]  # atomic number of the nearest atom outside
    offset: Float[np.ndarray, "point 3"]  # Å, from the nucleus inside
    swallowed: tuple[Site, ...]  # sites without a surface: their share is below one half everywhere
    rays: int  # that were followed
    folded: int  # of them met a surface more than once
    grazing: int  # crossings too flat for their area to be exact
    lost: int  # crossings beyond what is kept of one ray


def _densities(numbers: Int[np.ndarray, " kind"], faint: float) -> Densities:
    parts = [sampled(int(z), faint) for z in numbers]
    return Densities(
        value=np.concatenate([p.value for p in parts]),
        slope=np.concatenate([p.slope for p in parts]),
        first=np.cumsum([0, *(len(p.value) for p in parts[:-1])]),
        reach=np.array([p.reach for p in parts]),
        spacing=SPACING,
    )


def _lowest(atoms: Atoms, kinds: Int[np.ndarray, " atom"], densities: Densities) -> float:
    """The lowest density on a grid in the cell, in electrons per Å³."""
    cell = minkowski_reduce(atoms.cell.array)[0]  # as good as any other, and its vectors are short
    counts = np.ceil(np.linalg.norm(cell, axis=1) / PROBE).astype(int)
    steps = np.stack(np.meshgrid(*((np.arange(n) + 0.5) / n - 0.5 for n in counts), indexing="ij"), axis=-1)
    points = steps.reshape(-1, 3) @ cell
    around, which = images(atoms, np.zeros(3), densities.reach[kinds] + np.linalg.norm(points, axis=1).max())
    return float(density_at(densities, points, around, kinds[which]).min())


def _surroundings(
    atoms: Atoms,
    sites: tuple[Site, ...],
    kinds: Int[np.ndarray, " atom"],
    densities: Densities,
    stop: Float[np.ndarray, " site"],
) -> tuple[Sites, Int[np.ndarray, " neighbour"]]:
    """All atoms that reach to the rays of each site, and which atoms of the cell they are."""
    around, owners, onsets = [], [], []
    for site, end in zip(sites, stop, strict=True):
        offset, which = images(atoms, atoms.positions[site.index], densities.reach[kinds] + end)
        distance = np.linalg.norm(offset, axis=1)
        onset = distance - densities.reach[kinds[which]]
        order = np.argsort(onset, kind="stable")
        order = order[distance[order] > 1e-6]  # not the atom itself
        around.append(offset[order])
        owners.append(which[order])
        onsets.append(onset[order])
    owner = np.concatenate(owners)
    found = Sites(
        mine=kinds[[site.index for site in sites]],
        stop=stop,
        begin=np.cumsum([0, *(len(part) for part in owners)]),
        around=np.concatenate(around),
        kind=kinds[owner],
        onset=np.concatenate(onsets),
    )
    return found, owner


def _ends(densities: Densities, mine: Int[np.ndarray, " site"], lowest: float) -> Float[np.ndarray, " site"]:
    """Where the density of each site is too low to be half of any, in Å."""
    ends = np.empty(len(mine))
    for k, kind in enumerate(mine):
        count = round(densities.reach[kind] / densities.spacing)
        samples = densities.value[densities.first[kind] : densities.first[kind] + count]
        ends[k] = densities.spacing * max(int((samples > lowest / 4).sum()), 8)
    return ends


def find_surfaces(
    atoms: Atoms, *, rays: int = RAYS, symmetry: bool = True, faint: float = FAINT, checked: bool = False
) -> Surfaces:
    """The surfaces of all sites of a crystal.

    Args:
        atoms: any crystal, in any cell.
        rays: directions of a site without symmetry, see ``RAYS``.
        symmetry: follow only rays and sites that symmetry does not relate.
        faint: density in electrons per Å³ below which an atom is taken to end.
        checked: whether the crystal is known to pass ``check_crystal``.

    Returns:
        Points in units of Å.  They do not depend on how the crystal is turned.

    Raises:
        StructureError: what ``check_crystal`` refuses, and crystals with so much empty space that a
            surface has no end in it.
    """
    if not checked:
        check_crystal(atoms)
    atoms = atoms.copy()
    atoms.set_cell(atoms.cell.standard_form()[0], scale_atoms=True)
    sites = unique_sites(atoms, symmetry=symmetry)
    numbers, kinds = np.unique(atoms.numbers, return_inverse=True)
    densities = _densities(numbers, faint)
    mine = kinds[[site.index for site in sites]]
    spheres = [sphere(round(rays * len(site.operations) ** 0.5), site.operations) for site in sites]
    start = np.repeat(np.arange(len(sites)), [len(solid) for _, solid in spheres])
    direction, solid = (np.concatenate(part) for part in zip(*spheres, strict=True))
    stop = _ends(densities, mine, _lowest(atoms, kinds, densities))
    for ends in (stop, densities.reach[mine]):  # further only if the lowest density was missed
        around, owner = _surroundings(atoms, sites, kinds, densities, ends)
        found = trace(densities, around, direction, start)
        still = found[-1]
        if not still.any():
            break
    else:
        open_ones = [sites[k] for k in sorted(set(start[still].tolist()))]
        raise StructureError(
            f"expected a crystal filled with atoms, got empty space into which the surface of {names(open_ones)} "
            "runs without an end; take the vacuum out of the cell"
        )
    return _collect(atoms, sites, direction, start, solid, found[:-1], owner)


def _collect(
    atoms: Atoms,
    sites: tuple[Site, ...],
    direction: Float[np.ndarray, "ray 3"],
    start: Int[np.ndarray, " ray"],
    solid: Float[np.ndarray, " ray"],
    found: tuple[np.ndarray, ...],
    owner: Int[np.ndarray, " neighbour"],
) -> Surfaces:
    """Crossings of rays as points with areas."""
    inside, outside, which, cosine, count = found
    ray, place = np.nonzero(np.arange(MOST) < count[:, None])
    r, slant = inside[ray, place], np.abs(cosine[ray, place])
    site = start[ray]
    bare = sorted(set(range(len(sites))) - set(site.tolist()))
    return Surfaces(
        sites=sites,
        site=site,
        inside=r,
        outside=outside[ray, place],
        area=r**2 * solid[ray] / np.maximum(slant, GRAZING),
        number=atoms.numbers[owner[which[ray, place]]],
        offset=r[:, None] * direction[ray],
        swallowed=tuple(sites[k] for k in bare),
        rays=len(direction),
        folded=int((count > 1).sum()),
        grazing=int((slant < GRAZING).sum()),
        lost=int(np.maximum(count - MOST, 0).sum()),
    )
