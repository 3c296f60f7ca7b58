"""Configuration of the training of a property model, read from TOML into frozen dataclasses.

RegressionConfig
├── data        files, and keys of the target
├── split       groups that are kept on one side
├── model       spec of the method
└── schedule    learning rate, batches, epochs
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from ase_voxpot.errors import ConfigError
from ase_voxpot.spec import decode
from voxpot_crystals.schedules import CrystalSchedule
from voxpot_training.config import check_name_and_seed, expect, read_toml

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CrystalSource", "Grouping", "RegressionConfig", "Target", "load_regression"]

Grouping = Literal["row", "formula", "pair", "element"]
"""Groups that a split keeps together: none, a reduced formula, an ordered (A, B) pair, all crystals with an element."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The number to learn: ``key`` in ``info``, or ``a`` for the lattice parameter of a cubic cell."""

    key: str
    unit: str
    name: str = ""  # for tables and pictures
    logarithm: bool = False  # learn and score log10 of it
    least: float | None = None  # labels below are left out, and counted
    most: float | None = None
    partial: bool = False  # crystals without the label are left out, and counted, instead of refused


@dataclass(frozen=True, slots=True, kw_only=True)
class CrystalSource:
    """A file of labelled crystals, looked up beside the config, below ``VOXPOT_DATA`` and in ``training/data``.

    Crystals of a source that is ``support`` are trained on and never held out: labels of another
    kind, such as calculations beside measurements.  Of those of one compound the first is kept, and
    a split by compounds drops them with held-out compounds.
    """

    file: str
    key: str = ""  # of the target in this file, where it differs
    support: bool = False
    factor: float = 1.0  # factor of the labels, to align them
    anions: tuple[str, ...] = ()  # keep the perovskites of these anions alone
    without: tuple[str, ...] = ()  # leave out these perovskites, such as ``SrTiO`` for SrTiO3

    def __post_init__(self) -> None:
        expect(self.factor != 0, f"data.factor of {self.file}", "a number that leaves the labels apart", self.factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrystalSplit:
    """Hold-out, and further splits for the report.

    The shipped model is trained on what ``by`` leaves; for every grouping in ``also`` a
    further, shorter ensemble is trained on another split, for the report alone.  Nothing is held
    out with ``holdout = 0``, for small data: then every crystal is scored by the member of the
    ensemble that was not trained on it, and the baselines on the same folds.
    """

    by: Grouping = "row"
    also: tuple[Grouping, ...] = ()
    holdout: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        expect(self.seed >= 0, "split.seed", "a whole number from 0 on", self.seed)
        if not 0 <= self.holdout < 0.9:
            raise ConfigError(f"split.holdout: expected a fraction that leaves some to train on, got {self.holdout}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionConfig:
    """One training of an ensemble, from data to a model file."""

    name: str
    target: Target
    data: tuple[CrystalSource, ...]
    model: dict[str, Any] = field(default_factory=dict)  # decoded by the method
    split: CrystalSplit = field(default_factory=CrystalSplit)
    schedule: CrystalSchedule = field(default_factory=CrystalSchedule)
    members: int = 5  # networks of the ensemble; each leaves another part of the data to its validation
    # what the networks need not learn: a mean, a ridge on elements, or a line in sums of ionic radii (perovskites)
    offset: Literal["mean", "composition", "radii"] = "mean"
    ridge: float = 1e-2  # of elements in ``offset``: variance of the residual over that of a slope
    unique: Literal["none", "formula", "pair"] = "none"  # keep the first of crystals that share it
    least_crystals: int = 1  # elements in fewer crystals are left out with them, and counted
    loss_delta: float = 1.0  # Huber: in units of the target's spread, beyond it errors count linearly
    seed: int = 0
    about: str = ""  # for the card
    validity: str = ""

    def __post_init__(self) -> None:
        expect(2 <= self.members <= 1000, "members", "2, which an uncertainty takes, to 1000", self.members)
        check_name_and_seed(self.name, self.seed)
        expect(self.ridge > 0, "ridge", "more than 0", self.ridge)
        expect(self.loss_delta > 0, "loss_delta", "more than 0", self.loss_delta)
        if not self.data:
            raise ConfigError("data: expected at least one file of crystals, got none")


def load_regression(path: Path, *, quick: bool = False) -> RegressionConfig:
    """Read and check a TOML file.

    Args:
        path: the file; its key ``kind`` is left to ``voxpot train``.
        quick: two members and a few epochs only.

    Raises:
        ConfigError: missing file, broken TOML, unknown or missing keys, wrong types.
    """
    data = read_toml(path)
    data.pop("kind", None)
    model = data.pop("model", {})
    try:
        config = replace(decode(RegressionConfig, data), model=model)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(model, dict):
        raise ConfigError(f"{path}: model: expected a table, got {model!r}")
    if quick:
        schedule = config.schedule.in_short(min(config.schedule.epochs, 3))
        return replace(config, schedule=schedule, members=2, split=replace(config.split, also=()))
    return config
