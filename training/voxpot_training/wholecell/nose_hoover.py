"""Molecular dynamics with a Nosé-Hoover chain and exact restarts.

Velocity Verlet with a Nosé–Hoover chain (Martyna, Klein and Tuckerman, J. Chem. Phys. 97, 2635,
1992; integrated as by Martyna, Tuckerman, Tobias and Klein, Mol. Phys. 87, 1117, 1996).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase import units

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Chain", "NoseHoover", "start"]

LINKS = 3


@dataclass(slots=True)
class Chain:
    """State of a run, complete for the next step, in the units of ASE."""

    positions: np.ndarray  # Å
    velocities: np.ndarray
    places: np.ndarray  # of the thermostats
    speeds: np.ndarray


def start(atoms: Atoms, temperature: float, rng: np.random.Generator) -> Chain:
    """Atoms where they are, with velocities for twice the temperature: half of it goes into the potential energy.

    That is exact for a harmonic crystal which starts from its sites.
    """
    masses = atoms.get_masses()[:, None]
    velocities = rng.normal(size=(len(atoms), 3)) * np.sqrt(2 * units.kB * temperature / masses)
    velocities -= (masses * velocities).sum(axis=0) / masses.sum()
    return Chain(atoms.positions.copy(), velocities, np.zeros(LINKS), np.zeros(LINKS))


class NoseHoover:
    """One run of ``atoms``, whose calculator gives the forces."""

    def __init__(self, atoms: Atoms, chain: Chain, *, temperature: float, timestep: float, period: float) -> None:
        """Continue from ``chain``.

        Args:
            atoms: changed in place.
            chain: the state to begin with; changed.
            temperature: K.
            timestep: fs.
            period: fs, of the thermostat.
        """
        self.atoms, self.chain = atoms, chain
        self._masses = atoms.get_masses()[:, None]
        self._step = timestep * units.fs
        self._kt = units.kB * temperature
        self._freedom = 3 * len(atoms) - 3  # the centre of mass is fixed
        inertia = self._kt * (period * units.fs / (2 * np.pi)) ** 2
        self._inertia = np.full(LINKS, inertia)
        self._inertia[0] *= self._freedom
        self.forces = self._evaluate()

    def _evaluate(self) -> np.ndarray:
        self.atoms.set_positions(self.chain.positions)
        return np.array(self.atoms.get_forces())

    def kinetic(self) -> float:
        """Kinetic energy in eV."""
        return 0.5 * float((self._masses * self.chain.velocities**2).sum())

    def conserved(self) -> float:
        """Conserved energy of atoms and thermostats in eV."""
        c = self.chain
        heat = 0.5 * (self._inertia * c.speeds**2).sum() + self._kt * (self._freedom * c.places[0] + c.places[1:].sum())
        return float(self.atoms.get_potential_energy()) + self.kinetic() + float(heat)

    def _thermostat(self) -> None:
        """Half a step of the chain."""
        c, h = self.chain, self._step / 2
        twice = 2 * self.kinetic()
        q, v = self._inertia, c.speeds
        v[-1] += h / 2 * (q[-2] * v[-2] ** 2 - self._kt) / q[-1]
        for k in range(LINKS - 2, -1, -1):
            self._push(k, twice, h)
        scale = np.exp(-h * v[0])
        c.velocities *= scale
        twice *= scale * scale
        c.places += h * v
        for k in range(LINKS - 1):
            self._push(k, twice, h)
        v[-1] += h / 2 * (q[-2] * v[-2] ** 2 - self._kt) / q[-1]

    def _push(self, k: int, twice: float, h: float) -> None:
        """Half of the force on thermostat ``k``, between two quarters of the drag of the next one."""
        q, v = self._inertia, self.chain.speeds
        force = twice - self._freedom * self._kt if k == 0 else q[k - 1] * v[k - 1] ** 2 - self._kt
        drag = np.exp(-h / 4 * v[k + 1])
        v[k] = (v[k] * drag + h / 2 * force / q[k]) * drag

    def run(self, steps: int) -> None:
        """Make so many steps; ``forces`` are those at the last positions."""
        c = self.chain
        for _ in range(steps):
            self._thermostat()
            c.velocities += self._step / 2 * self.forces / self._masses
            c.positions += self._step * c.velocities
            self.forces = self._evaluate()
            c.velocities += self._step / 2 * self.forces / self._masses
            self._thermostat()
