"""Training of a structure field from a config, for ``voxpot train`` and ``kind = "structure_field"``.

The folder of a training holds

    checkpoint.safetensors, log.csv, learning.png    progress
    NAME.safetensors, NAME.md, NAME.json             the model, its card, its errors
    reconstructions.png, field.png                   originals and reconstructions, a slice through a field
    prior/                                           checkpoint and log of the flow prior
    latent.png, between.png                          the latent space with samples, an interpolation
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ase_voxpot.errors import DataError
from ase_voxpot.frames.labels import read_each
from ase_voxpot.plotting import screen
from voxpot_crystals.latent.structure_field.card import ACCOUNT
from voxpot_crystals.latent.structure_field.codec import (
    Codec,
    CodecSpec,
    make_field,
    save_codec,
    with_prototypes,
)
from voxpot_crystals.latent.structure_field.config import FieldConfig
from voxpot_crystals.latent.structure_field.generation import train_conditions
from voxpot_crystals.latent.structure_field.pictures import (
    draw_between,
    draw_field,
    draw_latent,
)
from voxpot_crystals.latent.structure_field.tasks import FieldTask
from voxpot_crystals.latent.structure_field.views import view_of
from voxpot_crystals.latent.training import finish, with_priors
from voxpot_crystals.structures.checks import sift_crystals, species_of
from voxpot_training.cards import count_parameters
from voxpot_training.config import config_from, run_folder
from voxpot_training.data import find_file
from voxpot_training.learning import draw_learning, spent
from voxpot_training.loop import fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from rich.console import Console

    from voxpot_crystals.latent.structure_field.periodic import PeriodicSpec
    from voxpot_crystals.latent.structure_field.published import PublishedSpec

__all__ = ["run"]

QUICK_CRYSTALS = 200
PANELS = (
    ("position", "position field, mean error (Å)"),
    ("species", "species, share wrong"),
    ("lattice", "lattice"),
)
"""Columns of the log that are drawn."""


def run(config: Path, *, out: Path | None = None, resume: bool = False, quick: bool = False) -> Path:
    """Train the model of ``config``.

    Args:
        config: a TOML file, see ``structure_field.config``.
        out: folder for everything that is written; ``runs/NAME`` by default.
        resume: continue from the checkpoint of the folder.
        quick: two epochs on some crystals, as a test.

    Returns:
        The model file.
    """
    settings, beside = config_from(FieldConfig, Path(config)), Path(config).parent
    console = screen.console()
    train, valid = (_crystals(name, beside, console) for name in (settings.train, settings.validation))
    if quick:
        train, valid, settings = train[:QUICK_CRYSTALS], valid[:20], settings.in_short()
    folder = run_folder(out, settings.name)
    if train:
        settings = replace(settings, model=_informed(settings.model, train))
    view = view_of(settings.model)
    known, most = set(settings.model.species), max(map(len, train), default=0)
    kept = [a for a in valid if set(a.get_chemical_symbols()) <= known and len(a) <= most]
    if len(train) < 2 or not kept:
        raise DataError(
            f"expected two or more crystals to train on and some to validate with, got {len(train)} and {len(kept)} "
            f"of {len(valid)} that have no more atoms and no other elements than those trained on"
        )
    torch.manual_seed(settings.seed)
    network = make_field(settings.model)
    console.print(
        f"[bold]{settings.name}[/]: {len(train)} crystals to train on, {len(kept)} to validate "
        f"({len(valid) - len(kept)} left out: elements or sizes without a training crystal); "
        f"{count_parameters(network):,} parameters"
    )
    folder.mkdir(parents=True, exist_ok=True)
    seen = [view.see(a) for a in train]
    task = FieldTask(network, seen, [view.see(a) for a in kept], settings)
    best = fit(task, settings.schedule, folder, resume=resume).requires_grad_(False).eval()
    codec = with_prototypes(Codec(CodecSpec(model=settings.model, flow=settings.flow), best, {}), seen)
    save_codec(folder / f"{settings.name}.safetensors", codec)  # before further computation
    if settings.prior.kinds:
        conditions = train_conditions(train)
        latent, table = codec.encode(seen), conditions.table(train)
        codec = with_priors(codec, latent, table, conditions, settings, folder, resume=resume)
    log = folder / "log.csv"
    codec, model = finish(ACCOUNT, settings, codec, kept, folder, training=spent(log), console=console)
    draw_learning(folder / "learning.png", [(log, *p) for p in PANELS], title=settings.name, size=(11, 3.4))
    draw_field(folder / "field.png", codec, kept[0])
    draw_latent(folder / "latent.png", codec, train)
    draw_between(folder / "between.png", codec, kept)
    return model


def _crystals(name: str, beside: Path, console: Console) -> list[Atoms]:
    """Ordered crystals of a file; others are counted."""
    path = find_file(name, beside)
    kept, refused = sift_crystals(read_each(path))
    if refused:
        row, reason = next(iter(refused.items()))
        console.print(f"{len(refused)} crystals of {path.name} left out, the first as frame {row}: {reason}")
    return list(kept.values())


def _informed(model: PublishedSpec | PeriodicSpec, train: Sequence[Atoms]) -> PublishedSpec | PeriodicSpec:
    """The spec, with elements and sizes of the training crystals."""
    species = species_of(train)
    if model.kind == "periodic":
        return replace(model, species=species, most=max(map(len, train)))
    return replace(model, species=species, box=tuple(np.max([a.positions.max(0) for a in train], axis=0).tolist()))
