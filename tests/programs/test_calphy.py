"""calphy: the free energy of tungsten along a path to the Einstein crystal, beside that of its phonons."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.units import _amu, _e, _hplanck, kB
from phonopy import Phonopy
from phonopy.structure.atoms import PhonopyAtoms

from tests.programs import cases

PACKAGE = "calphy"
KELVIN, REPEAT, MASS = 300, 4, 183.84
THZ = _hplanck * 1e12 / _e
"""eV, energy of a vibration of one terahertz."""
INPUT = f"""\
calculations:
- element: [W]
  mass: [{MASS}]
  mode: fe
  reference_phase: solid
  lattice: BCC
  lattice_constant: 3.19
  repeat: [{REPEAT}, {REPEAT}, {REPEAT}]
  temperature: {KELVIN}
  pressure: 0
  execution_mode: library
  pair_style: voxpot
  pair_coeff: "* * motaw W"
  n_equilibration_steps: 1000
  n_switching_steps: 2000
  n_iterations: 1
  md: {{timestep: 0.002, n_small_steps: 500, n_repeat_steps: 10, n_cycles: 10, seed: 1}}
  tolerance: {{pressure: 1000, spring_constant: 1.0, lattice_constant: 0.01}}
"""


def frequencies(cell: Atoms) -> np.ndarray:
    """Of the cubic supercell, in THz, without its three translations."""
    unit = PhonopyAtoms(symbols=cell.symbols, cell=cell.cell.array, scaled_positions=cell.get_scaled_positions())
    phonons = Phonopy(unit, np.diag([REPEAT] * 3), primitive_matrix=np.eye(3))
    phonons.generate_displacements(distance=0.01)
    forces = []
    for displaced in phonons.supercells_with_displacements:
        atoms = Atoms(displaced.symbols, cell=displaced.cell, positions=displaced.positions, pbc=True)
        forces.append(cell.calc.get_forces(atoms))
    phonons.forces = np.array(forces)
    phonons.produce_force_constants()
    phonons.symmetrize_force_constants()
    phonons.run_mesh([REPEAT] * 3, is_mesh_symmetry=False, is_gamma_center=True)
    return np.sort(phonons.mesh.frequencies.ravel())[3:]


def of_phonons(volume: float) -> float:
    """Classical free energy of an atom of the supercell with this volume of an atom, in eV.

    The centre of mass moves freely in the volume of an atom (Polson et al., J. Chem. Phys. 112, 5339 (2000)).
    """
    cell = bulk("W", "bcc", a=(2 * volume) ** (1 / 3), cubic=True)
    cell.calc = cases.calculator()
    count = len(cell) * REPEAT**3
    wavelength = _hplanck / np.sqrt(2 * np.pi * count * MASS * _amu * kB * KELVIN * _e)  # m, of the whole supercell
    centre = -np.log(volume * 1e-30 / wavelength**3)
    vibrations = np.log(THZ * frequencies(cell) / (kB * KELVIN)).sum()
    return float(cell.get_potential_energy() / len(cell) + kB * KELVIN * (vibrations + centre) / count)


def report() -> dict[str, float]:
    """Free energy and volume of an atom, of a short run of calphy in the current folder."""
    Path("input.yaml").write_text(INPUT)
    program = Path(sys.executable).with_name("calphy_kernel")
    subprocess.run([sys.executable, program, "-i", "input.yaml", "-k", "0"], check=True, capture_output=True)
    (path,) = Path().glob("fe-*/report.yaml")
    return {key: float(value) for key, value in re.findall(r"(free_energy|vol_atom): '?([-.\d]+)", path.read_text())}


def differences() -> dict[str, float]:
    found = report()
    return {"free energy of an atom, eV": cases.off(found["free_energy"], of_phonons(found["vol_atom"]))}


@pytest.mark.lammps
@pytest.mark.slow
@cases.needs("calphy", PACKAGE)
@pytest.mark.skipif(find_spec("pylammpsmpi") is None, reason="needs pylammpsmpi (pip install pylammpsmpi)")
@pytest.mark.filterwarnings("ignore")  # of calphy itself
def test_free_energies_of_a_cold_metal_are_those_of_its_phonons(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    cases.within(differences(), {"free energy of an atom, eV": 1e-3})
