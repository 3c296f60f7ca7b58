"""Time of a call, calculators taking turns, so that ratios are reliable on a shared machine."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase import units

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ase import Atoms

    from ase_voxpot.benchmark.systems import System

__all__ = ["Spread", "dynamics", "in_turn", "seconds"]

LONG = 60.0
"""s, beyond which calculators are called less often, three times at least."""
BLOCK, BLOCKS = 20, 10
"""Steps of dynamics that are timed together, and how often."""
TEMPERATURE = 300.0
"""K, of the dynamics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Median and quartiles of some times, in s."""

    median: float
    low: float
    high: float
    calls: int

    @staticmethod
    def of(times: Sequence[float]) -> Spread:
        """From the times themselves."""
        low, median, high = np.quantile(times, [0.25, 0.5, 0.75])
        return Spread(median=float(median), low=float(low), high=float(high), calls=len(times))


def seconds(atoms: Atoms) -> float:
    """Of energy, forces and stress of a structure with its calculator."""
    start = time.perf_counter()
    atoms.get_potential_energy()
    atoms.get_forces()
    atoms.get_stress()
    return time.perf_counter() - start


def in_turn(
    system: System,
    structures: Mapping[str, Atoms],
    *,
    repeat: int,
    observe: Callable[[], None] = lambda: None,
) -> dict[str, Spread]:
    """Time each structure's calculator ``repeat`` times, after all atoms moved a little.

    Calls that would take longer than a minute per calculator are repeated less often, thrice
    at least.  The first round does not count.

    Args:
        system: of which all structures are copies.
        structures: by name, each with its calculator.
        repeat: rounds.
        observe: called after every call.
    """
    times: dict[str, list[float]] = {name: [] for name in structures}
    rounds, turn = repeat, -1
    while turn < rounds:
        system.move(*structures.values())
        for name, atoms in structures.items():
            times[name].append(seconds(atoms))
            observe()
        turn += 1
        if turn == 0:
            longest = max(t[0] for t in times.values())
            rounds = min(repeat, max(3, int(LONG / longest)))
    return {name: Spread.of(taken[1:]) for name, taken in times.items()}


def dynamics(atoms: Atoms, rng: np.random.Generator) -> Spread:
    """Seconds per step of molecular dynamics in ASE (velocity Verlet, 1 fs, 300 K at first).

    Includes the searches for neighbours.
    """
    from ase.md.verlet import VelocityVerlet

    width = np.sqrt(units.kB * TEMPERATURE * atoms.get_masses())
    atoms.set_momenta(width[:, None] * rng.normal(size=atoms.positions.shape))
    run = VelocityVerlet(atoms, timestep=units.fs)
    run.run(BLOCK)
    times = []
    for _ in range(BLOCKS):
        start = time.perf_counter()
        run.run(BLOCK)
        times.append((time.perf_counter() - start) / BLOCK)
    return Spread.of(times)
