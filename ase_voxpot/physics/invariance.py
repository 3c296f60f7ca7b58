"""Errors of a potential in invariances and derivatives, each as a number that should be small.

    rotation       RMS change of the forces of a structure turned at random, meV/Å
    rotated energy the change of its energy, meV/atom
    translation    RMS change of the forces of a structure moved and wrapped, meV/Å
    supercell      change of the energy of a structure repeated, meV/atom
    forces         relative RMS difference from central differences of the energy
    stress         the same for the strain
    voxels         RMS difference of the forces of a steerable network in closed form and with cubes filled, meV/Å

The differences are taken in float64, the rest in the precision of the potential.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.potential import Potential
from ase_voxpot.spec import SteerableSpec

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Soundness", "examine"]

MILLI = 1000.0
STEP = 2e-4
"""Å, and strain: for central differences of fourth order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Soundness:
    """Errors of the invariances and derivatives."""

    rotation: float  # meV/Å
    rotated_energy: float  # meV/atom
    translation: float  # meV/Å
    supercell: float  # meV/atom
    forces: float  # relative
    stress: float  # relative
    voxels: float | None  # meV/Å, None without two routes


def examine(potential: Potential, atoms: Atoms, rng: np.random.Generator, *, trials: int = 10) -> Soundness:
    """Measure the errors of a potential on one structure.

    Args:
        potential: on the CPU or elsewhere, in either precision.
        atoms: periodic in three directions and not at equilibrium; not changed.
        rng: draws rotations, shifts and the atoms that are displaced.
        trials: how many of each.
    """
    result = potential.evaluate(atoms)
    double = _twin(potential, dtype="float64")
    turned = [_turned(potential, atoms, rng) for _ in range(trials)]
    return Soundness(
        rotation=MILLI * _rms(np.array([forces - result.forces for forces, _ in turned])),
        rotated_energy=MILLI * _rms(np.array([energy - result.energy for _, energy in turned])) / len(atoms),
        translation=MILLI * _rms(np.array([_moved(potential, atoms, rng) - result.forces for _ in range(trials)])),
        supercell=MILLI * abs(potential.evaluate(atoms.repeat((2, 1, 1))).energy / 2 - result.energy) / len(atoms),
        forces=_force_difference(double, atoms, rng, trials),
        stress=_stress_difference(double, atoms),
        voxels=_route_difference(potential, atoms),
    )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def _twin(potential: Potential, *, dtype: str, route: str | None = None) -> Potential:
    """The same weights in another precision, or by another route."""
    return Potential(potential.spec, arrays=potential.arrays(), device="cpu", dtype=dtype, route=route)  # type: ignore[arg-type]


def _turned(potential: Potential, atoms: Atoms, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Forces of the structure in another orientation, turned back, and its energy."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.random(random_state=rng).as_matrix()
    copy = atoms.copy()
    copy.set_cell(atoms.cell[:] @ turn.T)
    copy.set_positions(atoms.positions @ turn.T)
    result = potential.evaluate(copy)
    return result.forces @ turn, result.energy


def _moved(potential: Potential, atoms: Atoms, rng: np.random.Generator) -> np.ndarray:
    copy = atoms.copy()
    copy.translate(rng.normal(scale=5, size=3))
    copy.wrap()
    return potential.evaluate(copy).forces


def _central(energy_at: dict[int, float]) -> float:
    """Derivative from energies at -2, -1, 1 and 2 steps, of fourth order."""
    return (energy_at[-2] - 8 * energy_at[-1] + 8 * energy_at[1] - energy_at[2]) / (12 * STEP)


def _force_difference(double: Potential, atoms: Atoms, rng: np.random.Generator, trials: int) -> float:
    forces = double.evaluate(atoms).forces
    wrong, right = [], []
    for _ in range(trials):
        i, k = rng.integers(len(atoms)), rng.integers(3)
        energy_at = {}
        for steps in (-2, -1, 1, 2):
            copy = atoms.copy()
            copy.positions[i, k] += steps * STEP
            energy_at[steps] = double.evaluate(copy).energy
        wrong.append(forces[i, k] + _central(energy_at))
        right.append(forces[i, k])
    return _rms(np.array(wrong)) / _rms(np.array(right))


def _stress_difference(double: Potential, atoms: Atoms) -> float:
    result = double.evaluate(atoms).stress
    wrong = []
    for voigt, (a, b) in enumerate(((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))):
        energy_at = {}
        for steps in (-2, -1, 1, 2):
            strain = np.zeros((3, 3))
            strain[a, b] += steps * STEP / 2
            strain[b, a] += steps * STEP / 2
            copy = atoms.copy()
            copy.set_cell(atoms.cell[:] @ (np.eye(3) + strain), scale_atoms=True)
            energy_at[steps] = double.evaluate(copy).energy
        wrong.append(result[voigt] - _central(energy_at) / atoms.get_volume())
    return _rms(np.array(wrong)) / _rms(result)


def _route_difference(potential: Potential, atoms: Atoms) -> float | None:
    if not isinstance(potential.spec.network, SteerableSpec):
        return None
    routes = [
        _twin(potential, dtype=potential.dtype.name, route=route).evaluate(atoms).forces
        for route in ("folded", "voxels")
    ]
    return MILLI * _rms(routes[0] - routes[1])
