"""Initial structures: alloys of any composition, perfect and defective, solid and liquid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.build import bcc100, bcc110, bcc111, bulk

from ase_voxpot.physics.planar import BOUNDARIES, bicrystals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["KINDS", "Start", "start"]


@dataclass(frozen=True, slots=True)
class Start:
    """A structure and parameters of its run.

    ``factor`` scales the temperature drawn, ``least`` is the lowest in K.  With ``soon`` the first frame is taken
    without equilibration, with ``still`` it is the only one.
    """

    atoms: Atoms
    factor: float = 1.0
    least: float = 0.0
    soon: bool = False
    still: bool = False


def _composition(lattice: Mapping[str, float], rng: np.random.Generator, pure: float) -> np.ndarray:
    """A point of the composition simplex: inside, on an edge, or, with probability ``pure``, a corner."""
    kind = rng.choice(3, p=(0.75 * (1 - pure), 0.25 * (1 - pure), pure))
    share = rng.dirichlet(np.ones(len(lattice)))
    if kind == 1 and len(lattice) > 1:
        share[rng.integers(len(lattice))] = 0
    if kind == 2:
        share = np.eye(len(lattice))[rng.integers(len(lattice))]
    total: np.ndarray = share / share.sum()
    return total


def _decorate(
    atoms: Atoms, lattice: Mapping[str, float], rng: np.random.Generator, *, reference: float, pure: float = 0.2
) -> Atoms:
    """Random elements on the sites of a bcc structure built with constant ``reference``, scaled by Vegard."""
    names = list(lattice)
    share = _composition(lattice, rng, pure)
    atoms.symbols = rng.choice(names, len(atoms), p=share)
    constant = float(np.mean([lattice[s] for s in atoms.get_chemical_symbols()]))
    atoms.set_cell(atoms.cell[:] * constant / reference, scale_atoms=True)
    return atoms


def _strained(atoms: Atoms, rng: np.random.Generator, volume: float = 0.1, shear: float = 0.03) -> Atoms:
    """A random strain: volume within ± ``volume``, all six components by about ``shear``."""
    strain = rng.normal(scale=shear * rng.random(), size=(3, 3))
    strain = (strain + strain.T) / 2
    strain += np.eye(3) * ((1 + rng.uniform(-volume, volume)) ** (1 / 3) - 1)
    atoms.set_cell(atoms.cell[:] @ (np.eye(3) + strain), scale_atoms=True)
    return atoms


def _supercell(rng: np.random.Generator) -> Atoms:
    repeat = [(3, 3, 3), (4, 3, 3), (4, 4, 3), (4, 4, 4)][rng.choice(4, p=(0.6, 0.2, 0.1, 0.1))]
    cell: Atoms = bulk("W", "bcc", a=3.2, cubic=True).repeat(repeat)
    return cell


def solution(lattice: Mapping[str, float], rng: np.random.Generator) -> Start:
    """A random solid solution, slightly strained."""
    return Start(_strained(_decorate(_supercell(rng), lattice, rng, reference=3.2), rng, volume=0.05))


def ordered(lattice: Mapping[str, float], rng: np.random.Generator) -> Start:
    """A small random cell repeated: an ordered compound."""
    unit = bulk("W", "bcc", a=3.2, cubic=True).repeat(((2, 1, 1), (1, 1, 1), (2, 2, 1))[rng.integers(3)])
    unit = _decorate(unit, lattice, rng, reference=3.2)
    repeat = np.maximum(np.round(9.0 / unit.cell.lengths()).astype(int), 1)
    return Start(_strained(unit.repeat(repeat), rng, volume=0.05))


def strained(lattice: Mapping[str, float], rng: np.random.Generator) -> Start:
    """A solution far from its equilibrium volume and shape, not hot."""
    atoms = _decorate(_supercell(rng), lattice, rng, reference=3.2)
    return Start(_strained(atoms, rng, volume=0.15, shear=0.08), factor=0.4, soon=True)


def vacancy(lattice: Mapping[str, float], rng: np.random.Generator) -> Start:
    """A solution with one to three atoms missing."""
    atoms = solution(lattice, rng).atoms
    del atoms[rng.permutation(len(atoms))[: rng.integers(1, 4)]]
    return Start(atoms, factor=0.8)


def interstitial(lattice: Mapping[str, float], rng: np.random.Generator) -> Start:
    """A solution with one atom too many, pushed next to another."""
    atoms = solution(lattice, rng).atoms
    direction = rng.normal(size=3)
    place = atoms.positions[rng.integers(len(atoms))] + direction / np.linalg.norm(direction) * rng.uniform(1.5, 2.0)
    extra = atoms[[0]]
    extra.symbols = [rng.choice(list(lattice))]
    extra.positions[0] = place
    return Start(atoms + extra, factor=0.6)


def surface(lattice: Mapping[str, float], rng: np.random.Generator) -> Start:
    """A slab of a solution, (100), (110) or (111), with vacuum."""
    build, size = ((bcc100, (3, 3, 6)), (bcc110, (3, 3, 6)), (bcc111, (3, 3, 9)))[rng.integers(3)]
    atoms = build("W", size, a=3.2, vacuum=6.0)  # type: ignore[no-untyped-call] # ASE's builders have no annotations
    atoms.pbc = True
    return Start(_decorate(atoms, lattice, rng, reference=3.2), factor=0.6)


def boundary(lattice: Mapping[str, float], rng: np.random.Generator) -> Start:
    """A tilt boundary, often of one element, between two grains with free surfaces on their other sides."""
    names = sorted(BOUNDARIES)
    pairs = bicrystals(bulk("W", "bcc", a=3.2, cubic=True), names[rng.integers(len(names))])
    atoms = pairs[rng.integers(len(pairs))]
    atoms.pbc = True
    return Start(_decorate(atoms, lattice, rng, reference=3.2, pure=0.7), factor=0.3 * rng.random())


def metal(lattice: Mapping[str, float], rng: np.random.Generator) -> Start:
    """One element: bulk at 86 to 114 % of its volume, now and then with a vacancy, a strain or a free surface."""
    element = str(rng.choice(list(lattice)))
    kind = rng.choice(4, p=(0.7, 0.1, 0.1, 0.1))
    if kind == 3:
        return surface({element: lattice[element]}, rng)
    atoms = _strained(bulk(element, "bcc", a=lattice[element], cubic=True).repeat(3), rng, 0.14, 0.03 * (kind == 2))
    if kind == 1:
        del atoms[[int(rng.integers(len(atoms)))]]
    return Start(atoms)


def liquid(lattice: Mapping[str, float], rng: np.random.Generator) -> Start:
    """A liquid-like solution with large displacements, at 5 to 25 % more volume."""
    atoms = _decorate(_supercell(rng), lattice, rng, reference=3.2)
    atoms.set_cell(atoms.cell[:] * rng.uniform(1.05, 1.25) ** (1 / 3), scale_atoms=True)
    atoms.rattle(0.45, rng=rng)
    return Start(atoms, least=3200.0, factor=1.3)


def crowded(lattice: Mapping[str, float], rng: np.random.Generator) -> Start:
    """A solution in which some pairs are pushed together: the repulsive wall."""
    atoms = solution(lattice, rng).atoms
    for _ in range(rng.integers(1, 4)):
        i = rng.integers(len(atoms))
        distances = atoms.get_distances(i, range(len(atoms)), mic=True, vector=True)
        j = np.argsort(np.linalg.norm(distances, axis=1))[rng.integers(1, 9)]
        atoms.positions[i] += distances[j] * rng.uniform(0.1, 0.35)
    return Start(atoms, factor=0.3, soon=True)


def cluster(lattice: Mapping[str, float], rng: np.random.Generator) -> Start:
    """Two or three atoms alone, as close as collisions bring them: 0.9 to 3.0 Å."""
    count = int(rng.integers(2, 4))
    positions = np.zeros((count, 3))
    for k in range(1, count):
        direction = rng.normal(size=3)
        positions[k:] += direction / np.linalg.norm(direction) * rng.uniform(0.9, 3.0)
    symbols = rng.choice(list(lattice), count)
    return Start(Atoms(symbols, positions=positions + 10, cell=[20.0] * 3, pbc=True), still=True)


def point_defect(lattice: Mapping[str, float], rng: np.random.Generator) -> Start:
    """One vacancy, one atom on its way into a vacancy, or one dumbbell, cold and close to equilibrium."""
    atoms = _decorate(_supercell(rng), lattice, rng, reference=3.2, pure=0.5)
    atoms = _strained(atoms, rng, volume=0.02, shear=0.005)
    site = int(rng.integers(len(atoms)))
    offsets = atoms.get_distances(site, range(len(atoms)), mic=True, vector=True)
    kind = rng.integers(3)
    if kind == 2:
        axis = np.array([(1, 1, 1), (1, 1, 0), (1, 0, 0)][rng.integers(3)]) * rng.choice((-1, 1), 3)
        half = axis / np.linalg.norm(axis) * rng.uniform(0.9, 1.1)
        extra = atoms[[site]]
        extra.symbols = [rng.choice(atoms.get_chemical_symbols())]
        extra.positions += half
        atoms.positions[site] -= half
        return Start(atoms + extra, factor=0.4 * rng.random())
    if kind == 1:
        jumper = int(np.argsort(np.linalg.norm(offsets, axis=1))[rng.integers(1, 9)])
        atoms.positions[jumper] -= rng.random() * offsets[jumper]
    del atoms[[site]]
    return Start(atoms, factor=0.4 * rng.random())


def _crystal(name: str, side: float) -> Atoms:
    """The smallest orthogonal cell of a crystal, ``side`` Å that of the cube that one atom has."""
    if name == "a15":
        corner, faces = [(0, 0, 0), (0.5, 0.5, 0.5)], [(0.25, 0.5, 0), (0.75, 0.5, 0)]
        sites = corner + [tuple(np.roll(p, k)) for p in faces for k in range(3)]
        return Atoms("W8", scaled_positions=sites, cell=np.eye(3) * side * 2, pbc=True)
    if name == "hcp":
        edge = side * 2 ** (1 / 6)
        hexagonal: Atoms = bulk("W", "hcp", a=edge, c=edge * np.sqrt(8 / 3), orthorhombic=True)
        return hexagonal
    cubic: Atoms = bulk("W", name, a=side * {"bcc": 2, "fcc": 4, "sc": 1, "diamond": 8}[name] ** (1 / 3), cubic=True)
    return cubic


def phase(lattice: Mapping[str, float], rng: np.random.Generator) -> Start:
    """Another crystal than bcc, near the volume per atom of bcc or far from it, not hot."""
    name = ("fcc", "hcp", "sc", "diamond", "a15")[rng.integers(5)]
    unit = _crystal(name, float(rng.uniform(0.9, 1.25) * 3.2**3 / 2) ** (1 / 3))
    atoms = unit.repeat(np.maximum(np.round(9.5 / unit.cell.lengths()).astype(int), 1))
    atoms = _decorate(atoms, lattice, rng, reference=3.2)
    return Start(_strained(atoms, rng, volume=0.05), factor=0.3 * rng.random())


def squeezed(lattice: Mapping[str, float], rng: np.random.Generator) -> Start:
    """A small cell of any crystal at 30 to 160 % of the volume of bcc, sheared and rattled: 1 to 16 atoms."""
    name = ("bcc", "bcc", "fcc", "hcp", "sc", "diamond", "a15")[rng.integers(7)]
    unit = _crystal(name, 3.2 / 2 ** (1 / 3))
    repeat = np.ones(3, dtype=int)
    if len(unit) <= 4:
        repeat[rng.integers(3)] = rng.integers(1, 3)
    atoms = _decorate(unit.repeat(repeat), lattice, rng, reference=3.2, pure=0.4)
    if name == "bcc" and len({tuple(pair) for pair in np.reshape(atoms.symbols, (-1, 2))}) == 1:
        atoms.symbols = atoms.symbols[0]  # B2 compounds judge potentials: they stay unseen
    volume = np.exp(rng.uniform(np.log(0.3), np.log(1.6)))
    atoms.set_cell(atoms.cell[:] * volume ** (1 / 3), scale_atoms=True)
    atoms = _strained(atoms, rng, volume=0.0, shear=0.06)
    side = (atoms.get_volume() / len(atoms)) ** (1 / 3)
    atoms.positions += rng.normal(scale=0.08 * side * rng.random() ** 2, size=atoms.positions.shape)
    return Start(atoms, still=True)


def gas(lattice: Mapping[str, float], rng: np.random.Generator) -> Start:
    """Two to five atoms alone: near collisions, molecules, and as far apart as atoms see each other."""
    count = int(rng.choice((2, 3, 4, 5), p=(0.5, 0.25, 0.15, 0.1)))
    positions = np.zeros((1, 3))
    while len(positions) < count:
        direction = rng.normal(size=3)
        place = positions[rng.integers(len(positions))]
        place = place + direction / np.linalg.norm(direction) * (0.6 + 4.9 * rng.random() ** 1.3)
        if np.linalg.norm(positions - place, axis=1).min() > 0.6:
            positions = np.vstack([positions, place])
    symbols = [str(s) for s in rng.choice(list(lattice), count, p=_composition(lattice, rng, 0.3))]
    return Start(Atoms(symbols, positions=positions + 15, cell=[30.0] * 3, pbc=True), still=True)


def pair(lattice: Mapping[str, float], rng: np.random.Generator) -> Start:
    """The first element of ``lattice`` and any of them, two atoms alone, at all distances alike."""
    first, *_ = names = list(lattice)
    positions = [[15.0, 15.0, 15.0], [15.0, 15.0, 15.0 + rng.uniform(1.2, 5.4)]]
    return Start(Atoms([first, str(rng.choice(names))], positions=positions, cell=[30.0] * 3, pbc=True), still=True)


KINDS: dict[str, Callable[[Mapping[str, float], np.random.Generator], Start]] = {
    make.__name__: make
    for make in (
        solution,
        ordered,
        strained,
        vacancy,
        interstitial,
        surface,
        boundary,
        metal,
        liquid,
        crowded,
        cluster,
        point_defect,
        phase,
        squeezed,
        gas,
        pair,
    )
}
"""The kinds of starts, by the names that a config uses."""


def start(kind: str, lattice: Mapping[str, float], rng: np.random.Generator) -> Start:
    """A random start of one kind."""
    return KINDS[kind](lattice, rng)
