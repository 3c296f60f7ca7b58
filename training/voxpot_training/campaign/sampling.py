"""Structures that a calculator reaches by itself: molecular dynamics, Monte Carlo swaps with dynamics between them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot import VoxPotCalculator
from ase_voxpot.errors import DivergenceError, ExtrapolationError, StructureError
from ase_voxpot.frames.labels import read_frames
from ase_voxpot.md import run as dynamics
from ase_voxpot.md.guard import Guard
from ase_voxpot.md.records import Records as MDRecords
from ase_voxpot.montecarlo import Burst, Plan, Records, run as montecarlo
from voxpot_training.campaign.alloys import closeness, random_cell, tidied

if TYPE_CHECKING:
    from ase import Atoms

    from voxpot_training.campaign.alloys import Alloy
    from voxpot_training.campaign.config import ExploreConfig

__all__ = ["sample", "sample_labeller"]

TIMESTEP = 2.0
"""fs; hot light atoms included, as frames are labelled and nothing is averaged."""
BURST = 30
"""Steps of dynamics between two rounds of swaps."""
SWEEPS = 2.0
"""Of swaps, from one structure of a Monte Carlo run to the next."""
SLACK = 0.85
"""Of the least distance of atoms that is allowed elsewhere: what dynamics reaches is less far from reality."""


def sample(
    kind: str, model: Path, alloy: Alloy, config: ExploreConfig, number: int, rng: np.random.Generator
) -> list[Atoms]:
    """Structures of one run, from a random cell at one of the temperatures.

    A run ends where the extrapolation grade of the potential passes the limit; the structure there is the last.

    Args:
        kind: ``md`` or ``mc``.
        model: file of the potential.
        alloy: for the start.
        config: temperatures, length, limit.
        number: of the run, which chooses the temperature.
        rng: of the start, the velocities and the swaps.
    """
    temperature = config.temperatures[number % len(config.temperatures)]
    atoms = _start(alloy, config, rng)
    atoms.calc = VoxPotCalculator(model)
    seed = int(rng.integers(2**31))
    with TemporaryDirectory() as folder:
        prefix = Path(folder) / "run"
        if kind == "md":
            found = _dynamics(atoms, temperature, config, prefix, seed, guard=Guard("stop", config.grade))
        else:
            found = _swaps(atoms, temperature, config, prefix, seed)
    kept = [tidied(frame) for frame in found]
    return [frame for frame in kept if closeness(frame, alloy) > SLACK * config.closest]


def sample_labeller(
    calculator: Any, temperature: float, alloy: Alloy, config: ExploreConfig, rng: np.random.Generator
) -> list[Atoms]:
    """Structures of one run of molecular dynamics by another calculator than a potential, from a random cell.

    Args:
        calculator: any.
        temperature: K.
        alloy: for the start.
        config: length and number of structures.
        rng: of the start and the velocities.
    """
    atoms = _start(alloy, config, rng)
    atoms.calc = calculator
    seed = int(rng.integers(2**31))
    with TemporaryDirectory() as folder:
        return [tidied(frame) for frame in _dynamics(atoms, temperature, config, Path(folder) / "run", seed)]


def _start(alloy: Alloy, config: ExploreConfig, rng: np.random.Generator) -> Atoms:
    """A random cell about as large as defects need, at a random volume near Vegard's law."""
    atoms = random_cell(alloy, max(4, config.large), rng)
    atoms.set_cell(atoms.cell.array * rng.uniform(0.99, 1.04), scale_atoms=True)
    return atoms


def _dynamics(
    atoms: Atoms, temperature: float, config: ExploreConfig, prefix: Path, seed: int, *, guard: Guard | None = None
) -> list[Atoms]:
    """Frames of molecular dynamics at a constant volume, without the first."""
    steps = max(config.samples, round(1000 * config.picoseconds / TIMESTEP))
    interval = max(1, steps // config.samples)
    plan = dynamics.Plan(
        ensemble="nvt",
        temperature=temperature,
        timestep=TIMESTEP,
        steps=interval * config.samples,
        interval=interval,
        checkpoint=interval * config.samples,
        seed=seed,
    )
    records = MDRecords(prefix)
    with suppress(DivergenceError, ExtrapolationError, StructureError):  # what came before is what is looked for
        dynamics.run(atoms, plan, records, guard=guard)
    trajectory = prefix.with_suffix(".extxyz")
    return read_frames(trajectory)[1:] if trajectory.is_file() else []


def _swaps(atoms: Atoms, temperature: float, config: ExploreConfig, prefix: Path, seed: int) -> list[Atoms]:
    """Frames of a Monte Carlo run, without the first; of one element there is nothing to swap."""
    if len(set(atoms.get_chemical_symbols())) < 2:
        return []
    plan = Plan(
        temperatures=(temperature,),
        sweeps=SWEEPS * config.samples,
        interval=SWEEPS,
        frames=1,
        burst=Burst(steps=BURST, timestep=TIMESTEP),
        seed=seed,
    )
    with suppress(DivergenceError, StructureError):
        montecarlo(atoms, plan, Records(prefix))
    trajectory = prefix.with_suffix(".extxyz")
    found = read_frames(trajectory)[1:] if trajectory.is_file() else []
    grades = [float(atoms.calc.get_property("extrapolation", frame)) for frame in found]
    beyond = np.flatnonzero(np.array(grades) > config.grade)
    return found[: beyond[0] + 1] if len(beyond) else found
