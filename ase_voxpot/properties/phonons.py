"""Phonons of a crystal from small displacements, by phonopy (Togo, J. Phys. Soc. Jpn. 92, 012001, 2023).

For a cell of many atoms, such as that of a random alloy, only the density of states is computed: bands are
folded into its small Brillouin zone.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from ase.units import kB, kJ, mol

from ase_voxpot.properties.cells import compact, wide

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ase import Atoms
    from jaxtyping import Float
    from phonopy import Phonopy

__all__ = ["Heat", "Phonons", "harmonic", "heat", "phonons", "spectrum", "write_phonopy"]

WIDTH = 15.0
"""Å: force constants reach twice as far as a cutoff when energies depend on many bodies."""
DISPLACEMENT = 0.01
"""Å."""
MESH = 24
"""Points of the Brillouin zone along each vector."""
PATH = 180
"""Points along a path in the Brillouin zone."""
ORDERED = 12
"""Atoms of a primitive cell up to which there is a dispersion; larger ones also get a coarser mesh."""
COARSE = 45.0
"""Å, over the length of a vector of such a cell: the points of its mesh."""
BROAD = 0.12
"""THz, width of every frequency in the states of such a cell."""
LOWEST = 0.05
"""THz; lower frequencies are the acoustic modes at Γ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phonons:
    """Frequencies in THz; an imaginary one is negative."""

    special: dict[str, Float[np.ndarray, " branch"]]  # at the special points of the lattice
    path: Float[np.ndarray, " point"]  # 2π/Å, length along the path
    branches: Float[np.ndarray, "point branch"]
    ticks: dict[float, str]  # labels of points by length
    grid: Float[np.ndarray, " bin"]  # THz
    density: Float[np.ndarray, " bin"]  # of states, 1/THz per primitive cell
    partial: dict[str, Float[np.ndarray, " bin"]]  # the same by element, where there are several
    atoms: int  # of the primitive cell
    highest: float  # on the mesh
    lowest: float  # on the mesh and the path; zero within noise for a stable crystal


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """Harmonic thermal properties at constant volume, per atom; k_B is Boltzmann's constant."""

    temperatures: Float[np.ndarray, " point"]  # K
    free_energy: Float[np.ndarray, " point"]  # eV, of the vibrations, zero-point energy included
    entropy: Float[np.ndarray, " point"]  # k_B
    capacity: Float[np.ndarray, " point"]  # k_B


def harmonic(
    crystal: Atoms,
    calculator: Any,
    *,
    width: float = WIDTH,
    observe: Callable[[int, int], None] = lambda done, of: None,
) -> Phonopy:
    """Force constants of a crystal at rest.

    Args:
        crystal: any cell of it.
        calculator: any.
        width: Å, of the supercell.
        observe: called after every displacement with the number done and the total.
    """
    from ase import Atoms
    from phonopy.structure.atoms import PhonopyAtoms

    crystal = compact(crystal)
    cell = PhonopyAtoms(
        symbols=crystal.get_chemical_symbols(), cell=crystal.cell.array, scaled_positions=crystal.get_scaled_positions()
    )
    repeat = wide(crystal, width).cell.lengths() / crystal.cell.lengths()
    matrix = np.diag(np.round(repeat).astype(int))
    model = _model(cell, matrix)
    model.generate_displacements(distance=DISPLACEMENT)
    forces: list[Any] = []
    supercells = model.supercells_with_displacements or []

    def forces_in(supercell: PhonopyAtoms) -> Any:
        atoms = Atoms(supercell.symbols, cell=supercell.cell, scaled_positions=supercell.scaled_positions, pbc=True)
        atoms.calc = calculator
        return atoms.get_forces()

    left = forces_in(model.supercell)  # residual forces of the relaxation, to subtract
    for displaced in supercells:
        forces.append(forces_in(displaced) - left)
        observe(len(forces), len(supercells))
    model.forces = np.array(forces)
    model.produce_force_constants(show_drift=False)
    model.symmetrize_force_constants(show_drift=False)
    return model


def write_phonopy(model: Phonopy, folder: Path) -> list[Path]:
    """Write what phonopy continues from: ``phonopy_params.yaml``, with the force constants, and ``FORCE_SETS``.

    Args:
        model: from ``harmonic``.
        folder: made if it is not there.
    """
    from phonopy.file_IO import write_FORCE_SETS

    from ase_voxpot.storage.files import draft_of

    folder.mkdir(parents=True, exist_ok=True)
    parameters, sets = folder / "phonopy_params.yaml", folder / "FORCE_SETS"
    with draft_of(parameters) as draft:
        model.save(draft, settings={"force_sets": True, "displacements": True, "force_constants": True})
    with draft_of(sets) as draft:
        write_FORCE_SETS(cast("Any", model.dataset), filename=draft)
    return [parameters, sets]


