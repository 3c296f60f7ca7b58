"""Training of a potential from a config, for ``voxpot train``.

The folder of a training holds

    checkpoint.safetensors, log.csv, loss.png     progress
    NAME.safetensors                              the potential, with its card inside
    NAME.md, NAME.json, holdout.png               the card, its errors on the hold-out
    NAME.uncertainty.json, .png                   its uncertainties against errors
    splits.json                                   the split of the frames
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from rich.console import Console

from ase_voxpot.errors import ConfigError
from ase_voxpot.plotting.figures import draw_parity
from ase_voxpot.plotting.screen import console, score_table
from ase_voxpot.potential import Potential
from ase_voxpot.scoring import predict as predict_frames, score
from ase_voxpot.storage.files import write_json
from ase_voxpot.weights import find_model, load_potential, read_header, save_potential
from voxpot_training.cards import count_parameters
from voxpot_training.config import load_config, run_folder
from voxpot_training.data import load_frames
from voxpot_training.distributed import rank, share, together
from voxpot_training.learning import curve, curve_of, draw_learning
from voxpot_training.loop import fit
from voxpot_training.potential.batches import Predictor, collate, make_example, shuffled_batches
from voxpot_training.potential.card import card_as_data, card_as_markdown
from voxpot_training.potential.losses import potential_loss
from voxpot_training.potential.prepare import make_spec, split_sources, standardise
from voxpot_training.potential.uncertainty import WIDEST, uncertainty_table, with_uncertainty
from voxpot_training.splits import Split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor, nn

    from voxpot_training.config import TrainConfig
    from voxpot_training.data import Frames
    from voxpot_training.potential.batches import Batch, Example

__all__ = ["PotentialTask", "errors_on", "fit_frames", "fit_potential", "fresh_potential", "run", "share_of"]

QUICK_EPOCHS = 3
CURVE = ("energy", "force")
"""Errors of the learning curve in a card."""


class PotentialTask:
    """A potential and its frames as a ``Task``."""

    def __init__(
        self, potential: Potential, train: Sequence[Example], valid: Sequence[Example], config: TrainConfig
    ) -> None:
        self.network = potential.network.requires_grad_(True)
        self._predict = Predictor(potential.representation)
        self._like = torch.empty(0, dtype=getattr(torch, potential.dtype.name), device=potential.device)
        self._train, self._valid, self._config = train, valid, config
        self.batches_per_epoch = max(sum(e.pairs.atoms * e.share for e in train) / config.schedule.batch_atoms, 1.0)

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The frames of an epoch, drawn from (seed, epoch) alone."""
        rng = np.random.default_rng([self._config.seed, epoch])
        turn = rng if self._config.schedule.rotate else None
        drawn = rng.random(len(self._train))
        sizes = {k: e.pairs.atoms for k, e in enumerate(self._train) if drawn[k] < e.share}
        for numbers in shuffled_batches(sizes, self._config.schedule.batch_atoms, rng):
            yield collate([self._train[k] for k in share(numbers)], self._like, rotate=turn)

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, float]]:
        """Loss and mean errors of a batch, in meV/atom and meV/Å."""
        result = self._predict(self.network, batch, train=True)
        energy = float((result.energy - batch.energy).detach().abs().mean())
        force = float((result.forces - batch.forces).detach().abs().mean())
        return potential_loss(result, batch, self._config.loss, progress), {
            "energy": 1e3 * energy,
            "force": 1e3 * force,
        }

    def unsound(self, batch: Batch) -> str:
        """The frames of a batch whose labels or predictions are not finite, in words."""
        result = self._predict(self.network, batch, train=False)
        labels, found = (
            torch.isfinite(of.energy) & torch.isfinite(of.virial).all(1) & self._all_finite(of.forces, batch)
            for of in (batch, result)
        )
        words = []
        for what, finite in (("labels", labels), ("predictions", found | ~labels)):
            names = [name for name, good in zip(batch.names, finite.tolist(), strict=True) if not good]
            if names:
                more = f" and {len(names) - 3} more" if len(names) > 3 else ""
                words.append(f"the {what} of {', '.join(names[:3])}{more} are not")
        return "".join(f": {text}" for text in words[:1])

    @staticmethod
    def _all_finite(forces: Tensor, batch: Batch) -> Tensor:
        """Whether the forces of every frame are finite."""
        bad = (~torch.isfinite(forces)).any(1).cpu().numpy()
        return torch.from_numpy(np.bincount(batch.owner, bad, minlength=len(batch.sizes)) == 0).to(forces.device)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Mean errors on the validation frames."""
        return mean_errors(network, self._valid, self._predict, self._like)


def mean_errors(network: nn.Module, examples: Sequence[Example], predict: Predictor, like: Tensor) -> dict[str, float]:
    """MAE in meV/atom and meV/Å.

    ``score`` counts 1 meV/atom as 20 meV/Å and leaves out the largest twentieth of the errors: a dimer or a close
    pair, wrong by more than all other frames together, is no reason to choose weights by.
    """
    energy, force = [], []
    for start in range(0, len(examples), 16):
        batch = collate(examples[start : start + 16], like)
        result = predict(network, batch, train=False)
        energy.append((result.energy - batch.energy).abs())
        force.append((result.forces - batch.forces).abs().flatten())
    energies, forces = 1e3 * torch.cat(energy), 1e3 * torch.cat(force)
    score = 20 * _mean_of_most(energies) + _mean_of_most(forces)
    return {"valid_energy": float(energies.mean()), "valid_force": float(forces.mean()), "score": score}


def _mean_of_most(errors: Tensor) -> float:
    return float(errors.sort().values[: len(errors) - len(errors) // 20].mean())


def run(config: Path, *, out: Path | None = None, resume: bool = False, quick: bool = False) -> Path:
    """Train the potential of ``config``.

    Args:
        config: a TOML file, see ``voxpot_training.config``.
        out: folder for everything that is written; ``runs/NAME`` by default.
        resume: continue from the checkpoint of the folder.
        quick: a few epochs only, as a test.

    Returns:
        The model file.

    Raises:
        VoxPotError: of the kind that fits: config, data, labels, checkpoint, divergence.
    """
    settings = load_config(Path(config))
    if quick:
        settings = replace(settings, schedule=settings.schedule.in_short(QUICK_EPOCHS))
    folder = run_folder(out, settings.name)
    with together():
        return _run(settings, Path(config).parent, folder, resume=resume)


def _run(config: TrainConfig, beside: Path, folder: Path, *, resume: bool) -> Path:
    potential, frames, split = fit_potential(config, beside, folder, resume=resume)
    model = folder / f"{config.name}.safetensors"
    if rank() == 0:
        _finish(config, folder, model, potential, frames, split)
    return model


def fit_potential(
    config: TrainConfig,
    beside: Path,
    folder: Path,
    *,
    resume: bool = False,
    kind: type[PotentialTask] = PotentialTask,
) -> tuple[Potential, Frames, Split]:
    """Split the data and train; the hold-out is not used.

    Args:
        config: of the training.
        beside: folder in which data files are looked up first.
        folder: for checkpoints, log and split.
        resume: continue from the checkpoint of the folder.
        kind: of the training, with another optimiser.
    """
    screen = Console(quiet=rank() != 0)
    frames = load_frames(config.data, config.model.species, beside)
    split = split_sources(frames, config)
    potential = fresh_potential(config, frames)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "splits.json").write_text(json.dumps({k: list(getattr(split, k)) for k in split.__slots__}))
    screen.print(
        f"[bold]{config.name}[/]: {len(split.train)} frames to train on, {len(split.validation)} to validate, "
        f"{len(split.holdout)} held out, {len(split.dropped)} in gaps; "
        f"{count_parameters(potential.network):,} parameters"
    )
    for note in frames.notes:
        screen.print(note, markup=False, highlight=False, soft_wrap=True, emoji=False)
    fit_frames(potential, config, frames, split, folder, resume=resume, kind=kind)
    return potential, frames, split


def fit_frames(
    potential: Potential,
    config: TrainConfig,
    frames: Frames,
    split: Split,
    folder: Path,
    *,
    resume: bool = False,
    quiet: bool = False,
    title: str = "training",
    kind: type[PotentialTask] = PotentialTask,
) -> None:
    """Train on given frames with a given split.

    Args:
        potential: to be trained.
        config: of which ``data`` and ``split`` are not used.
        frames: labelled.
        split: rows to train on and to validate with.
        folder: for checkpoints and log.
        resume: continue from the checkpoint of the folder.
        quiet: no progress bar.
        title: of the progress bar.
        kind: of the training, with another optimiser.

    Raises:
        DivergenceError: the loss is no longer finite.
    """
    shares = [share_of(frames, row, config.schedule.support) for row in range(len(frames.atoms))]
    train, valid = (_examples(potential, frames, shares, rows) for rows in (split.train, split.validation))
    if config.start is None:
        standardise(potential.network, train, potential.representation, np.random.default_rng(config.seed))
    task = kind(potential, train, valid, config)
    _compile(task)
    best = fit(task, config.schedule, folder, resume=resume, quiet=quiet, title=title)
    potential.network.load_state_dict(best.state_dict())
    potential.network.requires_grad_(False)


def _compile(task: PotentialTask) -> None:
    """One step whose result is not used: compilation counts to no training."""
    loss, _ = task.loss(next(iter(task.batches(0))), 0.0)
    loss.backward()
    task.network.zero_grad()


def share_of(frames: Frames, row: int, support: float) -> float:
    """Share of the epochs that draw a frame."""
    given = frames.shares[row] if frames.shares else None
    return given if given is not None else support if frames.support[row] else 1.0


def _examples(potential: Potential, frames: Frames, shares: Sequence[float], rows: Sequence[int]) -> list[Example]:
    return [
        make_example(
            frames.atoms[k],
            frames.labels[k],
            potential.spec,
            weight=frames.weights[k] * frames.emphasis[k],
            energy_weight=frames.energy_weights[k] if frames.energy_weights else 1.0,
            share=shares[k],
            name=frames.names[k] if frames.names else "",
        )
        for k in rows
    ]


def errors_on(potential: Potential, frames: Frames, rows: Sequence[int]) -> dict[str, float]:
    """``mean_errors`` on some frames of a training."""
    examples = [make_example(frames.atoms[k], frames.labels[k], potential.spec) for k in rows]
    like = torch.empty(0, dtype=getattr(torch, potential.dtype.name), device=potential.device)
    return mean_errors(potential.network, examples, Predictor(potential.representation), like)


def fresh_potential(config: TrainConfig, frames: Frames) -> Potential:
    """Random weights from the seed, or those of the model to start from."""
    torch.manual_seed(config.seed)
    if config.start is None:
        return Potential(make_spec(config.model, frames.atoms, frames.labels))
    start = load_potential(find_model(config.start))
    wanted = make_spec(config.model, frames.atoms, frames.labels)
    if replace(start.spec, baseline=wanted.baseline) != wanted:
        raise ConfigError(f"start = {config.start!r}: expected a model of the spec under [model], got another")
    return Potential(wanted, arrays=start.arrays())


def _finish(config: TrainConfig, folder: Path, model: Path, potential: Potential, frames: Frames, split: Split) -> None:
    """Score on the hold-out, add the uncertainty, write model, card and pictures."""
    rows = split.holdout or split.validation
    held, labels = [frames.atoms[k] for k in rows], [frames.labels[k] for k in rows]
    result = list(predict_frames(potential, held))
    scores = score(held, labels, result)
    log = folder / "log.csv"
    before = curve_of(read_header(find_model(config.start))["card"], CURVE) if config.start else []
    learning = curve(log, CURVE, before=before)
    card = card_as_data(config, split, scores, frames.notes, learning)
    save_potential(potential, model, card=card)  # before further computation
    report = None
    if potential.width <= WIDEST:
        report = with_uncertainty(potential, frames, split, config, card, model)
    text = card_as_markdown(config, split, scores, potential, report, frames.notes, learning)
    model.with_suffix(".md").write_text(text)
    write_json(model.with_suffix(".json"), scores.to_json(model=config.name))
    panels = [(log, "energy", "energy MAE (meV/atom)"), (log, "force", "force MAE (meV/Å)")]
    draw_learning(folder / "loss.png", panels, title=config.name, size=(9, 3.6))
    draw_parity(folder / "holdout.png", held, labels, result, scores)
    console().print(score_table(scores, title=f"{config.name} on its hold-out"))
    if report is not None:
        console().print(uncertainty_table(report, title=f"Uncertainty of {config.name} on its hold-out"))
