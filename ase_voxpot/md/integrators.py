"""The plan of a molecular dynamics run, and its integrator in ASE.

nve   velocity Verlet
nvt   Langevin, BAOAB splitting (Leimkuhler and Matthews, J. Chem. Phys. 138, 174102, 2013)
svr   constant volume under stochastic velocity rescaling (Bussi, Donadio and Parrinello,
      J. Chem. Phys. 126, 014101, 2007): all momenta alike, so that motion is hardly disturbed
npt   nvt with an isotropic Langevin piston (Quigley and Probert, J. Chem. Phys. 120, 11432,
      2004), kinetic pressure included
npt-z the same with a piston along the third cell vector alone
nph-z that piston without a thermostat: the enthalpy is conserved

The last two are for layers on top of each other, such as a crystal and its melt: the cell
across is that of the crystal, and along the layers pressure is the same in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from ase import units

from ase_voxpot.errors import ConfigError

if TYPE_CHECKING:
    from ase import Atoms
    from ase.md.md import MolecularDynamics

__all__ = ["BUILD", "PISTONS", "Plan", "freedom"]

THERMOSTAT = 100.0
"""fs, relaxation time of momenta in Langevin dynamics."""
RESCALING = 500.0
"""fs, relaxation time of stochastic velocity rescaling."""
PISTON = 500.0
"""fs, period of the volume of a crystal of the stiffness ``STIFFNESS``."""
STIFFNESS = 150 * units.GPa
"""eV/Å³, bulk modulus for the mass of the piston; averages do not depend on it."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Parameters of a run.

    >>> Plan(ensemble="npt", temperature=600, steps=5000).pressure  # GPa
    0.0
    """

    ensemble: Literal["nve", "nvt", "svr", "npt", "npt-z", "nph-z"] = "nvt"
    temperature: float = 300.0  # K, also of the momenta drawn at the start
    pressure: float = 0.0  # GPa, where there is a piston
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


def _rescaling(atoms: Atoms, plan: Plan, rng: np.random.Generator, barostat: float) -> MolecularDynamics:
    dynamics: Any = _steady()(
        atoms, plan.timestep * units.fs, temperature_K=plan.temperature, taut=RESCALING * units.fs, rng=rng
    )
    dynamics.ndof = freedom(atoms, plan)
    dynamics.still = dynamics.ndof < atoms.get_number_of_degrees_of_freedom()
    dynamics.target_kinetic_energy = 0.5 * dynamics.temp * dynamics.ndof
    return dynamics


@cache
def _steady() -> Any:
    """ASE's integrator for a whole that stays at rest; defined on first use, as its base class is imported then."""
    from ase.md.bussi import Bussi

    class SteadyBussi(Bussi):
        """Rescaling multiplies the total momentum, too.

        The logarithm of the rounding errors of zero walks at random; in few atoms they pass the thermal momenta
        within nanoseconds.
        """

        still = True

        def step(self, forces: Any = None) -> Any:
            """One step; a total momentum that was zero is zero."""
            result = super().step(forces)  # type: ignore[no-untyped-call]
            if self.still:
                masses = self.atoms.get_masses()[:, None]
                momenta = self.atoms.get_momenta()
                self.atoms.set_momenta(momenta - masses * (momenta.sum(axis=0) / masses.sum()))
            return result

    return SteadyBussi


def freedom(atoms: Atoms, plan: Plan) -> int:
    """Thermal degrees of freedom.

    Rescaling of all momenta conserves a total momentum of zero: three degrees less than ASE counts, or the
    temperature of N atoms would be too high by N / (N - 1).
    """
    count = int(atoms.get_number_of_degrees_of_freedom())
    momenta = atoms.get_momenta()
    still = np.abs(momenta.sum(axis=0)).max() <= 1e-6 * max(np.abs(momenta).sum(), 1e-12)
    return count - 3 if plan.ensemble == "svr" and still and not atoms.constraints and count > 3 else count


def _piston(atoms: Atoms, plan: Plan, rng: np.random.Generator, barostat: float) -> MolecularDynamics:
    from ase.md.langevinbaoab import LangevinBAOAB

    # small strains ε = ln(V/V₀)/3 obey  mass ε'' = -9 V B ε,  so the period fixes the mass
    return _pressed(LangevinBAOAB, atoms, plan, rng, barostat, mass=9 * _spring(atoms), heat=True)


def _piston_along(atoms: Atoms, plan: Plan, rng: np.random.Generator, barostat: float) -> MolecularDynamics:
    # small strains ε = ln(L/L₀) obey  mass ε'' = -V C ε
    return _pressed(_along(), atoms, plan, rng, barostat, mass=_spring(atoms), heat=True)


def _piston_alone(atoms: Atoms, plan: Plan, rng: np.random.Generator, barostat: float) -> MolecularDynamics:
    return _pressed(_along(), atoms, plan, rng, barostat, mass=_spring(atoms), heat=False)


def _spring(atoms: Atoms) -> float:
    """Mass of a piston whose spring is the crystal's volume times its stiffness."""
    return float(atoms.get_volume() * STIFFNESS * (PISTON * units.fs / (2 * np.pi)) ** 2)


def _pressed(
    kind: Any, atoms: Atoms, plan: Plan, rng: np.random.Generator, barostat: float, *, mass: float, heat: bool
) -> MolecularDynamics:
    dynamics = kind(
        atoms,
        plan.timestep * units.fs,
        temperature_K=plan.temperature if heat else None,
        externalstress=-plan.pressure * units.GPa,  # a stress is negative under compression
        hydrostatic=True,
        T_tau=THERMOSTAT * units.fs,
        P_tau=PISTON * units.fs,
        P_mass=mass,
        rng=rng,
    )
    dynamics.p_eps = barostat
    return dynamics


@cache
def _along() -> Any:
    """ASE's integrator with one piston, along z; defined on first use, as its base class is imported then."""
    from ase.md.langevinbaoab import LangevinBAOAB

    class PistonAlong(LangevinBAOAB):
        """The equations of Martyna, Tobias and Klein (J. Chem. Phys. 101, 4177, 1994) for one length.

        L' = L p/W,  p' = V (P_zz - P) + 2K/N_f,  v' = F/m - (1/N_f + δ_z) v p/W,
        which conserve K + E + P V + p²/2W when there is no thermostat.
        """

        def _update_force_eps(self) -> None:
            momenta = self.atoms.get_momenta()
            doubled = (momenta**2 / self.atoms.get_masses()[:, None]).sum(axis=0)  # 2K by direction
            volume = self.atoms.get_volume()
            inside = doubled[2] - volume * self.atoms.get_stress()[2]
            self.force_eps = inside + volume * self.externalstress + doubled.sum() / self.Ndof

        def _barostat_BAOAB_A(self) -> None:  # noqa: N802 - a name of ASE's
            cell = self.atoms.cell.array.copy()  # scaled from the old one
            cell[:, 2] *= np.exp(0.5 * self.dt * self.p_eps / self.barostat_mass)
            self.atoms.set_cell(cell, True)

        def _barostat_BAOAB_OU_gamma_mod(self) -> Any:  # noqa: N802 - a name of ASE's
            return (np.array([0.0, 0.0, 1.0]) + 1 / self.Ndof) * self.p_eps / self.barostat_mass

    return PistonAlong


BUILD = {
    "nve": _verlet,
    "nvt": _langevin,
    "svr": _rescaling,
    "npt": _piston,
    "npt-z": _piston_along,
    "nph-z": _piston_alone,
}
"""The integrator of each ensemble."""
PISTONS = ("npt", "npt-z", "nph-z")
"""Those that change the cell."""
