"""Tasks of the workers and their results: frozen dataclasses that are sent as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ase_voxpot.benchmark.check import Deviation
from ase_voxpot.benchmark.machine import Peaks
from ase_voxpot.benchmark.timing import Spread

__all__ = ["Breakdown", "Order", "Painting", "Stage", "Steps", "Timing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One subprocess: its threads, and the work to do there."""

    work: Literal["speed", "breakdown", "voxelizer"]
    threads: int
    device: str = "cpu"
    models: tuple[str, ...] = ()
    dtype: Literal["float32", "float64"] = "float32"
    atoms: tuple[int, ...] = ()
    peers: tuple[str, ...] = ()  # NAME=target:factory[:argument]
    repeat: int = 7
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Energy, forces and stress of one structure through ASE, all atoms having moved."""

    name: str
    peer: bool
    atoms: int
    pairs: float  # per atom
    threads: int
    device: str
    time: Spread  # s
    memory: int | None  # bytes by which the process grew in the first call, at most
    floor: float | None  # s per atom, lower bound by the peak rates of the machine
    deviation: Deviation | None  # from the reference; None for a peer

    @property
    def rate(self) -> float:
        """Atom·steps per second."""
        return self.atoms / self.time.median


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Molecular dynamics of a small cell."""

    name: str
    atoms: int
    threads: int
    device: str
    time: Spread  # s per step


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of the evaluation: operations, bytes, lower bound and measured time."""

    stages: tuple[str, ...]  # that run together
    flops: float  # per atom
    bytes: float  # per atom
    floor: float  # s per atom
    measured: float  # s per atom


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """All stages of one model on so many atoms."""

    name: str
    atoms: int
    pairs: float
    threads: int
    dtype: str
    peaks: Peaks
    stages: tuple[Stage, ...]
    whole: float  # s per atom, of one evaluation with a list of neighbours at hand

    @property
    def floor(self) -> float:
        """Seconds per atom of all stages."""
        return sum(stage.floor for stage in self.stages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Painting:
    """Painting cubes of voxels: compiled, and in loops of plain Python."""

    what: str
    voxels: int  # along an edge
    atoms: int
    compiled: float  # s per atom
    loops: float  # s per atom
    difference: float  # of their answers, relative
    floor: float  # s per atom, writing the cube at the speed of memory
    threads: int

    @property
    def ratio(self) -> float:
        """How many times faster than loops."""
        return self.loops / self.compiled
