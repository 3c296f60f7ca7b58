"""Dynamics with the forces of a whole-cell network, and tests of conservation and symmetry.

shadow      dynamics with the network's forces, along which a conservative potential gives
            the energy: potential + kinetic energy is conserved if the forces are its derivatives
loop        work of the forces around a closed path, which is zero for any potential
symmetry    change of the forces under symmetries: the crystal is shifted against its grid,
            rotated onto itself, or two atoms of one element are exchanged
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import units

from ase_voxpot.errors import VoxPotError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["Run", "loop_work", "run_with_shadow"]

HOTTEST = 1e5
"""K, beyond which a run is ended."""


@dataclass(frozen=True, slots=True)
class Run:
    """Samples of a run without a thermostat."""

    time: Float[np.ndarray, " sample"]  # ps
    temperature: Float[np.ndarray, " sample"]  # K
    energy: Float[np.ndarray, " sample"]  # eV/atom, potential of the shadow + kinetic, from 0 on
    end: str  # reason of an early end; empty if there was none

    @property
    def drift(self) -> float:
        """Slope of the energy in meV/atom/ps."""
        if len(self.time) < 2:
            return float("nan")
        return 1000 * float(np.polyfit(self.time, self.energy, 1)[0])


def run_with_shadow(atoms: Atoms, shadow: Any, *, steps: int, timestep: float = 1.0, interval: int = 10) -> Run:
    """Velocity Verlet with the forces of ``atoms.calc``, and the energy of ``shadow`` along the way.

    Args:
        atoms: with momenta and a calculator of forces; changed in place.
        shadow: an ASE calculator with an energy.
        steps: to be made.
        timestep: fs.
        interval: steps from one sample to the next.
    """
    ghost = atoms.copy()
    ghost.calc = shadow
    masses, step = atoms.get_masses()[:, None], timestep * units.fs
    samples: list[tuple[float, float, float]] = []

    def sample(number: int) -> None:
        ghost.set_positions(atoms.positions)
        total = float(ghost.get_potential_energy() + atoms.get_kinetic_energy()) / len(atoms)
        samples.append((number * timestep / 1000, float(atoms.get_temperature()), total))

    end = ""
    try:
        sample(0)
        forces = atoms.get_forces()
        for number in range(1, steps + 1):
            velocity = atoms.get_velocities() + 0.5 * step * forces / masses
            atoms.set_positions(atoms.positions + step * velocity)
            forces = atoms.get_forces()
            atoms.set_velocities(velocity + 0.5 * step * forces / masses)
            if number % interval == 0:
                sample(number)
                if not atoms.get_temperature() < HOTTEST:
                    end = f"hotter than {HOTTEST:g} K after {number * timestep / 1000:.2f} ps"
                    break
    except VoxPotError as error:
        end = f"after {len(samples) * interval * timestep / 1000:.2f} ps: {error}"
    time, temperature, energy = np.array(samples).T
    return Run(time, temperature, energy - energy[0], end)


def loop_work(
    forces: Callable[[Float[np.ndarray, "frame atom 3"]], Float[np.ndarray, "frame atom 3"]],
    positions: Float[np.ndarray, "atom 3"],
    sides: Sequence[Float[np.ndarray, "atom 3"]],
    *,
    points: int = 200,
) -> float:
    """∮F·dx in eV along the parallelogram that two displacements of all atoms span.

    Args:
        forces: of many positions at once, eV/Å.
        positions: one corner, Å.
        sides: two displacements, Å.
        points: along each side; midpoints, so that smooth forces are integrated to second order.
    """
    corners = [positions, positions + sides[0], positions + sides[0] + sides[1], positions + sides[1], positions]
    work = 0.0
    for a, b in zip(corners[:-1], corners[1:], strict=True):
        along = (np.arange(points) + 0.5) / points
        path = a + along[:, None, None] * (b - a)
        work += float((forces(path).mean(axis=0) * (b - a)).sum())
    return work
