"""Vacancies, how they move, and self-interstitials, at constant volume.

A formation energy is that of the cell with the defect less that of as many atoms of the
perfect crystal, in eV.  Supercells are periodic, so a defect interacts with its images; cells
of a hundred atoms and more leave some hundredths of an eV for a vacancy, tenths for an
interstitial.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ConfigError
from ase_voxpot.properties.bands import elastic_band
from ase_voxpot.properties.cells import relaxed

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Float

__all__ = ["INTERSTITIALS", "Migration", "Vacancy", "interstitial", "vacancy", "vacancy_migration"]

FMAX = 0.01
"""eV/Å, for the ions around a defect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vacancy:
    """Formation energies of a vacancy."""

    formation: float  # eV
    unrelaxed: float  # eV, with all other atoms on their sites


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """Minimum energy path of a jump into a vacancy."""

    barrier: float  # eV
    energies: Float[np.ndarray, " image"]  # eV, above the first, both ends included
    jumper: int  # index of the atom that moves, in the perfect crystal


def vacancy(supercell: Atoms, calculator: Any, *, index: int = 0) -> Vacancy:
    """Formation energy of a vacancy in a crystal of one element.

    Args:
        supercell: the relaxed perfect crystal.
        calculator: any.
        index: of the atom removed.

    Raises:
        DivergenceError: the relaxation did not converge.
    """
    crystal = supercell.copy()
    crystal.calc = calculator
    share = crystal.get_potential_energy() * (len(crystal) - 1) / len(crystal)
    damaged = _without(supercell, index)
    damaged.calc = calculator
    unrelaxed = damaged.get_potential_energy() - share
    rest = relaxed(damaged, calculator, fmax=FMAX).get_potential_energy() - share
    return Vacancy(formation=float(rest), unrelaxed=float(unrelaxed))


def _without(supercell: Atoms, index: int) -> Atoms:
    out = supercell.copy()
    del out[index]
    return out


def vacancy_migration(supercell: Atoms, calculator: Any, *, index: int = 0, images: int = 5) -> Migration:
    """Barrier for a nearest neighbour to jump into the vacancy.

    Args:
        supercell: the relaxed perfect crystal, of one or several elements.
        calculator: any.
        index: of the atom removed; the nearest of all others jumps.
        images: between the two ends; an odd number puts one half way.

    Raises:
        DivergenceError: the relaxation or the band did not converge.
    """
    separations = supercell.get_distances(index, range(len(supercell)), mic=True, vector=True)
    lengths = np.linalg.norm(separations, axis=1)
    lengths[index] = np.inf
    jumper = int(np.argmin(lengths))
    start = supercell.copy()
    end = supercell.copy()
    end.positions[jumper] -= separations[jumper]
    first, last = (relaxed(_without(atoms, index), calculator, fmax=FMAX) for atoms in (start, end))
    energies = elastic_band(first, last, calculator, images=images)
    return Migration(barrier=float(energies.max()), energies=energies, jumper=jumper)


def _dumbbell(*direction: float) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Offsets of the atom on the site and of the one that joins it, in lattice constants."""
    x, y, z = 0.3 * np.array(direction) / np.linalg.norm(direction)
    return (-x, -y, -z), (x, y, z)


INTERSTITIALS = {
    "111": _dumbbell(1, 1, 1),
    "110": _dumbbell(1, 1, 0),
    "100": _dumbbell(1, 0, 0),
    "tetrahedral": ((0.0, 0.0, 0.0), (0.5, 0.25, 0.0)),
    "octahedral": ((0.0, 0.0, 0.0), (0.5, 0.5, 0.0)),
}
"""Displacement of the atom of a site and position of the additional atom in bcc, in lattice constants."""


def interstitial(crystal: Atoms, calculator: Any, kind: str, *, repeat: int = 5) -> float:
    """Formation energy of a self-interstitial in a bcc element, eV.

    Args:
        crystal: the cubic cell of two atoms, at rest.
        calculator: any.
        kind: one of ``INTERSTITIALS``.  An unstable one keeps its symmetry unless noise breaks it.
        repeat: cells along each edge of the supercell.

    Raises:
        ConfigError: an unknown kind, or a cell that is not the one expected.
        DivergenceError: the relaxation did not converge.
    """
    if kind not in INTERSTITIALS or len(crystal) != 2:
        raise ConfigError(
            f"interstitial: expected the bcc cell of two atoms and one of {', '.join(INTERSTITIALS)}, "
            f"got {len(crystal)} atoms and {kind!r}"
        )
    supercell = crystal.repeat(repeat)
    supercell.calc = calculator
    per_atom = supercell.get_potential_energy() / len(supercell)
    moved, added = INTERSTITIALS[kind]
    constant = crystal.cell.lengths()[0]
    crowded = supercell.copy()
    extra = crowded[[0]]
    extra.positions += constant * np.array(added)
    crowded.positions[0] += constant * np.array(moved)
    crowded += extra
    return float(relaxed(crowded, calculator, fmax=FMAX).get_potential_energy() - per_atom * len(crowded))
