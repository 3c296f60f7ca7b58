"""Structures to label, from geometry alone: small cells, strained, disordered and defective ones.

Every kind is a function of the alloy, the sizes and a generator, which yields structures without end, but for
``metals`` and ``ordered``, whose number is finite.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from ase.build import bulk, surface as cut

from voxpot_training.campaign.alloys import PER_CUBE, closeness, random_cell, random_symbols, scaled, tidied
from voxpot_training.campaign.ordered import hermite_forms, ordered as enumerate_ordered, primitive_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ase import Atoms
    from jaxtyping import Float

    from voxpot_training.campaign.alloys import Alloy
    from voxpot_training.campaign.config import ExploreConfig

__all__ = ["VOLUMES", "make_structures"]

VOLUMES = (0.88, 0.94, 0.97, 1.0, 1.03, 1.06, 1.12)
"""Of the pure metals, over that of the lattice constants given: their equations of state set the zeros of energy."""
MOST_DECORATIONS = 4000
"""Decorations of one size that are enumerated; larger ones are left to the random cells."""
MILLERS = {
    "bcc": ((1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 1)),
    "hcp": ((0, 0, 1), (1, 0, 0), (1, 1, 0)),
    "": ((1, 0, 0), (1, 1, 0), (1, 1, 1)),
}
"""Planes of surfaces and faults."""
VACUUM = 6.0
"""Å on either side of a slab."""
NEAR = 0.88
"""Of the distance of nearest neighbours: pairs are pushed together to less than this."""
ATTEMPTS = 200
"""Structures in a row whose atoms are too close, after which a kind yields no more."""


def make_structures(
    kind: str, alloy: Alloy, config: ExploreConfig, count: int, rng: np.random.Generator
) -> list[Atoms]:
    """Up to ``count`` structures of a kind, without two atoms closer than ``config.closest`` allows."""
    found: list[Atoms] = []
    refused = 0
    for atoms in MAKERS[kind](alloy, config, rng):
        if len(found) == count or refused == ATTEMPTS:
            break
        if closeness(atoms, alloy) < config.closest:
            refused += 1
            continue
        refused = 0
        found.append(tidied(atoms))
    return found


def _metals(alloy: Alloy, config: ExploreConfig, rng: np.random.Generator) -> Iterator[Atoms]:
    """Pure elements at several volumes."""
    for volume in VOLUMES:
        for symbol in alloy.species:
            atoms = primitive_cell(alloy.lattice, alloy.ratio)
            atoms.symbols[:] = symbol
            atoms = scaled(atoms, alloy)
            atoms.set_cell(atoms.cell.array * volume ** (1 / 3), scale_atoms=True)
            yield atoms


@cache
def _enumerated(species: tuple[str, ...], lattice: str, ratio: float, order: int) -> tuple[Atoms, ...]:
    """Ordered structures of up to ``order`` atoms, small ones first."""
    basis = len(primitive_cell(lattice, ratio))
    found = []
    for size in range(1, order // basis + 1):
        decorations = len(list(hermite_forms(size))) * len(species) ** (size * basis)
        if size * basis > 1 and decorations <= MOST_DECORATIONS:
            found += [atoms for _, atoms in enumerate_ordered(species, size, lattice=lattice, ratio=ratio)]
    return tuple(found)


def _ordered(alloy: Alloy, config: ExploreConfig, rng: np.random.Generator) -> Iterator[Atoms]:
    """Ordered compounds, near the volume of Vegard's law."""
    known = _enumerated(alloy.species, alloy.lattice, alloy.ratio, config.order)
    for number in rng.permutation(len(known)):
        atoms = scaled(known[number], alloy)
        atoms.set_cell(atoms.cell.array * rng.uniform(0.97, 1.03), scale_atoms=True)
        yield atoms


def _strain(rng: np.random.Generator, volume: float, shear: float) -> Float[np.ndarray, "3 3"]:
    """A deformation: volume within ± ``volume``, all components of the strain up to about ``shear``."""
    strain = rng.normal(scale=shear * rng.random(), size=(3, 3))
    return np.eye(3) * (1 + rng.uniform(-volume, volume)) ** (1 / 3) + (strain + strain.T) / 2


