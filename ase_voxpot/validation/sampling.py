"""Molecular dynamics with the model under the conditions of a run.

It begins at the first frame, with momenta drawn for the temperature, is equilibrated
with a Langevin thermostat, and is then sampled under stochastic velocity rescaling (Bussi,
Donadio and Parrinello, J. Chem. Phys. 126, 014101, 2007), which hardly changes
velocity autocorrelation.  The centre of mass is fixed, as in VASP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import units

from ase_voxpot.errors import ConfigError, DivergenceError, StructureError
from ase_voxpot.md.trajectories import unwrap, velocities
from ase_voxpot.vasp.incar import number

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float

    from ase_voxpot.vasp.frames import Run

__all__ = ["Conditions", "Sampled", "conditions", "sample"]

EQUILIBRATION = 1000.0
"""fs."""
FRICTION = 100.0
"""fs, relaxation time of the Langevin thermostat in the equilibration."""
RESCALING = 100.0
"""fs, of the thermostat while it is sampled."""
LONGEST_STEP = 3.0
"""fs."""
APART = 20.0
"""fs between frames where the run does not say its own."""
FEWEST = 200
"""Frames where those of the run have no time between them."""
HOTTEST = 5.0
"""Multiple of the temperature beyond which the dynamics has diverged."""
LONG = 20
"""Least frames of a stretch for dynamical properties."""
RESOLVED = 10.0
"""fs, largest interval of frames for velocities from positions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Conditions of the dynamics."""

    temperature: float  # K
    source: str  # origin of the temperature
    cell: Float[np.ndarray, "3 3"]  # Å
    frames: int
    interval: float  # fs from frame to frame
    steps: int  # from frame to frame
    seed: int

    @property
    def timestep(self) -> float:
        """Of the integrator, fs."""
        return self.interval / self.steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """Frames of the dynamics."""

    positions: Float[np.ndarray, "frame atom 3"]  # Å, not wrapped
    forces: Float[np.ndarray, "frame atom 3"]  # eV/Å
    temperatures: Float[np.ndarray, " frame"]  # K
    energies: Float[np.ndarray, " frame"]  # eV


def conditions(run: Run, *, temperature: float | None, cap: int, seed: int) -> Conditions:
    """Conditions of the run, or those given.

    Args:
        run: of which cell, time and length are used.
        temperature: K, instead of that of the run.
        cap: most frames.
        seed: of momenta and thermostat.

    Raises:
        ConfigError: the temperature is neither given nor to be found.
    """
    value, source = _temperature(run, temperature)
    if not 1 <= value < 1e5:
        raise ConfigError(f"temperature: expected between 1 and 1e5 K, got {value:g} K ({source})")
    # frames in short stretches are treated as snapshots
    pieces = len(run.starts) > 1 and _longest(run) < LONG
    interval = APART if pieces else run.interval or APART
    return Conditions(
        temperature=value,
        source=source,
        cell=run.cells.mean(axis=0),
        frames=min(cap, len(run) if run.interval and not pieces else max(len(run), FEWEST)),
        interval=interval,
        steps=max(1, int(np.ceil(interval / LONGEST_STEP - 1e-9))),
        seed=seed,
    )


def _longest(run: Run) -> int:
    """Frames of the longest stretch."""
    return max(s.stop - s.start for s in run.stretches())


def _temperature(run: Run, given: float | None) -> tuple[float, str]:
    if given is not None:
        return given, "as asked for"
    if run.temperatures is not None:
        return float(np.nanmean(run.temperatures)), "mean of the kinetic energy of the run"
    begin, end = number(run.settings, "TEBEG"), number(run.settings, "TEEND")
    if begin and begin > 1:
        return (begin + end) / 2 if end and end > 0 else begin, "TEBEG and TEEND"
    if run.interval and run.interval <= RESOLVED and _longest(run) > LONG and len(run.symbols) > 1:
        longest = max(run.stretches(), key=lambda s: s.stop - s.start)
        speed = velocities(unwrap(run.positions[longest], run.cells[longest]), interval=run.interval)
        if len(speed):
            speed = speed - np.einsum("fai,a->fi", speed, run.masses / run.masses.sum())[:, None]
            kinetic = 0.5 * np.einsum("fai,a->f", speed**2, run.masses).mean() / units.fs**2
            return 2 * kinetic / ((3 * len(run.symbols) - 3) * units.kB), "velocities from the positions"
    raise ConfigError(f"temperature: {run.source} does not say one; give it with --temperature (K), or use --no-md")


def sample(
    run: Run, calculator: Any, plan: Conditions, *, observe: Callable[[int], None] = lambda done: None
) -> Sampled:
    """Run the model.

    Raises:
        DivergenceError: positions or temperature diverged, or a structure has no energy.
    """
    from ase.constraints import FixCom
    from ase.md.bussi import Bussi
    from ase.md.langevinbaoab import LangevinBAOAB

    rng = np.random.default_rng(plan.seed)
    atoms = next(run.atoms())
    atoms.set_masses(run.masses)
    atoms.set_cell(plan.cell, scale_atoms=True)
    atoms.calc = calculator
    spread = np.sqrt(atoms.get_masses() * units.kB * plan.temperature)
    atoms.set_momenta(rng.normal(size=(len(atoms), 3)) * spread[:, None])
    step, target = plan.timestep * units.fs, plan.temperature
    before: Any = LangevinBAOAB(atoms, step, temperature_K=target, T_tau=FRICTION * units.fs, rng=rng)
    for _ in range(round(EQUILIBRATION / plan.timestep)):
        _step(before, atoms, target)
    if len(atoms) > 1:
        masses = atoms.get_masses()[:, None]
        atoms.set_momenta(atoms.get_momenta() - masses * atoms.get_momenta().sum(axis=0) / masses.sum())
        atoms.set_constraint(FixCom())
    dynamics: Any = Bussi(atoms, step, temperature_K=target, taut=RESCALING * units.fs, rng=rng)
    rows = []
    for number_ in range(plan.frames):
        for _ in range(plan.steps):
            _step(dynamics, atoms, target)
        forces = atoms.get_forces(apply_constraint=False)
        rows.append((atoms.positions.copy(), forces, atoms.get_temperature(), atoms.get_potential_energy()))
        observe(number_ + 1)
    positions, forces, temperatures, energies = (np.array(column) for column in zip(*rows, strict=True))
    return Sampled(positions=positions, forces=forces, temperatures=temperatures, energies=energies)


def _step(dynamics: Any, atoms: Any, target: float) -> None:
    try:
        dynamics.step()
    except StructureError as error:
        raise DivergenceError(f"the dynamics of the model ran away: {error}") from None
    temperature = atoms.get_temperature()
    if not temperature < HOTTEST * target + 300:
        raise DivergenceError(f"the dynamics of the model ran away: the temperature rose to {temperature:.0f} K")
