"""Cells of an alloy: supercells of its lattice with elements of any composition on the sites."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers, reference_states
from ase.neighborlist import neighbor_list

from ase_voxpot.errors import ConfigError
from voxpot_training.campaign.config import LATTICES
from voxpot_training.campaign.ordered import primitive_cell, shell_radii

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Float, Int

    from voxpot_training.campaign.config import AlloyConfig

__all__ = ["Alloy", "alloy_of", "closeness", "random_cell", "random_symbols", "tidied"]

PER_CUBE = {"bcc": 2, "fcc": 4, "sc": 1, "diamond": 8}
"""Sites in the cube of the lattice constant."""
PURE, BINARY = 0.1, 0.3
"""Shares of random compositions that hold one and two elements."""
TRIES = 24
"""Supercells of one size of which the most compact is taken."""


@dataclass(frozen=True, slots=True)
class Alloy:
    """A lattice, and the lattice constants that elements would have on it."""

    species: tuple[str, ...]
    lattice: str
    constants: tuple[float, ...]  # Å, by species
    ratio: float  # c/a of hcp

    def constant(self, symbols: list[str]) -> float:
        """Å, the mean lattice constant (Vegard's law)."""
        return float(np.mean([self.constants[self.species.index(s)] for s in symbols]))

    def nearest(self, symbol: str) -> float:
        """Å, the distance of nearest neighbours of an element on the lattice."""
        return float(shell_radii(self.lattice, self.ratio)[0] * self.constants[self.species.index(symbol)])


def alloy_of(config: AlloyConfig) -> Alloy:
    """The alloy of a configuration; what is left out is taken from ASE's reference states.

    Raises:
        ConfigError: an element without a reference state on a lattice, and without a constant.
    """
    states = {s: reference_states[atomic_numbers[s]] or {} for s in config.species}
    usual = Counter(str(states[s].get("symmetry")) for s in config.species if states[s].get("symmetry") in LATTICES)
    lattice = config.lattice or (usual.most_common(1)[0][0] if usual else "fcc")
    constants = tuple(config.constants.get(s) or _constant(s, lattice, config.ratio) for s in config.species)
    return Alloy(config.species, lattice, constants, config.ratio)


def _constant(symbol: str, lattice: str, ratio: float) -> float:
    """Å, at the volume per atom of the element's reference state."""
    from ase.build import bulk

    try:
        reference = bulk(symbol)
    except (ValueError, KeyError, TypeError, RuntimeError, NotImplementedError):
        raise ConfigError(
            f"alloy.constants: no reference crystal of {symbol} is known; give its lattice constant on {lattice} in Å"
        ) from None
    volume = float(reference.get_volume()) / len(reference)
    if lattice == "hcp":
        return float((volume / (np.sqrt(3) / 4 * ratio)) ** (1 / 3))
    return float((PER_CUBE[lattice] * volume) ** (1 / 3))


def random_symbols(alloy: Alloy, count: int, rng: np.random.Generator) -> list[str]:
    """Elements for ``count`` sites, of a random composition: inside the simplex, on its edges and corners."""
    share = rng.dirichlet(np.ones(len(alloy.species)))
    kind = rng.random()
    keep = 1 if kind < PURE else 2 if kind < PURE + BINARY else len(alloy.species)
    left = rng.permutation(len(alloy.species))[:keep]
    weights = np.zeros(len(share))
    weights[left] = share[left]
    return [str(s) for s in rng.choice(alloy.species, count, p=weights / weights.sum())]


def random_cell(alloy: Alloy, atoms: int, rng: np.random.Generator) -> Atoms:
    """A compact supercell of about ``atoms`` sites, decorated at random, at the volume of Vegard's law."""
    primitive = primitive_cell(alloy.lattice, alloy.ratio)
    size = max(1, round(atoms / len(primitive)))
    forms = [_random_form(size, rng) for _ in range(TRIES if size > 1 else 1)]
    cell = _tiled(primitive, max(forms, key=lambda form: _shortest(form @ primitive.cell.array)))
    cell.symbols[:] = random_symbols(alloy, len(cell), rng)
    return scaled(cell, alloy)


def _tiled(primitive: Atoms, form: Int[np.ndarray, "3 3"]) -> Atoms:
    """The supercell of a matrix in Hermite normal form, whose diagonal counts its primitive cells; reduced."""
    from ase import Atoms
    from ase.build import niggli_reduce

    corners = np.stack(np.meshgrid(*(np.arange(n) for n in np.diag(form)), indexing="ij"), axis=-1).reshape(-1, 3)
    positions = ((corners @ primitive.cell.array)[:, None] + primitive.positions[None]).reshape(-1, 3)
    atoms = Atoms(["X"] * len(positions), positions=positions, cell=form @ primitive.cell.array, pbc=True)
    niggli_reduce(atoms)
    atoms.wrap()
    return atoms


def scaled(atoms: Atoms, alloy: Alloy) -> Atoms:
    """A cell of edge 1 brought to the lattice constant of its elements."""
    answer = atoms.copy()
    answer.set_cell(answer.cell.array * alloy.constant(answer.get_chemical_symbols()), scale_atoms=True)
    return answer


def _random_form(size: int, rng: np.random.Generator) -> Int[np.ndarray, "3 3"]:
    """A random matrix in Hermite normal form."""
    a = int(rng.choice([n for n in range(1, size + 1) if size % n == 0]))
    c = int(rng.choice([n for n in range(1, size // a + 1) if (size // a) % n == 0]))
    f = size // (a * c)
    return np.array([[a, 0, 0], [rng.integers(c), c, 0], [rng.integers(f), rng.integers(f), f]])


def _shortest(cell: Float[np.ndarray, "3 3"]) -> float:
    """Length of the shortest lattice vector."""
    from ase.geometry import minkowski_reduce

    return float(np.linalg.norm(minkowski_reduce(cell)[0], axis=1).min())


def closeness(atoms: Atoms, alloy: Alloy) -> float:
    """The least distance of two atoms over that of nearest neighbours of their elements; infinite without any."""
    largest = max(alloy.nearest(s) for s in alloy.species)
    i, j, d = neighbor_list("ijd", atoms, 1.2 * largest)
    if not len(d):
        return float("inf")
    near = np.array([alloy.nearest(s) for s in atoms.get_chemical_symbols()])
    return float((2 * d / (near[i] + near[j])).min())


def tidied(atoms: Atoms) -> Atoms:
    """A copy in its cell, with the digits that extended XYZ keeps, and nothing but elements, positions and cell."""
    from ase import Atoms

    copy = Atoms(atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    copy.wrap(eps=1e-9)
    copy.positions = copy.positions.round(8)
    copy.set_cell(copy.cell.array.round(8))
    return copy
