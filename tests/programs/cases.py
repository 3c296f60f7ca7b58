"""What every program is asked, and what ASE answers.

A test module of a program has ``PACKAGE``, its name among installed packages, and ``differences``, which runs it in an
empty folder that is the current one, and gives the largest differences from ASE by what they are of.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.eos import EquationOfState
from ase.filters import FrechetCellFilter
from ase.optimize import LBFGS
from ase.units import GPa

from ase_voxpot import VoxPotCalculator
from ase_voxpot.properties.elastic import elastic_tensor
from ase_voxpot.structures import random_alloy

FMAX = 1e-5
"""eV/Å, for relaxations."""
POINT = {"energy, eV": 1e-9, "forces, eV/Å": 1e-9, "stress, eV/Å³": 1e-10}
"""Bounds of ``off_point`` for a program that calls the calculator."""


def needs(module: str, package: str) -> Any:
    return pytest.mark.skipif(find_spec(module) is None, reason=f"needs {package} (pip install {package})")


def calculator() -> VoxPotCalculator:
    return VoxPotCalculator("motaw", dtype="float64")


def frame() -> Atoms:
    """54 rattled atoms of Mo-Ta-W, without a calculator."""
    atoms = random_alloy("bcc:MoTaW", repeat=3, rng=np.random.default_rng(1))
    atoms.rattle(0.1, seed=1)
    return atoms


def tungsten(constant: float = 3.2) -> Atoms:
    """The primitive cell of tungsten, not at rest."""
    return bulk("W", "bcc", a=constant)


def at_rest() -> Atoms:
    """Tungsten relaxed by ASE, with a calculator."""
    atoms = tungsten()
    atoms.calc = calculator()
    LBFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=FMAX)
    return atoms


def tensor() -> np.ndarray:
    """Elastic constants of tungsten in GPa, from the stresses of strained cells."""
    return elastic_tensor(at_rest(), calculator())


def bulk_modulus(volumes: Any, energies: Any) -> float:
    """In GPa, by ASE's fit."""
    return float(EquationOfState(volumes, energies, eos="birchmurnaghan").fit()[2] / GPa)


def energies_of(volumes: Any) -> np.ndarray:
    """Energies of tungsten at these volumes of an atom, in eV."""
    atoms = at_rest()
    found = []
    for volume in volumes:
        atoms.set_cell(atoms.cell * (volume / atoms.get_volume()) ** (1 / 3), scale_atoms=True)
        found.append(atoms.get_potential_energy())
    return np.array(found)


def off(first: Any, second: Any) -> float:
    """The largest difference."""
    return float(np.abs(np.asarray(first, float) - np.asarray(second, float)).max())


def off_point(energy: Any, forces: Any, stress: Any) -> dict[str, float]:
    """Differences for ``frame``; the stress in eV/Å³, six numbers or a matrix."""
    atoms = frame()
    atoms.calc = calculator()
    known = atoms.get_stress(voigt=np.ndim(stress) == 1)
    return {
        "energy, eV": off(energy, atoms.get_potential_energy()),
        "forces, eV/Å": off(forces, atoms.get_forces()),
        "stress, eV/Å³": off(stress, known),
    }


def within(found: dict[str, float], bounds: dict[str, float]) -> None:
    """Each difference has a bound, and keeps it."""
    assert set(found) == set(bounds)
    over = {name: value for name, value in found.items() if not value <= bounds[name]}
    assert not over, f"{over} of {bounds}"
