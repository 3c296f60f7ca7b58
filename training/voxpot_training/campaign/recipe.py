"""The configuration of the trainings of a campaign: given, taken from a model, or drafted from the first labels."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import ConfigError
from ase_voxpot.frames.labelled import read_labelled
from ase_voxpot.storage.files import draft_of
from voxpot_training.campaign.labellers.opening import functional_of
from voxpot_training.campaign.metals import equations_of_state, zero_between
from voxpot_training.config import ModelConfig, TrainConfig, load_config
from voxpot_training.data import find_data, load_frames
from voxpot_training.potential.draft import draft_config
from voxpot_training.zeros import Zero

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from voxpot_training.campaign.config import LearnConfig

__all__ = ["Recipe", "recipe_of"]

FRESH = ("scratch", "last")
"""Starts that are not the name of a model."""
BATCHES = 40
"""Of an epoch, about."""


class Recipe:
    """How the potentials of a campaign are trained."""

    def __init__(self, config: LearnConfig, base: TrainConfig, beside: Path) -> None:
        """Take a configuration, whose ``data`` is what was there before the campaign."""
        self._config, self.base, self.beside = config, base, beside
        self.zero = Zero()
        self._digests: list[str] = []

    def of_round(self, frames: Sequence[Atoms], *, last: bool) -> TrainConfig:
        """The training of a round.

        Args:
            frames: labelled in the campaign so far.
            last: whether it is the last training.
        """
        train = self._config.train
        minutes = train.final if last and train.final is not None else train.minutes
        atoms = sum(map(len, frames))
        schedule = self.base.schedule
        batch = schedule.batch_atoms if self.base.data else int(np.clip(atoms / BATCHES, 32, 600))
        if train.epochs is None:
            schedule = replace(schedule, minutes=minutes, epochs=100_000, batch_atoms=batch, clock=train.clock)
        else:
            often = max(1, min(5, train.epochs // 4))
            schedule = replace(schedule, minutes=None, epochs=train.epochs, batch_atoms=batch, validate_every=often)
        return replace(self.base, schedule=schedule, start=None)

    def learn_zero(self, file: Path) -> Zero:
        """The zeros of energy of the labels, from the metals that they share with what was there before.

        That is the data of ``train.config``, else the model to start from, whose errors of volume are no property of
        a code: energies alone are then brought in line.

        Args:
            file: of the labels.

        Raises:
            ConfigError: a metal is missing in one of them.
        """
        start = self._config.train.start
        if not self.base.data and start in FRESH:
            return self.zero
        mine = read_labelled(file)
        forces = [x.forces for x in mine.labels]
        ours = equations_of_state(mine.frames, [x.energy for x in mine.labels], forces)
        if self.base.data:
            before = load_frames(self.base.data, self.base.model.species, self.beside)
            energies = [x.energy for x in before.labels]
            theirs = equations_of_state(before.atoms, energies, [x.forces for x in before.labels])
        else:
            theirs = equations_of_state(mine.frames, _energies(start, mine.frames), forces)
        self.zero = zero_between(theirs, ours, pressures=bool(self.base.data))
        missing = [s for s in self._config.alloy.species if s not in self.zero.offsets]
        if missing:
            where = (
                "the labels" if [s for s in missing if s not in ours] else f"the data of {self._config.train.config}"
            )
            raise ConfigError(
                f"expected pure crystals at rest of {', '.join(missing)} in {where}, which set the zero of energy; "
                "explore metals, too, or add such frames"
            )
        return self.zero

    def data_digests(self) -> list[str]:
        """Checksums of the files that were there before."""
        if not self._digests:
            found = [path for source in self.base.data for path in find_data(source.file, self.beside)]
            files = [file for path in found for file in ([path] if path.is_file() else sorted(path.rglob("*")))]
            self._digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()]
        return self._digests


def recipe_of(config: LearnConfig, beside: Path, *, labels: Path, target: Path) -> Recipe:
    """The recipe of a campaign.

    Args:
        config: of the campaign.
        beside: folder of its file, where files that it names are looked up.
        labels: labelled frames of the first round, from which a configuration is drafted.
        target: where that is written.

    Raises:
        ConfigError: ``train.config`` or ``train.start`` does not fit the campaign.
        WeightsError: ``train.start`` is no model.
    """
    train = config.train
    if train.config:
        place = beside / train.config
        base = load_config(place)
        _refuse_unfit(config, base)
        return Recipe(config, replace(base, name=config.title, seed=config.seed), place.parent)
    if not target.is_file():
        longest = train.minutes if train.final is None else max(train.minutes, train.final)
        text = draft_config([labels], name=config.title, minutes=longest, seed=config.seed)
        with draft_of(target) as draft:
            draft.write_text(text.replace("voxpot train", "voxpot learn", 1), encoding="utf-8")
    drafted = load_config(target)
    model = drafted.model if train.start in FRESH else _model_of(config)
    return Recipe(config, replace(drafted, data=(), model=model, name=config.title, seed=config.seed), beside)


def _energies(start: str, frames: Sequence[Atoms]) -> list[float]:
    """eV, of frames by the model to start from."""
    from ase_voxpot.weights import find_model, load_potential

    return [result.energy for result in load_potential(find_model(start)).stream(frames)]


def _model_of(config: LearnConfig) -> ModelConfig:
    """That of the model to start from."""
    from ase_voxpot.weights import find_model, load_potential

    spec = load_potential(find_model(config.train.start)).spec
    foreign = sorted(set(config.alloy.species) - set(spec.species))
    if foreign:
        raise ConfigError(f"train.start: expected a model of all species, got one without {', '.join(foreign)}")
    baseline = spec.baseline
    return ModelConfig(
        species=spec.species,
        descriptor=spec.descriptor,
        network=spec.network,
        reference=dict(zip(spec.species, baseline.reference, strict=True)),
        zbl_inner=baseline.zbl_inner,
        zbl_outer=baseline.zbl_outer,
    )


def _refuse_unfit(config: LearnConfig, base: TrainConfig) -> None:
    """Raise where a configuration of a training does not fit the campaign."""
    foreign = sorted(set(config.alloy.species) - set(base.model.species))
    if foreign:
        raise ConfigError(
            f"train.config: expected model.species with all of the alloy, got {', '.join(base.model.species)}"
        )
    mine, theirs = functional_of(config.labeller), base.method.functional if base.method else ""
    if mine and theirs and mine != theirs:
        raise ConfigError(
            f"labeller: expected labels by {theirs}, as the data of {config.train.config}, got {mine}; energies of two "
            "functionals cannot be fitted together"
        )
