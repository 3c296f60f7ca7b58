"""From a config to a trained structure field: what ``voxpot train`` runs for ``kind = "structure_field"``.

The folder of a training holds

    checkpoint.safetensors, log.csv, learning.png    how it goes
    NAME.safetensors, NAME.md, NAME.json             the model, its card, its errors
    reconstructions.png, field.png                   some originals beside what came back, a slice through a field
    prior/                                           checkpoint and log of the flow that new crystals are drawn from
    latent.png, between.png                          the latent space with draws from it, the way between two
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from rich.console import Console
from torch.nn.functional import cross_entropy, huber_loss, mse_loss

from ase_voxpot.files import write_json
from ase_voxpot.labels import read_frames
from voxpot_training.autoencoders.pictures import draw_reconstructions
from voxpot_training.autoencoders.scores import score_reconstructions
from voxpot_training.autoencoders.tables import score_table
from voxpot_training.config import config_from
from voxpot_training.crystals import check_crystal
from voxpot_training.data import find_file
from voxpot_training.loop import fit
from voxpot_training.priors.fitting import fit_priors, in_short
from voxpot_training.structure_field.batches import Batch, collate, with_other_species
from voxpot_training.structure_field.card import card_as_data, card_as_markdown
from voxpot_training.structure_field.codec import Codec, CodecSpec, load_codec, make_field, save_codec
from voxpot_training.structure_field.config import FieldConfig
from voxpot_training.structure_field.generation import train_conditions
from voxpot_training.structure_field.pictures import (
    draw_between,
    draw_field,
    draw_latent,
    draw_learning,
)
from voxpot_training.structure_field.queries import draw_queries
from voxpot_training.structure_field.views import view_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms
    from torch import Tensor, nn

    from voxpot_training.structure_field.periodic import PeriodicSpec
    from voxpot_training.structure_field.published import PublishedSpec
    from voxpot_training.structure_field.views import Seen

__all__ = ["FieldTask", "field_loss", "run"]

QUICK_EPOCHS, QUICK_CRYSTALS = 2, 200
ASKED = 64
"""Crystals of a batch in validation."""


def field_loss(network: nn.Module, batch: Batch, config: FieldConfig) -> tuple[Tensor, dict[str, float]]:
    """One number from a batch, and mean errors for the log: positions in Å, share of species, the lattice's numbers."""
    weights = config.loss
    latent = network.encode(batch.positions, batch.kinds, batch.owner, batch.lattice, batch.edges)
    said = network.displacement(latent, batch.points, batch.points_owner)
    logits = network.species(latent, batch.species_points, batch.species_owner)
    lattice = network.lattice(latent)
    where = (
        mse_loss(said, batch.displacement)
        if weights.delta is None
        else huber_loss(said, batch.displacement, delta=weights.delta) / weights.delta
    )
    loss = weights.position * where + weights.species * cross_entropy(logits, batch.species)
    loss = loss + weights.lattice * mse_loss(lattice, batch.lattice)
    counts = torch.bincount(batch.owner, minlength=len(lattice))
    number = network.number(latent)
    if number is not None:
        loss = loss + weights.number * cross_entropy(number, counts)
    with torch.no_grad():
        figures = {
            "position": float((said - batch.displacement).norm(dim=1).mean()),
            "species": float((logits.argmax(1) != batch.species).float().mean()),
            "lattice": float((lattice - batch.lattice).abs().mean()),
        }
        if number is not None:
            figures["number"] = float((number.argmax(1) != counts).float().mean())
    return loss, figures


class FieldTask:
    """A structure field and its crystals, as the training loop wants them."""

    def __init__(self, network: nn.Module, train: Sequence[Seen], valid: Sequence[Seen], config: FieldConfig) -> None:
        self.network = network
        self._train, self._config, self._view = train, config, view_of(config.model)
        self._box = getattr(config.model, "box", ())
        self.batches_per_epoch = max(len(train) / config.schedule.batch, 1.0)
        rng = np.random.default_rng([config.seed, 1])
        parts = [valid[k : k + ASKED] for k in range(0, len(valid), ASKED)]
        self._valid = [
            (collate(part, [draw_queries(s, config.queries, self._box, rng) for s in part], self._view), len(part))
            for part in parts
        ]

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The crystals and queries of an epoch, drawn from (seed, epoch) alone."""
        rng = np.random.default_rng([self._config.seed, 0, epoch])
        order, size = rng.permutation(len(self._train)), self._config.schedule.batch
        for start in range(0, len(order), size):
            some = [self._train[k] for k in order[start : start + size]]
            if len(some) == 1 and len(order) > 1:  # one crystal has no batch statistics
                continue
            others = rng.random(len(some)) < self._config.substitute
            species = len(self._config.model.species)
            some = [with_other_species(s, species, rng) if o else s for s, o in zip(some, others, strict=True)]
            asked = [draw_queries(s, self._config.queries, self._box, rng) for s in some]
            yield collate(some, asked, self._view)

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, float]]:
        """Loss of a batch."""
        self.network.train()
        return field_loss(self.network, batch, self._config)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Mean errors on the crystals of the validation set; ``score`` weighs 1 % of errors as 0.01 Å."""
        network.eval()
        sums: Counter[str] = Counter()
        with torch.no_grad():
            for batch, count in self._valid:
                for name, value in field_loss(network, batch, self._config)[1].items():
                    sums[name] += value * count
        total = sum(count for _, count in self._valid)
        means = {f"valid_{name}": value / total for name, value in sums.items()}
        return means | {"score": sum(means.values())}


