"""How fast atoms wander: mean squared displacements of molecular dynamics, and Arrhenius's law.

A run first finds its volume without pressure at its temperature, then goes on at that
volume under a thermostat that rescales all momenta alike and so hardly disturbs the
motion (Bussi, Donadio and Parrinello, J. Chem. Phys. 126, 014101, 2007).  Errors are
standard errors over blocks of the run.

With a vacancy in the cell, the coefficients belong to its concentration of vacancies;
multiply by the concentration in equilibrium over that in the cell.  Coefficients of a
liquid grow a little with the cell, by an amount that is not corrected here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import units

from ase_voxpot.ensembles import BUILD, Plan
from ase_voxpot.errors import ConfigError, DivergenceError
from ase_voxpot.trajectories import diffusion_coefficient, mean_squared_displacement, unwrap, without_drift

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["Arrhenius", "Diffusion", "Schedule", "arrhenius", "diffuse", "diffusion_of", "without_atoms"]

BLOCKS = 5
"""Parts of a run, for errors."""
RELAXATION = 500.0
"""fs, of the thermostat of the production run."""
OVERHEAT = 2.0
"""Times the temperature, at which a liquid is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long a run is.

    >>> Schedule(temperature=4000.0).steps
    5000
    """

    temperature: float  # K
    steps: int = 5000  # of production
    equilibration: int = 1000  # steps before it, at constant pressure
    timestep: float = 2.0  # fs
    interval: int = 10  # steps from frame to frame
    liquid: bool = False  # melt first
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.temperature < 1e5:
            raise ConfigError(f"temperature: expected between 0 and 1e5 K, got {self.temperature:g}")
        if not (0 < self.timestep <= 20 and self.interval >= 1 and self.equilibration >= 100):
            raise ConfigError(
                "expected a timestep of at most 20 fs, at least 100 steps of equilibration and frames at least one "
                f"step apart, got {self.timestep:g}, {self.equilibration} and {self.interval}"
            )
        if self.steps < 20 * BLOCKS * self.interval:
            raise ConfigError(
                f"steps: expected at least {20 * BLOCKS * self.interval} for {BLOCKS} blocks of 20 frames, "
                f"got {self.steps}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Diffusion:
    """What one run says; by element, and under "all" without regard to them."""

    temperature: float  # K, mean of the run
    volume: float  # Å³/atom
    times: Float[np.ndarray, " lag"]  # ps
    displacements: dict[str, Float[np.ndarray, " lag"]]  # Å²
    coefficients: dict[str, float]  # Å²/ps, 1e-8 m²/s
    errors: dict[str, float]  # Å²/ps


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrhenius:
    """D = D₀ exp(-E / k_B T)."""

    prefactor: float  # Å²/ps
    energy: float  # eV
    error: float  # eV, of the energy


def without_atoms(crystal: Atoms, count: int, rng: np.random.Generator) -> Atoms:
    """The crystal with so many vacancies on random sites.

    Raises:
        ConfigError: more than a tenth of the atoms.
    """
    if not 0 <= count <= len(crystal) // 10:
        raise ConfigError(f"vacancies: expected at most one atom in ten, got {count} of {len(crystal)}")
    out = crystal.copy()
    del out[[int(i) for i in rng.permutation(len(out))[:count]]]
    return out


def diffuse(
    atoms: Atoms, calculator: Any, schedule: Schedule, observe: Callable[[int], None] = lambda step: None
) -> Diffusion:
    """Run dynamics and measure how far atoms get.

    Args:
        atoms: a periodic crystal, with vacancies if they are to be carriers; not changed.
        calculator: with stress.
        schedule: temperature and length.
        observe: called with the steps that are done, equilibration included, at every frame.

    Raises:
        DivergenceError: the run ran away.
    """
    from ase.md.bussi import Bussi

    rng = np.random.default_rng(schedule.seed)
    moving = atoms.copy()
    moving.calc = calculator
    done = _prepare(moving, schedule, rng, observe)
    dynamics = Bussi(
        moving,
        schedule.timestep * units.fs,
        temperature_K=schedule.temperature,
        taut=RELAXATION * units.fs,
        rng=rng,
    )
    frames, kelvin = [moving.positions.copy()], []
    for _ in range(schedule.steps // schedule.interval):
        dynamics.run(schedule.interval)
        _refuse_runaway(moving, schedule.temperature)
        frames.append(moving.positions.copy())
        kelvin.append(moving.get_temperature())
        done += schedule.interval
        observe(done)
    return diffusion_of(
        np.array(frames), moving, interval=schedule.timestep * schedule.interval, temperature=float(np.mean(kelvin))
    )


def _prepare(atoms: Atoms, schedule: Schedule, rng: np.random.Generator, observe: Callable[[int], None]) -> int:
    """Bring to temperature and to the mean volume there; the steps it took."""
    done = 0
    hot = OVERHEAT * schedule.temperature if schedule.liquid else schedule.temperature
    spread = np.sqrt(atoms.get_masses() * units.kB * hot)
    momenta = rng.normal(size=(len(atoms), 3)) * spread[:, None]
    atoms.set_momenta(momenta - momenta.mean(axis=0))
    stages = [("nvt", hot)] if schedule.liquid else []
    volumes = []
    for ensemble, kelvin in (*stages, ("npt", schedule.temperature)):
        plan = Plan(ensemble=ensemble, temperature=kelvin, timestep=schedule.timestep)  # type: ignore[arg-type]
        dynamics = BUILD[ensemble](atoms, plan, rng, 0.0)
        for _ in range(schedule.equilibration // 10):
            dynamics.run(10)
            _refuse_runaway(atoms, kelvin)
            volumes.append(atoms.get_volume())
            done += 10
            observe(done)
    mean = float(np.mean(volumes[-schedule.equilibration // 20 :]))
    atoms.set_cell(atoms.cell[:] * (mean / atoms.get_volume()) ** (1 / 3), scale_atoms=True)
    return done


def _refuse_runaway(atoms: Atoms, kelvin: float) -> None:
    now = atoms.get_temperature()
    if not (np.isfinite(now) and now < 10 * kelvin):
        raise DivergenceError(
            f"the run at {kelvin:g} K diverged: its temperature came to {now:g} K; try a shorter timestep"
        )


def diffusion_of(
    positions: Float[np.ndarray, "frame atom 3"], atoms: Atoms, *, interval: float, temperature: float
) -> Diffusion:
    """Coefficients from the frames of a run at constant volume.

    Args:
        positions: Å, wrapped or not.
        atoms: what moves, with its cell.
        interval: fs from frame to frame.
        temperature: K, as it is to be told.
    """
    cells = np.broadcast_to(atoms.cell[:], (len(positions), 3, 3))
    path = without_drift(unwrap(positions, cells), atoms.get_masses())
    symbols = np.array(atoms.symbols)
    groups = {str(s): symbols == s for s in dict.fromkeys(symbols)}
    if len(groups) > 1:
        groups["all"] = np.ones(len(atoms), dtype=bool)
    curves = {name: mean_squared_displacement(path[:, own]) for name, own in groups.items()}
    coefficients, errors = {}, {}
    for name, own in groups.items():
        parts = np.array_split(path[:, own], BLOCKS)
        blocks = [diffusion_coefficient(mean_squared_displacement(p), interval=interval) for p in parts]
        coefficients[name] = diffusion_coefficient(curves[name], interval=interval)
        errors[name] = float(np.std(blocks, ddof=1) / np.sqrt(BLOCKS))
    return Diffusion(
        temperature=temperature,
        volume=atoms.get_volume() / len(atoms),
        times=np.arange(len(positions)) * interval / 1000,
        displacements=curves,
        coefficients=coefficients,
        errors=errors,
    )


def arrhenius(runs: Sequence[Diffusion], name: str) -> Arrhenius | None:
    """The law through several runs, weighted by their errors; None if it cannot be told.

    Args:
        runs: at different temperatures.
        name: of an element, or ``all``.
    """
    found = [(r.temperature, r.coefficients[name], r.errors[name]) for r in runs]
    if len(found) < 2 or any(value <= 0 for _, value, _ in found):
        return None
    kelvin, values, errors = map(np.array, zip(*found, strict=True))
    inverse = 1 / (units.kB * kelvin)
    sigma = np.maximum(errors / values, 1e-6)
    design = np.stack([np.ones_like(inverse), -inverse], axis=1) / sigma[:, None]
    solution = np.linalg.lstsq(design, np.log(values) / sigma, rcond=None)[0]
    covariance = np.linalg.inv(design.T @ design)
    return Arrhenius(
        prefactor=float(np.exp(solution[0])), energy=float(solution[1]), error=float(np.sqrt(covariance[1, 1]))
    )
