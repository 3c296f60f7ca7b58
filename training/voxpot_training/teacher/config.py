"""What to generate, read from TOML."""

from __future__ import annotations

from dataclasses import dataclass, field

from ase_voxpot.errors import ConfigError

__all__ = ["TeacherConfig", "TeacherSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherSpec:
    """An ASE calculator: ``module:factory``, called with ``arguments``."""

    factory: str
    arguments: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherConfig:
    """How many frames of which kinds, and when teachers agree."""

    teacher: TeacherSpec
    judges: tuple[TeacherSpec, ...] = ()
    lattice: dict[str, float]  # Å, bcc lattice constant per element
    kinds: dict[str, float]  # share of the starts, by name in ``structures.KINDS``
    frames: int = 2000
    seed: int = 0
    temperature: tuple[float, ...] = (100.0, 3500.0)  # K, drawn between
    timestep: float = 2.0  # fs
    settle: int = 100  # steps before the first frame
    stride: int = 30  # steps between frames
    samples: int = 4  # frames per start
    force_limit: float = 25.0  # eV/Å, beyond it a frame is dropped
    force_disagreement: float = 0.35  # RMS difference over RMS force, above a floor
    force_floor: float = 0.25  # eV/Å, added to the RMS force in that ratio

    def __post_init__(self) -> None:
        if len(self.temperature) != 2 or not 0 < self.temperature[0] <= self.temperature[1]:
            raise ConfigError(f"temperature: expected a lower and an upper value in K, got {self.temperature}")
        if not self.kinds or any(share < 0 for share in self.kinds.values()):
            raise ConfigError(f"kinds: expected shares that are not negative, got {self.kinds}")
