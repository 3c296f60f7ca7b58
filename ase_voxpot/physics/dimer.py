"""Energies of dimers and lattices under compression, as a check of the repulsion at short distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.properties.cells import wide

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Float

__all__ = ["Squeeze", "dimer_curve", "lattice_curve"]

BOX = 24.0
"""Å, edge of the periodic box of a dimer."""
DEPTH = 0.01
"""eV (eV/atom of a lattice), least depth of a minimum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Squeeze:
    """Energies against distance, with checks."""

    distances: Float[np.ndarray, " point"]  # Å, rising; of nearest neighbours in a lattice
    energies: Float[np.ndarray, " point"]  # eV, or eV/atom of a lattice
    bottom: float  # Å, of the minimum
    wall: float  # eV or eV/atom, at the shortest distance above the lowest
    monotone: bool  # energy rises with every step inwards from the minimum
    minima: int  # number of minima; 1 is expected


def dimer_curve(pair: tuple[str, str], calculator: Any, distances: Float[np.ndarray, " point"]) -> Squeeze:
    """Two atoms in an empty box.

    Args:
        pair: the two elements.
        calculator: any.
        distances: Å, rising.
    """
    from ase import Atoms

    energies = []
    for r in distances:
        atoms = Atoms(pair, positions=[[0, 0, 0], [r, 0, 0]], cell=[BOX] * 3, pbc=True)
        atoms.positions += BOX / 3
        atoms.calc = calculator
        energies.append(atoms.get_potential_energy())
    return _judge(distances, np.array(energies))


def lattice_curve(crystal: Atoms, calculator: Any, distances: Float[np.ndarray, " point"]) -> Squeeze:
    """Energies of a crystal, expanded and compressed.

    Args:
        crystal: a cubic cell.
        calculator: any.
        distances: Å of nearest neighbours, rising.
    """
    from ase_voxpot.properties.cells import energy_per_atom, scaled

    pairs = crystal.repeat(2).get_all_distances(mic=True)
    nearest = pairs[pairs > 1e-6].min()
    energies = [energy_per_atom(wide(scaled(crystal, r / nearest), 6.0), calculator) for r in distances]
    return _judge(distances, np.array(energies))


def _judge(distances: Float[np.ndarray, " point"], energies: Float[np.ndarray, " point"]) -> Squeeze:
    lowest = int(np.argmin(energies))
    inner = energies[: lowest + 1]
    return Squeeze(
        distances=np.asarray(distances),
        energies=energies,
        bottom=float(distances[lowest]),
        wall=float(energies[0] - energies[lowest]),
        monotone=bool(lowest > 0 and (np.diff(inner) < 0).all()),
        minima=_minima(energies),
    )


def _minima(energies: Float[np.ndarray, " point"]) -> int:
    """Number of minima deeper than ``DEPTH`` on both sides; the short end of the range counts as a barrier."""
    count, low, high, falling = 0, energies[0], energies[0], True
    for e in energies:
        if falling:
            low = min(low, e)
            if e > low + DEPTH:
                count, falling, high = count + 1, False, e
        else:
            high = max(high, e)
            if e < high - DEPTH:
                falling, low = True, e
    return count
