"""The plan of a Monte Carlo run.

Lengths are counted in sweeps: one trial per site that takes part, as mchammer's MC cycle.

    one temperature         an ordinary run
    ``final_temperature``   annealing (or heating): from the temperature to this one
    several temperatures    parallel tempering: one replica each, neighbours exchange configurations
    ``burst``               hybrid MC/MD: dynamics between the swaps, as LAMMPS does around fix atom/swap
    ``relaxation``          atoms are relaxed before a trial is accepted or rejected
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ase_voxpot.errors import ConfigError
from ase_voxpot.md.integrators import Plan as MDPlan
from ase_voxpot.montecarlo.ensembles import Canonical

if TYPE_CHECKING:
    from ase_voxpot.montecarlo.ensembles import Ensemble
    from ase_voxpot.montecarlo.full import Relaxation

__all__ = ["COOLING", "Burst", "Plan"]

COOLING = ("linear", "exponential")
"""Interpolation from the first to the last temperature."""


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """Dynamics between two rounds of trials, at the temperature of the replica."""

    steps: int = 100
    timestep: float = 2.0  # fs
    pressure: float | None = None  # GPa; constant volume without it

    def __post_init__(self) -> None:
        self.plan(300.0)

    def plan(self, temperature: float) -> MDPlan:
        """The dynamics as a plan of ``ase_voxpot.md.integrators``."""
        return MDPlan(
            ensemble="nvt" if self.pressure is None else "npt",
            temperature=temperature,
            pressure=self.pressure or 0.0,
            timestep=self.timestep,
            steps=self.steps,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Parameters of a run.

    >>> Plan(temperatures=(2000.0,), final_temperature=1000.0, sweeps=15, interval=5).at(0, 1)
    1500.0
    """

    ensemble: Ensemble = field(default_factory=Canonical)
    temperatures: tuple[float, ...] = (1000.0,)  # K, of the replicas, ascending
    final_temperature: float | None = None  # K
    cooling: str = "linear"
    sweeps: float = 100.0  # in all, those before a restart included
    interval: float = 1.0  # sweeps from one sample to the next
    frames: int = 10  # samples from one frame of the trajectory to the next
    checkpoint: int = 50  # samples from one checkpoint to the next
    burst: Burst | None = None
    relaxation: Relaxation | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        _require(bool(self.temperatures), "temperature: expected one or more, got none")
        for t in (*self.temperatures, *([] if self.final_temperature is None else [self.final_temperature])):
            _require(0 < t < 1e5, f"temperature: expected between 0 and 1e5 K, got {t}")
        rising = all(a < b for a, b in zip(self.temperatures, self.temperatures[1:], strict=False))
        _require(rising, f"temperature: expected several in ascending order, got {self.temperatures}")
        _require(
            self.final_temperature is None or len(self.temperatures) == 1,
            "anneal: expected one temperature to begin with, got several; leave out one of both",
        )
        _require(self.cooling in COOLING, f"cooling: expected one of {', '.join(COOLING)}, got {self.cooling!r}")
        _require(0 < self.interval < 1e9, f"interval: expected a number of sweeps over 0, got {self.interval}")
        _require(
            self.interval <= self.sweeps < 1e9,
            f"sweeps: expected at least one interval of {self.interval:g}, got {self.sweeps:g}",
        )
        for name in ("frames", "checkpoint"):
            _require(getattr(self, name) >= 1, f"{name}: expected a whole number from 1 on, got {getattr(self, name)}")
        _require(self.seed >= 0, f"seed: expected a whole number from 0 on, got {self.seed}")
        _require(
            self.burst is None or self.relaxation is None,
            "md: expected dynamics between trials or a relaxation of each, got both",
        )

    @property
    def samples(self) -> int:
        """Number of samples after the first."""
        return int(self.sweeps / self.interval + 1e-9)

    def at(self, replica: int, sample: int) -> float:
        """K, of a replica while it goes from ``sample`` to the next."""
        start = self.temperatures[replica]
        if self.final_temperature is None or self.samples == 1:
            return start
        share = sample / (self.samples - 1)
        if self.cooling == "exponential":
            return float(start * (self.final_temperature / start) ** share)
        return start + share * (self.final_temperature - start)
