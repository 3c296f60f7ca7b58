"""Configuration of the training of a structure field, read from TOML into frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ase_voxpot.errors import ConfigError
from voxpot_crystals.latent.priors.fitting import PriorConfig
from voxpot_crystals.latent.structure_field.flow import FlowSpec
from voxpot_crystals.latent.structure_field.periodic import PeriodicSpec
from voxpot_crystals.latent.structure_field.published import PublishedSpec
from voxpot_crystals.latent.structure_field.queries import QuerySpec
from voxpot_crystals.schedules import CrystalSchedule
from voxpot_training.config import check_name_and_seed

__all__ = ["FieldConfig", "FieldLoss"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLoss:
    """Weights of the parts; the defaults are the paper's, which does not learn the number of atoms.

    ``delta`` makes the loss of positions linear beyond so many Å (Huber); squared everywhere without it.
    """

    position: float = 10.0
    species: float = 0.1
    lattice: float = 1.0
    number: float = 0.1  # of atoms, for networks that say it
    delta: float | None = None

    def __post_init__(self) -> None:
        if min(self.position, self.species, self.lattice, self.number) <= 0 or (
            self.delta is not None and self.delta <= 0
        ):
            raise ConfigError(f"loss: expected positive weights, got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldConfig:
    """One training, from crystals to a model file."""

    name: str
    train: str  # files, looked up beside the config, below VOXPOT_DATA and in training/data
    validation: str
    model: PublishedSpec | PeriodicSpec = field(default_factory=PeriodicSpec)
    queries: QuerySpec = field(default_factory=QuerySpec)
    loss: FieldLoss = field(default_factory=FieldLoss)
    flow: FlowSpec = field(default_factory=FlowSpec)
    schedule: CrystalSchedule = field(default_factory=CrystalSchedule)
    prior: PriorConfig = field(default_factory=PriorConfig)
    substitute: float = 0.0  # share of the crystals with replaced elements in an epoch
    seed: int = 0
    about: str = ""
    validity: str = ""

    def __post_init__(self) -> None:
        check_name_and_seed(self.name, self.seed)
        if not 0 <= self.substitute <= 1:
            raise ConfigError(f"substitute: expected a share from 0 to 1, got {self.substitute}")

    def in_short(self) -> FieldConfig:
        """The same in two epochs, as a test."""
        return replace(self, schedule=self.schedule.in_short(2), prior=self.prior.in_short())