def _disordered(
    alloy: Alloy,
    config: ExploreConfig,
    rng: np.random.Generator,
    *,
    volume: float,
    shear: float,
    rattle: tuple[float, float],
) -> Iterator[Atoms]:
    """Random decorations of small cells, deformed and rattled; shares of what the configuration allows."""
    least = len(primitive_cell(alloy.lattice, alloy.ratio))
    while True:
        atoms = random_cell(alloy, int(rng.integers(least, max(least, config.atoms) + 1)), rng)
        deformation = _strain(rng, volume * config.volume, shear * config.shear)
        atoms.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
        atoms.rattle(config.rattle * rng.uniform(*rattle), rng=rng)
        yield atoms


def _base(alloy: Alloy, config: ExploreConfig, rng: np.random.Generator, fill: float = 1.0) -> Atoms:
    """A larger cell, little strained and rattled, for a defect."""
    atoms = random_cell(alloy, max(4, round(fill * config.large * rng.uniform(0.5, 1.0))), rng)
    atoms.set_cell(atoms.cell.array @ _strain(rng, 0.3 * config.volume, 0.3 * config.shear), scale_atoms=True)
    return atoms


def _vacancy(alloy: Alloy, config: ExploreConfig, rng: np.random.Generator) -> Iterator[Atoms]:
    """One or two atoms missing; in every third structure one of their neighbours on its way into the gap."""
    while True:
        atoms = _base(alloy, config, rng)
        site = int(rng.integers(len(atoms)))
        apart = atoms.get_distances(site, range(len(atoms)), mic=True, vector=True)
        if rng.random() < 0.33:
            jumper = int(np.argsort(np.linalg.norm(apart, axis=1))[1])
            atoms.positions[jumper] -= rng.random() * apart[jumper]
        gone = {site} | ({int(rng.integers(len(atoms)))} if len(atoms) > 8 and rng.random() < 0.25 else set())
        del atoms[sorted(gone)]
        atoms.rattle(config.rattle * rng.uniform(0, 0.5), rng=rng)
        yield atoms


def _interstitial(alloy: Alloy, config: ExploreConfig, rng: np.random.Generator) -> Iterator[Atoms]:
    """A dumbbell: two atoms that share a site, along a random or simple direction."""
    while True:
        atoms = _base(alloy, config, rng)
        site = int(rng.integers(len(atoms)))
        axis = (
            rng.normal(size=3)
            if rng.random() < 0.3
            else rng.permutation([(0, 0, 1), (0, 1, 1), (1, 1, 1)][rng.integers(3)])
        )
        extra = atoms[[site]]
        extra.symbols = random_symbols(alloy, 1, rng)
        half = 0.5 * alloy.nearest(str(extra.symbols[0])) * rng.uniform(0.7, 0.95) * axis / np.linalg.norm(axis)
        extra.positions += half
        atoms.positions[site] -= half
        atoms = atoms + extra
        # neighbours give way, as they would at once
        for _ in range(3):
            _push_apart(atoms, alloy, 0.8)
        atoms.rattle(config.rattle * rng.uniform(0, 0.4), rng=rng)
        yield atoms


def _push_apart(atoms: Atoms, alloy: Alloy, least: float) -> None:
    """Move pairs closer than ``least`` of the distance of nearest neighbours apart, half of the way each."""
    from ase.neighborlist import neighbor_list

    near = np.array([alloy.nearest(s) for s in atoms.get_chemical_symbols()])
    i, j, d, vector = neighbor_list("ijdD", atoms, least * near.max())
    missing = least * (near[i] + near[j]) / 2 - d
    close = missing > 0
    step = np.zeros((len(atoms), 3))
    np.add.at(step, i[close], -0.5 * (missing / d)[close, None] * vector[close])
    atoms.positions += step


