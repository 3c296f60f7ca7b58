"""Vibrations of a crystal from small displacements, by phonopy (Togo, J. Phys. Soc. Jpn. 92, 012001, 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.workflows.cells import wide

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Float
    from phonopy import Phonopy

__all__ = ["Phonons", "harmonic", "phonons"]

WIDTH = 15.0
"""Å: force constants reach twice as far as a cutoff when energies depend on many bodies."""
DISPLACEMENT = 0.01
"""Å."""
MESH = 24
"""Points of the Brillouin zone along each vector."""
PATH = 180
"""Points along the way through it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phonons:
    """Frequencies in THz; an imaginary one is negative."""

    special: dict[str, Float[np.ndarray, " branch"]]  # at the special points of the lattice
    path: Float[np.ndarray, " point"]  # 2π/Å, length of the way so far
    branches: Float[np.ndarray, "point branch"]
    ticks: dict[float, str]  # what lies where on the way
    grid: Float[np.ndarray, " bin"]  # THz
    density: Float[np.ndarray, " bin"]  # of states, 1/THz per primitive cell
    highest: float  # on the mesh
    lowest: float  # on the mesh and the path; zero within noise for a stable crystal


def harmonic(crystal: Atoms, calculator: Any, *, width: float = WIDTH) -> Phonopy:
    """Force constants of a crystal at rest.

    Args:
        crystal: any cell of it.
        calculator: any.
        width: Å, of the supercell.
    """
    from ase import Atoms
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms
    from phonopy.structure.cells import guess_primitive_matrix

    cell = PhonopyAtoms(
        symbols=crystal.get_chemical_symbols(), cell=crystal.cell.array, scaled_positions=crystal.get_scaled_positions()
    )
    repeat = wide(crystal, width).cell.lengths() / crystal.cell.lengths()
    matrix = np.diag(np.round(repeat).astype(int))
    model = Phonopy(cell, supercell_matrix=matrix, primitive_matrix=guess_primitive_matrix(cell))
    model.generate_displacements(distance=DISPLACEMENT)
    forces = []
    for displaced in model.supercells_with_displacements or []:
        atoms = Atoms(displaced.symbols, cell=displaced.cell, scaled_positions=displaced.scaled_positions, pbc=True)
        atoms.calc = calculator
        forces.append(atoms.get_forces())
    model.forces = np.array(forces)
    model.produce_force_constants(show_drift=False)
    model.symmetrize_force_constants(show_drift=False)
    return model


def phonons(crystal: Atoms, calculator: Any, *, width: float = WIDTH) -> Phonons:
    """Dispersion, density of states and the frequencies at special points.

    Args:
        crystal: any cell of it, at rest.
        calculator: any.
        width: Å, of the supercell in which atoms are displaced.
    """
    from ase.cell import Cell

    model = harmonic(crystal, calculator, width=width)
    way = Cell(model.primitive.cell).bandpath(npoints=PATH)
    along, places, names = way.get_linear_kpoint_axis()
    branches = np.asarray(model.run_qpoints(way.kpts).frequencies)
    special = np.asarray(model.run_qpoints(list(way.special_points.values())).frequencies)
    mesh = model.run_mesh([MESH] * 3, is_gamma_center=True)
    states = model.run_total_dos()
    ticks: dict[float, str] = {}
    for place, name in zip(places, names, strict=True):
        label = name.replace("G", "Γ")
        ticks[float(place)] = f"{ticks[float(place)]}|{label}" if float(place) in ticks else label
    return Phonons(
        special={name.replace("G", "Γ"): f for name, f in zip(way.special_points, special, strict=True)},
        path=np.asarray(along),
        branches=branches,
        ticks=ticks,
        grid=np.asarray(states.frequency_points),
        density=np.asarray(states.dos),
        highest=float(mesh.frequencies.max()),
        lowest=float(min(mesh.frequencies.min(), branches.min())),
    )
