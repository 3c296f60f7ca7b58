"""Diffusion coefficients from mean squared displacements, and Arrhenius's law.

    melt     far above the temperature, if a liquid is wanted
    settle   at the temperature without pressure, for the mean volume
    still    at that volume, to equilibrate after the change of volume
    run      production

The last stage is under stochastic velocity rescaling: momenta are all rescaled alike and
slowly, which controls the temperature and hardly changes diffusion (Bussi and Parrinello,
Comput. Phys. Commun. 179, 26, 2008); at constant energy the mean temperature of a small cell
would be random.  The centre of mass is at rest. Errors are standard errors over blocks of the
run.

With a vacancy in the cell, the coefficients belong to its concentration of vacancies;
multiply by the concentration in equilibrium over that in the cell.  Coefficients of a
liquid grow with the cell, see ``viscosity``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import units

from ase_voxpot.errors import ConfigError, DivergenceError
from ase_voxpot.frames.labels import read_frames
from ase_voxpot.md.integrators import Plan
from ase_voxpot.md.records import Records
from ase_voxpot.md.trajectories import diffusion_coefficient, mean_squared_displacement, unwrap, without_drift
from ase_voxpot.properties.phases import LOST, mean_order
from ase_voxpot.properties.stages import carry_out, mean_volume, seed_of
from ase_voxpot.properties.viscosity import Viscosity, viscosity_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ase import Atoms
    from jaxtyping import Float

    from ase_voxpot.md.records import Sample

__all__ = ["Arrhenius", "Diffusion", "Schedule", "arrhenius", "diffuse", "diffusion_of", "without_atoms"]

BLOCKS = 5
"""Parts of a run, for errors."""
FEW = 20
"""Steps from sample to sample before the run."""
CRYSTAL = 0.3
"""Bond order above which the initial structure is a crystal."""
OVERHEAT = 2.0
"""Multiple of the temperature for melting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Temperature and length of a run.

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

    @property
    def stages(self) -> dict[str, Plan]:
        """The plans of the stages, in order."""
        hot = OVERHEAT * self.temperature
        common: dict[str, Any] = {"timestep": self.timestep, "interval": FEW}
        prepared = {
            "melt": Plan(
                ensemble="nvt", temperature=hot, steps=self.equilibration, seed=seed_of(self.seed, 0), **common
            ),
            "settle": Plan(
                ensemble="npt",
                temperature=self.temperature,
                steps=self.equilibration,
                seed=seed_of(self.seed, 1),
                **common,
            ),
            "still": Plan(
                ensemble="nvt",
                temperature=self.temperature,
                steps=-(-self.equilibration // 2),
                seed=seed_of(self.seed, 2),
                **common,
            ),
            "run": Plan(
                ensemble="svr",
                temperature=self.temperature,
                timestep=self.timestep,
                steps=self.steps,
                interval=self.interval,
                seed=seed_of(self.seed, 3),
            ),
        }
        return {name: plan for name, plan in prepared.items() if self.liquid or name != "melt"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diffusion:
    """Results of one run, by element and, under "all", of all atoms."""

    temperature: float  # K, mean of the run
    volume: float  # Å³/atom
    times: Float[np.ndarray, " lag"]  # ps
    displacements: dict[str, Float[np.ndarray, " lag"]]  # Å²
    coefficients: dict[str, float]  # Å²/ps, 1e-8 m²/s
    errors: dict[str, float]  # Å²/ps
    length: float | None = None  # Å, edge of a cell that is a cube
    viscosity: Viscosity | None = None  # of a liquid


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrhenius:
    """D = D₀ exp(-E / k_B T)."""

    prefactor: float  # Å²/ps
    energy: float  # eV
    error: float  # eV, of the energy


def without_atoms(crystal: Atoms, count: int, rng: np.random.Generator) -> Atoms:
    """The crystal with ``count`` vacancies on random sites.

    Raises:
        ConfigError: more than a tenth of the atoms.
    """
    if not 0 <= count <= len(crystal) // 10:
        raise ConfigError(f"vacancies: expected at most one atom in ten, got {count} of {len(crystal)}")
    out = crystal.copy()
    del out[[int(i) for i in rng.permutation(len(out))[:count]]]
    return out


def diffuse(
    atoms: Atoms,
    calculator: Any,
    schedule: Schedule,
    prefix: Path,
    *,
    restart: bool = False,
    observe: Callable[[str, Sample], None] = lambda stage, sample: None,
) -> Diffusion:
    """Run molecular dynamics and compute diffusion coefficients.

    Args:
        atoms: a periodic crystal, with vacancies for diffusion in the solid; not changed.
        calculator: with stress.
        schedule: temperature and length.
        prefix: beginning of the names of the files of each stage.
        restart: continue from these files.
        observe: called with the stage and every new sample of it.

    Raises:
        ConfigError: files of another run or of another schedule exist.
        DivergenceError: the run diverged, or the structure did not melt.
    """
    from ase.constraints import FixCom

    moving = atoms.copy()
    moving.calc = calculator
    for stage, plan in schedule.stages.items():
        if stage == "run":
            moving.set_constraint(FixCom())
            moving.set_momenta(moving.get_momenta())
        records = Records(prefix.with_name(f"{prefix.name}.{stage}"))
        samples = carry_out(moving, plan, records, restart=restart, observe=partial(observe, stage))
        if stage == "settle":
            factor = (mean_volume(samples) / moving.get_volume()) ** (1 / 3)
            moving.set_cell(moving.cell[:] * factor, scale_atoms=True)
    frames = read_frames(str(records.trajectory), ":")
    found = diffusion_of(
        np.array([f.positions for f in frames]),
        moving,
        interval=schedule.timestep * schedule.interval,
        temperature=float(np.mean([s.temperature for s in samples])),
    )
    if not schedule.liquid:
        return found
    _refuse_solid(frames, atoms)
    stress = np.array([f.get_stress(include_ideal_gas=True) for f in frames])
    return replace(
        found,
        viscosity=viscosity_of(
            stress,
            volume=moving.get_volume(),
            temperature=schedule.temperature,
            interval=schedule.timestep * schedule.interval,
        ),
    )


def _refuse_solid(frames: Sequence[Atoms], begun: Atoms) -> None:
    """Raise if a liquid run is as ordered as the crystal that it was made from."""
    perfect = mean_order([begun])
    order = mean_order(frames[-max(1, len(frames) // 4) :: 10])
    if perfect > CRYSTAL and order > LOST * perfect:
        raise DivergenceError(
            f"expected a liquid, got atoms as in a crystal (bond order {order:.2f}, of {perfect:.2f} in the perfect "
            "one): it has not melted, or has frozen; raise the temperature or the steps of equilibration, or leave "
            "out that it be liquid"
        )


def diffusion_of(
    positions: Float[np.ndarray, "frame atom 3"], atoms: Atoms, *, interval: float, temperature: float
) -> Diffusion:
    """Coefficients from the frames of a run at constant volume.

    Args:
        positions: Å, wrapped or not.
        atoms: elements and cell.
        interval: fs from frame to frame.
        temperature: K, of the result.
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
        length=_edge(atoms),
    )


def _edge(atoms: Atoms) -> float | None:
    """Å, of a cube; None of another cell."""
    edge = float(atoms.cell.lengths()[0])
    cube = np.allclose(atoms.cell.array @ atoms.cell.array.T, edge**2 * np.eye(3), atol=1e-6 * edge**2)
    return edge if cube else None


def arrhenius(runs: Sequence[Diffusion], name: str) -> Arrhenius | None:
    """The law through several runs, weighted by their errors; None if it cannot be fitted.

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
