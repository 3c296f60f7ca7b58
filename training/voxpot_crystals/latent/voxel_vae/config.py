"""Configuration of the training of a generator, read from TOML into frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from ase_voxpot.errors import ConfigError
from voxpot_crystals.latent.priors.fitting import PriorConfig
from voxpot_crystals.latent.voxel_vae.maps import MapSpec
from voxpot_crystals.latent.voxel_vae.networks import LabelSpec, VAESpec
from voxpot_training.config import Schedule, check_name_and_seed, expect

__all__ = ["Augmentation", "GeneratorConfig", "GeneratorLoss", "GeneratorSchedule", "GeneratorSplit", "Label"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorSplit:
    """Shares of the crystals for validation and test; with ``formula``, all of a composition on one side."""

    by: Literal["row", "formula"] = "formula"
    validation: float = 0.1
    test: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        expect(self.seed >= 0, "split.seed", "a whole number from 0 on", self.seed)
        if not (0 < self.validation < 0.5 and 0 < self.test < 0.5):
            raise ConfigError(
                f"split: expected shares between 0 and 0.5, got {self.validation} for validation, {self.test} for test"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """Augmentation of training crystals.

    ``substitute`` is the share with replaced elements, ``turn`` that with
    exchanged or reversed axes, ``strain`` and ``shake`` (Å) the spread of random strains and displacements.
    """

    substitute: float = 0.7
    turn: float = 0.7
    strain: float = 0.04
    shake: float = 0.03

    def __post_init__(self) -> None:
        if not (
            0 <= self.substitute <= 1 and 0 <= self.turn <= 1 and 0 <= self.strain <= 0.2 and 0 <= self.shake <= 0.3
        ):
            raise ConfigError(f"augmentation: expected shares from 0 to 1 and small spreads, got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorLoss:
    """Weights of the parts of the loss; errors of maps are relative."""

    occupancy: float = 1.0
    codes: float = 1.0
    deep: float = 0.3  # features of the label network
    lattice: float = 3.0
    composition: float = 0.03
    divergence: float = 3e-4  # nats, summed over the latent vector

    def __post_init__(self) -> None:
        if min(self.occupancy, self.codes, self.lattice) <= 0 or min(self.deep, self.composition, self.divergence) < 0:
            raise ConfigError(f"loss: expected positive weights, got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorSchedule(Schedule):
    """A schedule, and the crystals of a batch."""

    batch: int = 16

    def __post_init__(self) -> None:
        Schedule.__post_init__(self)  # slots leave super() without its class
        expect(self.batch >= 1, "schedule.batch", "a whole number from 1 on", self.batch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A number in ``info`` of frames, used as a condition."""

    key: str
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorConfig:
    """One training, from crystals to a model file."""

    name: str
    data: str  # file, looked up beside the config, below VOXPOT_DATA and in training/data
    split: GeneratorSplit = field(default_factory=GeneratorSplit)
    property: Label | None = None
    maps: MapSpec = field(default_factory=MapSpec)
    vae: VAESpec = field(default_factory=VAESpec)
    labels: LabelSpec = field(default_factory=LabelSpec)
    augmentation: Augmentation = field(default_factory=Augmentation)
    loss: GeneratorLoss = field(default_factory=GeneratorLoss)
    label_schedule: GeneratorSchedule = field(default_factory=lambda: GeneratorSchedule(epochs=20, rate=2e-3))
    schedule: GeneratorSchedule = field(default_factory=GeneratorSchedule)
    prior: PriorConfig = field(default_factory=PriorConfig)
    seed: int = 0
    about: str = ""
    validity: str = ""

    def __post_init__(self) -> None:
        check_name_and_seed(self.name, self.seed)

    def in_short(self) -> GeneratorConfig:
        """The same in one epoch, as a test."""
        return replace(
            self,
            schedule=self.schedule.in_short(1),
            label_schedule=self.label_schedule.in_short(1),
            prior=self.prior.in_short(),
        )