def run(config: Path, *, out: Path | None = None, resume: bool = False, quick: bool = False) -> Path:
    """Train what ``config`` describes.

    Args:
        config: a TOML file, see ``structure_field.config``.
        out: folder for everything that is written; ``runs/NAME`` by default.
        resume: take up the checkpoint of the folder.
        quick: two epochs on some crystals, to see that everything works.

    Returns:
        The model file.
    """
    settings, beside = config_from(FieldConfig, Path(config)), Path(config).parent
    train, valid = (_crystals(name, beside) for name in (settings.train, settings.validation))
    if quick:
        train, valid = train[:QUICK_CRYSTALS], valid[:20]
        schedule = replace(settings.schedule, epochs=QUICK_EPOCHS, minutes=None, validate_every=1)
        settings = replace(settings, schedule=schedule)
    folder = Path(out) if out else Path("runs") / settings.name
    settings = replace(settings, model=_informed(settings.model, train))
    view = view_of(settings.model)
    known, most = set(settings.model.species), max(map(len, train))
    kept = [a for a in valid if set(a.get_chemical_symbols()) <= known and len(a) <= most]
    torch.manual_seed(settings.seed)
    network = make_field(settings.model)
    console = Console()
    console.print(
        f"[bold]{settings.name}[/]: {len(train)} crystals to train on, {len(kept)} to validate "
        f"({len(valid) - len(kept)} left out: elements or sizes without a training crystal); "
        f"{sum(p.numel() for p in network.parameters()):,} parameters"
    )
    folder.mkdir(parents=True, exist_ok=True)
    task = FieldTask(network, [view.see(a) for a in train], [view.see(a) for a in kept], settings)
    best = fit(task, settings.schedule, folder, resume=resume).requires_grad_(False).eval()
    spec = CodecSpec(model=settings.model, flow=settings.flow)
    codec = Codec(spec, best, {})
    save_codec(folder / f"{settings.name}.safetensors", codec)  # before anything more is computed
    if settings.prior.kinds:
        codec = _with_priors(settings, codec, train, folder, resume=resume, quick=quick)
    return _finish(settings, codec, train, kept, folder, console)


def _with_priors(
    config: FieldConfig, codec: Codec, train: Sequence[Atoms], folder: Path, *, resume: bool, quick: bool
) -> Codec:
    """The codec, with distributions of its latent vectors; how near they come stands in its card."""
    conditions = train_conditions(train)
    settings = in_short(config.prior) if quick else config.prior
    latent = codec.encode([codec.view.see(a) for a in train])
    table = conditions.table(train)
    place = folder / "prior"
    priors, figures = fit_priors(latent, table, conditions, settings, place, seed=config.seed, resume=resume)
    return replace(codec, priors=priors, card={"priors": figures})


def _crystals(name: str, beside: Path) -> list[Atoms]:
    path = find_file(name, beside)
    frames = read_frames(path)
    for row, atoms in enumerate(frames):
        try:
            check_crystal(atoms)
        except ValueError as error:
            raise type(error)(f"{path}, frame {row}: {error}") from None
    return frames


def _informed(model: PublishedSpec | PeriodicSpec, train: Sequence[Atoms]) -> PublishedSpec | PeriodicSpec:
    """The spec, with what the training crystals decide."""
    from ase.data import atomic_numbers

    species = tuple(sorted({s for a in train for s in a.get_chemical_symbols()}, key=atomic_numbers.__getitem__))
    if model.kind == "periodic":
        return replace(model, species=species, most=max(map(len, train)))
    return replace(model, species=species, box=tuple(np.max([a.positions.max(0) for a in train], axis=0).tolist()))


def _finish(
    config: FieldConfig, codec: Codec, train: Sequence[Atoms], valid: Sequence[Atoms], folder: Path, console: Console
) -> Path:
    """Reconstruct the validation crystals; write model, card and pictures."""
    model = folder / f"{config.name}.safetensors"
    save_codec(model, codec)
    codec = load_codec(model)  # what is scored is what is kept, rounded as it is
    found = codec.reconstruct(valid)
    scores = score_reconstructions(valid, found)
    console.print(score_table(scores, title=f"{config.name} on {scores.crystals} validation crystals"))
    card = card_as_data(config, scores, folder / "log.csv") | codec.card
    save_codec(model, replace(codec, card=card))
    write_json(model.with_suffix(".json"), asdict(scores))
    model.with_suffix(".md").write_text(card_as_markdown(config, codec, card), encoding="utf-8")
    draw_learning(folder / "learning.png", folder / "log.csv", title=config.name)
    draw_reconstructions(folder / "reconstructions.png", valid, found)
    draw_field(folder / "field.png", codec, valid[0])
    draw_latent(folder / "latent.png", codec, train)
    draw_between(folder / "between.png", codec, valid)
    return model
