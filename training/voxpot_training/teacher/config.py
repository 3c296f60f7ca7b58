"""Configuration of generated frames, read from TOML."""

from __future__ import annotations

from dataclasses import dataclass, field

from ase.data import atomic_numbers

from ase_voxpot.errors import ConfigError
from voxpot_training.config import expect

__all__ = ["TeacherConfig", "TeacherSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherSpec:
    """An ASE calculator: ``module:factory``, called with ``arguments``."""

    factory: str
    arguments: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherConfig:
    """Numbers and kinds of frames, and limits of disagreement."""

    teacher: TeacherSpec
    judges: tuple[TeacherSpec, ...] = ()
    driver: TeacherSpec | None = None  # moves the atoms in the teacher's place, where that is slow
    energies: TeacherSpec | None = None  # gives the energies in the teacher's place
    lattice: dict[str, float]  # Å, bcc lattice constant per element
    kinds: dict[str, float]  # share of the starts, by name in ``structures.KINDS``
    frames: int = 2000
    seed: int = 0
    temperature: tuple[float, ...] = (100.0, 3500.0)  # K, drawn between
    timestep: float = 2.0  # fs
    settle: int = 100  # steps before the first frame
    stride: int = 30  # steps between frames
    samples: int = 4  # frames per start
    least_volume: float = 0.0  # per atom, over that of the bcc lattice, below which a frame is dropped
    no_alloys: tuple[float, ...] = (1.0, 1.0)  # volumes, likewise, between which frames of several elements are dropped
    force_limit: float = 25.0  # eV/Å, beyond it a frame is dropped
    force_disagreement: float = 0.35  # RMS difference over RMS force, above a floor
    force_floor: float = 0.25  # eV/Å, added to the RMS force in that ratio

    def __post_init__(self) -> None:
        for name in ("frames", "stride", "samples"):
            expect(getattr(self, name) >= 1, name, "a whole number from 1 on", getattr(self, name))
        for name in ("timestep", "force_limit", "force_disagreement"):
            expect(getattr(self, name) > 0, name, "more than 0", getattr(self, name))
        for name in ("settle", "seed", "force_floor", "least_volume"):
            expect(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        for symbol, edge in self.lattice.items():
            expect(symbol in atomic_numbers and edge > 0, f"lattice.{symbol}", "an element and a length in Å", edge)
        expect(bool(self.lattice), "lattice", "some elements and their lattice constants", self.lattice)
        if len(self.temperature) != 2 or not 0 < self.temperature[0] <= self.temperature[1]:
            raise ConfigError(f"temperature: expected a lower and an upper value in K, got {self.temperature}")
        if len(self.no_alloys) != 2 or not 0 < self.no_alloys[0] <= self.no_alloys[1]:
            raise ConfigError(f"no_alloys: expected a lower and an upper volume, got {self.no_alloys}")
        if not self.kinds or any(share < 0 for share in self.kinds.values()) or not sum(self.kinds.values()):
            raise ConfigError(f"kinds: expected shares that are not negative, and not all 0, got {self.kinds}")
