"""What a run of dynamics is to be, and the integrators of ASE that carry it out.

nve   velocity Verlet
nvt   Langevin, BAOAB splitting (Leimkuhler and Matthews, J. Chem. Phys. 138, 174102, 2013)
npt   the same with an isotropic Langevin piston (Quigley and Probert, J. Chem. Phys.
      120, 11432, 2004), kinetic pressure included
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from ase import units

from ase_voxpot.errors import ConfigError

if TYPE_CHECKING:
    from ase import Atoms
    from ase.md.md import MolecularDynamics

__all__ = ["BUILD", "Plan"]

THERMOSTAT = 100.0
"""fs, after which a momentum is forgotten."""
PISTON = 500.0
"""fs, period of the volume of a crystal of the stiffness ``STIFFNESS``."""
STIFFNESS = 150 * units.GPa
"""eV/Å³, bulk modulus that the mass of the piston is made for; the average is right with any."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be run.

    >>> Plan(ensemble="npt", temperature=600, steps=5000).pressure  # GPa
    0.0
    """

    ensemble: Literal["nve", "nvt", "npt"] = "nvt"
    temperature: float = 300.0  # K, also of the momenta drawn at the start
    pressure: float = 0.0  # GPa, npt only
    timestep: float = 1.0  # fs
    steps: int = 1000
    interval: int = 10  # steps from one sample to the next
    checkpoint: int = 1000  # steps from one checkpoint to the next
    seed: int = 0

    def __post_init__(self) -> None:
        _require(self.ensemble in BUILD, f"ensemble: expected one of {', '.join(BUILD)}, got {self.ensemble!r}")
        _require(0 < self.temperature < 1e5, f"temperature: expected between 0 and 1e5 K, got {self.temperature}")
        _require(abs(self.pressure) < 1e4, f"pressure: expected within ±1e4 GPa, got {self.pressure}")
        _require(0 < self.timestep <= 20, f"timestep: expected between 0 and 20 fs, got {self.timestep}")
        for name in ("steps", "interval", "checkpoint"):
            _require(getattr(self, name) >= 1, f"{name}: expected a whole number from 1 on, got {getattr(self, name)}")
        _require(self.seed >= 0, f"seed: expected a whole number from 0 on, got {self.seed}")


def _verlet(atoms: Atoms, plan: Plan, rng: np.random.Generator, barostat: float) -> MolecularDynamics:
    from ase.md.verlet import VelocityVerlet

    return VelocityVerlet(atoms, plan.timestep * units.fs)


def _langevin(atoms: Atoms, plan: Plan, rng: np.random.Generator, barostat: float) -> MolecularDynamics:
    from ase.md.langevinbaoab import LangevinBAOAB

    return LangevinBAOAB(
        atoms, plan.timestep * units.fs, temperature_K=plan.temperature, T_tau=THERMOSTAT * units.fs, rng=rng
    )


def _piston(atoms: Atoms, plan: Plan, rng: np.random.Generator, barostat: float) -> MolecularDynamics:
    from ase.md.langevinbaoab import LangevinBAOAB

    # small strains ε = ln(V/V₀)/3 obey  mass ε'' = -9 V B ε,  so the period fixes the mass
    mass = 9 * atoms.get_volume() * STIFFNESS * (PISTON * units.fs / (2 * np.pi)) ** 2
    dynamics = LangevinBAOAB(
        atoms,
        plan.timestep * units.fs,
        temperature_K=plan.temperature,
        externalstress=-plan.pressure * units.GPa,  # a stress is negative under compression
        hydrostatic=True,
        T_tau=THERMOSTAT * units.fs,
        P_tau=PISTON * units.fs,
        P_mass=mass,
        rng=rng,
    )
    dynamics.p_eps = barostat
    return dynamics


BUILD = {"nve": _verlet, "nvt": _langevin, "npt": _piston}
"""The integrator of each ensemble."""