def _slab(alloy: Alloy, config: ExploreConfig, rng: np.random.Generator, vacuum: float | None) -> Atoms:
    """Layers of a random plane, decorated at random; periodic along the normal without a vacuum."""
    lattice = alloy.lattice
    cubic = lattice in PER_CUBE
    unit = bulk("X", lattice, a=1.0, cubic=True) if cubic else bulk("X", lattice, a=1.0, c=alloy.ratio)
    millers = MILLERS.get(lattice, MILLERS[""])
    plane = millers[rng.integers(len(millers))]
    one = cut(unit, plane, 1, periodic=True)
    wanted = max(3, round(config.large * rng.uniform(0.4, 0.8) / len(one)))
    across = 2 if wanted >= 8 and rng.random() < 0.5 else 1
    slab: Atoms = cut(unit, plane, max(3, wanted // across), periodic=True) * (across, 1, 1)
    slab.symbols[:] = random_symbols(alloy, len(slab), rng)
    slab = scaled(slab, alloy)
    if vacuum is not None:
        slab.center(vacuum=vacuum, axis=2)
    slab.pbc = True
    return slab


def _surface(alloy: Alloy, config: ExploreConfig, rng: np.random.Generator) -> Iterator[Atoms]:
    """Slabs with vacuum."""
    while True:
        atoms = _slab(alloy, config, rng, VACUUM)
        atoms.rattle(config.rattle * rng.uniform(0, 0.5), rng=rng)
        yield atoms


def _fault(alloy: Alloy, config: ExploreConfig, rng: np.random.Generator) -> Iterator[Atoms]:
    """Crystals of which one half is shifted along a plane, by a part of its vectors, and pulled off a little."""
    while True:
        atoms = _slab(alloy, config, rng, None)
        cell = atoms.cell.array.copy()
        normal = np.cross(cell[0], cell[1])
        cell[2] += rng.random(2) @ cell[:2] + rng.uniform(0, 0.4) * normal / np.linalg.norm(normal)
        atoms.set_cell(cell)
        atoms.rattle(config.rattle * rng.uniform(0, 0.4), rng=rng)
        yield atoms


def _close(alloy: Alloy, config: ExploreConfig, rng: np.random.Generator) -> Iterator[Atoms]:
    """A pair of neighbours pushed together."""
    least = 2 * len(primitive_cell(alloy.lattice, alloy.ratio))
    while True:
        atoms = random_cell(alloy, int(rng.integers(least, max(least, config.atoms) + 1)), rng)
        atoms.rattle(config.rattle * rng.uniform(0, 0.4), rng=rng)
        site = int(rng.integers(len(atoms)))
        apart = atoms.get_distances(site, range(len(atoms)), mic=True, vector=True)
        length = np.linalg.norm(apart, axis=1)
        other = int(np.argsort(length)[1])
        near = (alloy.nearest(str(atoms.symbols[site])) + alloy.nearest(str(atoms.symbols[other]))) / 2
        wanted = near * rng.uniform(config.closest, max(NEAR, config.closest))
        atoms.positions[site] += (1 - wanted / length[other]) * apart[other]
        yield atoms


def _liquid(alloy: Alloy, config: ExploreConfig, rng: np.random.Generator) -> Iterator[Atoms]:
    """Large displacements at a larger volume, with pairs that are too close pushed apart: like a melt."""
    while True:
        atoms = random_cell(alloy, max(4, round(config.large * rng.uniform(0.3, 0.7))), rng)
        atoms.set_cell(atoms.cell.array * rng.uniform(1.0, 1.2) ** (1 / 3), scale_atoms=True)
        near = float(np.mean([alloy.nearest(s) for s in atoms.get_chemical_symbols()]))
        atoms.rattle(near * rng.uniform(0.1, 0.2), rng=rng)
        for _ in range(6):
            _push_apart(atoms, alloy, 0.8)
        yield atoms


MAKERS: dict[str, Callable[[Alloy, ExploreConfig, np.random.Generator], Iterator[Atoms]]] = {
    "metals": _metals,
    "ordered": _ordered,
    "random": partial(_disordered, volume=0.25, shear=0.25, rattle=(0.0, 0.3)),
    "strained": partial(_disordered, volume=1.0, shear=1.0, rattle=(0.0, 0.15)),
    "rattled": partial(_disordered, volume=0.4, shear=0.4, rattle=(0.3, 1.0)),
    "vacancy": _vacancy,
    "interstitial": _interstitial,
    "surface": _surface,
    "fault": _fault,
    "close": _close,
    "liquid": _liquid,
}
"""The kinds from geometry alone."""