def _model(cell: Any, matrix: Any) -> Phonopy:
    """A supercell for displacements, without symmetry where phonopy finds more of it in one cell than in the other."""
    from phonopy import Phonopy
    from phonopy.structure.cells import guess_primitive_matrix

    primitive = guess_primitive_matrix(cell)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Warning: Point group symmetries", UserWarning)
        try:
            return Phonopy(cell, supercell_matrix=matrix, primitive_matrix=primitive)
        except UserWarning:
            return Phonopy(cell, supercell_matrix=matrix, primitive_matrix=primitive, is_symmetry=False)


def mesh_of(model: Phonopy) -> list[int]:
    """Points of the Brillouin zone along each vector."""
    if len(model.primitive) <= ORDERED:
        return [MESH] * 3
    return [max(2, round(COARSE / length)) for length in np.linalg.norm(model.primitive.cell, axis=1)]


def phonons(crystal: Atoms, calculator: Any, *, width: float = WIDTH) -> Phonons:
    """Dispersion, density of states and the frequencies at special points.

    Args:
        crystal: any cell of it, at rest.
        calculator: any.
        width: Å, of the supercell in which atoms are displaced.
    """
    return spectrum(harmonic(crystal, calculator, width=width))


def spectrum(model: Phonopy) -> Phonons:
    """The same from force constants."""
    from ase.cell import Cell

    few = len(model.primitive) <= ORDERED
    sigma = None if few else BROAD
    way = Cell(model.primitive.cell).bandpath(npoints=PATH) if few else None
    along, ticks = _axis(way)
    branches = np.asarray(model.run_qpoints(way.kpts).frequencies) if way else np.empty((0, 3 * len(model.primitive)))
    points: dict[str, Any] = dict(way.special_points) if way else {"G": np.zeros(3)}
    special = np.asarray(model.run_qpoints(list(points.values())).frequencies)
    partial = _partial(model, sigma)
    mesh = model.run_mesh(mesh_of(model), is_gamma_center=True)
    states = model.run_total_dos(sigma=sigma)
    return Phonons(
        special={name.replace("G", "Γ"): f for name, f in zip(points, special, strict=True)},
        path=along,
        branches=branches,
        ticks=ticks,
        grid=np.asarray(states.frequency_points),
        density=np.asarray(states.dos),
        partial={name: np.interp(states.frequency_points, grid, density) for name, (grid, density) in partial.items()},
        atoms=len(model.primitive),
        highest=float(mesh.frequencies.max()),
        lowest=float(min(mesh.frequencies.min(), special.min(), *branches.min(axis=1, initial=np.inf))),
    )


def _axis(way: Any) -> tuple[Float[np.ndarray, " point"], dict[float, str]]:
    """Lengths along a path, and labels of its points."""
    if way is None:
        return np.empty(0), {}
    along, places, names = way.get_linear_kpoint_axis()
    ticks: dict[float, str] = {}
    for place, name in zip(places, names, strict=True):
        label = name.replace("G", "Γ")
        ticks[float(place)] = f"{ticks[float(place)]}|{label}" if float(place) in ticks else label
    return np.asarray(along), ticks


def _partial(model: Phonopy, sigma: float | None) -> dict[str, tuple[Any, Any]]:
    """Frequencies and states of every element, where there are several."""
    symbols = np.array(model.primitive.symbols)
    if len(set(symbols)) == 1:
        return {}
    model.run_mesh(mesh_of(model), is_gamma_center=True, with_eigenvectors=True, is_mesh_symmetry=False)
    found = model.run_projected_dos(sigma=sigma)
    states = np.asarray(found.projected_dos)
    return {
        s: (found.frequency_points, states[symbols == s].sum(axis=0)) for s in dict.fromkeys(model.primitive.symbols)
    }


def heat(model: Phonopy, temperatures: Float[np.ndarray, " point"]) -> Heat:
    """Free energy, entropy and heat capacity of harmonic vibrations.

    Args:
        model: force constants of a crystal without imaginary frequencies; those are left out.
        temperatures: K.
    """
    model.run_mesh(mesh_of(model), is_gamma_center=True)
    found = model.run_thermal_properties(temperatures=temperatures, cutoff_frequency=LOWEST)
    atoms = len(model.primitive)
    unit = kJ / 1000 / mol / kB / atoms  # phonopy has J/K/mol
    return Heat(
        temperatures=np.asarray(temperatures),
        free_energy=np.asarray(found.free_energy) * kJ / mol / atoms,
        entropy=np.asarray(found.entropy) * unit,
        capacity=np.asarray(found.heat_capacity) * unit,
    )
