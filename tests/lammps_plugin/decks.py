"""How a deck begins, the structures that it reads, and what comes out beside the calculator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers
from numpy.testing import assert_allclose

SPECIES = ("Mo", "Ta", "W")
START = "units metal\natom_style atomic\natom_modify map yes\nboundary {boundary}\nread_data {data}\n"
PAIR = "pair_style voxpot dtype float64 device cpu\npair_coeff * * motaw Mo Ta W\n"
VOIGT = ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")
MVV2E = 1.0364269e-4
"""LAMMPS' eV per amu (Å/ps)², in metal units."""
PRESSURE = 1.6021765e6
"""LAMMPS' bar per eV/Å³."""


def start(lmp, data, pair=PAIR, boundary="p p p"):
    lmp.commands_string(START.format(boundary=boundary, data=data) + pair)


def forces_of(lmp, atoms):
    return np.array(lmp.gather_atoms("f", 1, 3)).reshape(len(atoms), 3)


def pressure_of(lmp):
    """In eV/Å³, with the sign and order of ASE's stress."""
    return -np.array([lmp.get_thermo(name) for name in VOIGT]) / PRESSURE


def same_as_calculator(lmp, atoms, calculator):
    atoms = atoms.copy()
    atoms.calc = calculator
    assert_allclose(lmp.get_thermo("pe"), atoms.get_potential_energy(), rtol=0, atol=1e-9)
    assert_allclose(forces_of(lmp, atoms), atoms.get_forces(), rtol=0, atol=1e-8)
    if atoms.pbc.all():
        stress = atoms.get_stress()
        assert_allclose(pressure_of(lmp), stress, rtol=1e-6, atol=1e-6 * np.abs(stress).max())


def refusal(route, deck, monkeypatch):
    """The message of a refused deck."""
    result = []
    # where the process would end, as LAMMPS overlooks exceptions of a callback
    monkeypatch.setattr("lammps_plugin.external.end_process", result.append)
    try:
        route.run(deck)
    except Exception as error:
        result.append(str(error))
    return result[0] if result else "nothing"


def write_structure(atoms: Atoms, path: Path, species: tuple[str, ...] = SPECIES) -> Path:
    cell = atoms.cell[:]
    assert np.abs(np.triu(cell, 1)).max() == 0
    lines = ["structure", "", f"{len(atoms)} atoms", f"{len(species)} atom types", ""]
    lines += [f"0.0 {cell[k, k]:.17g} {a}lo {a}hi" for k, a in enumerate("xyz")]
    if np.tril(cell, -1).any():
        lines.append(f"{cell[1, 0]:.17g} {cell[2, 0]:.17g} {cell[2, 1]:.17g} xy xz yz")
    lines += ["", "Masses", ""]
    lines += [f"{k + 1} {atomic_masses[atomic_numbers[s]]:.17g}" for k, s in enumerate(species)]
    lines += ["", "Atoms # atomic", ""]
    for k, (symbol, position) in enumerate(zip(atoms.symbols, atoms.positions, strict=True)):
        lines.append(f"{k + 1} {species.index(symbol) + 1} " + " ".join(f"{v:.17g}" for v in position))
    if "momenta" in atoms.arrays:
        lines += ["", "Velocities", ""]
        # in LAMMPS' own units of time, where its constants and those of ASE differ in the eighth digit
        velocities = atoms.get_velocities() * np.sqrt(1 / MVV2E)
        lines += [f"{k + 1} " + " ".join(f"{v:.17g}" for v in row) for k, row in enumerate(velocities)]
    path.write_text("\n".join(lines) + "\n")
    return path
