"""Training of a generator from a config, for ``voxpot train`` and ``kind = "generative"``.

The folder of a training holds

    labels/, vae/, prior/                            checkpoint and log of either network and of the flow prior
    NAME.safetensors, NAME.md, NAME.json             the model, its card, its errors
    train.extxyz, validation.extxyz, test.extxyz     the crystals of either side
    learning.png, slices.png, reconstructions.png, latent.png, generated.png
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from ase.io import write

from ase_voxpot.errors import CellError, DataError, StructureError, VoxPotError
from ase_voxpot.frames.labels import read_each
from ase_voxpot.plotting import screen
from voxpot_crystals.latent.training import finish, with_priors
from voxpot_crystals.latent.voxel_vae.card import ACCOUNT
from voxpot_crystals.latent.voxel_vae.codec import Codec, CodecSpec, make_networks
from voxpot_crystals.latent.voxel_vae.config import GeneratorConfig
from voxpot_crystals.latent.voxel_vae.generation import labels_of, train_conditions
from voxpot_crystals.latent.voxel_vae.maps import Viewer
from voxpot_crystals.latent.voxel_vae.pictures import draw_slices
from voxpot_crystals.latent.voxel_vae.tasks import AutoTask, LabelTask
from voxpot_crystals.regression.grouping import held_out
from voxpot_crystals.structures.checks import sift_crystals, species_of
from voxpot_crystals.structures.pictures import draw_gallery, draw_map
from voxpot_training.cards import count_parameters
from voxpot_training.config import config_from, run_folder
from voxpot_training.data import find_file
from voxpot_training.learning import draw_learning, spent
from voxpot_training.loop import fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

__all__ = ["run", "sides"]

QUICK_CRYSTALS = 96
PANELS: tuple[tuple[str, str, str], ...] = (
    ("labels", "species", "label network: voxels\ncalled by a wrong element (share)"),
    ("vae", "occupancy", "autoencoder: occupancy\n(relative squared error)"),
    ("vae", "codes", "autoencoder: element codes\n(relative squared error)"),
    ("vae", "lattice", "autoencoder: log Gram matrix\n(squared error)"),
)
"""Networks and columns of their logs that are drawn."""


def sides(frames: Sequence[Atoms], config: GeneratorConfig) -> tuple[list[Atoms], list[Atoms], list[Atoms]]:
    """Crystals to train on, to validate with, to test with; the same for the same config."""
    rng = np.random.default_rng(config.split.seed)
    rest, test = held_out(frames, config.split.by, config.split.test, rng)
    others = [frames[k] for k in rest]
    share = config.split.validation / (1 - config.split.test)
    train, valid = held_out(others, config.split.by, share, rng)
    return [others[k] for k in train], [others[k] for k in valid], [frames[k] for k in test]


def run(config: Path, *, out: Path | None = None, resume: bool = False, quick: bool = False) -> Path:
    """Train the model of ``config``.

    Args:
        config: a TOML file, see ``generative.config``.
        out: folder for everything that is written; ``runs/NAME`` by default.
        resume: continue from the checkpoints of the folder.
        quick: an epoch on some crystals, as a test.

    Returns:
        The model file.
    """
    settings, beside = config_from(GeneratorConfig, Path(config)), Path(config).parent
    console, source = screen.console(), find_file(settings.data, beside)
    frames, unfit = _visible(read_each(source), settings)
    if unfit:
        console.print(f"{len(unfit)} crystals of {source.name} left out, the first as {unfit[0]}")
    if not frames:
        raise DataError(f"{source}: expected crystals that {settings.maps.voxels}³ voxels can show; {unfit[0]}")
    if quick:
        frames, settings = frames[:QUICK_CRYSTALS], settings.in_short()
    folder, species = run_folder(out, settings.name), species_of(frames)
    spec = CodecSpec(species=species, maps=settings.maps, vae=settings.vae, labels=settings.labels)
    viewer, parts = Viewer(spec.maps, species), sides(frames, settings)
    train, valid, _ = ([viewer.see(a) for a in part] for part in parts)
    torch.manual_seed(settings.seed)
    vae, labels = make_networks(spec)
    console.print(
        f"[bold]{settings.name}[/]: {len(parts[0])} crystals to train on, {len(parts[1])} to validate, {len(parts[2])} "
        f"to test; {count_parameters(vae):,} parameters of the autoencoder, "
        f"{count_parameters(labels):,} of the label network"
    )
    for name in ("labels", "vae"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    task = LabelTask(labels, viewer, train, valid, settings)
    labels = fit(task, settings.label_schedule, folder / "labels", resume=resume, title="labels")
    auto = AutoTask(vae, labels, viewer, train, valid, settings)
    vae = fit(auto, settings.schedule, folder / "vae", resume=resume, title="autoencoder")
    codec = Codec(spec, vae.requires_grad_(False).eval(), labels.requires_grad_(False).eval(), {})
    if settings.prior.kinds:
        codec = _drawable(codec, parts[0], settings, folder, resume=resume)
    for name, part in zip(("train", "validation", "test"), parts, strict=True):
        write(folder / f"{name}.extxyz", part, format="extxyz")
    logs = {name: folder / name / "log.csv" for name in ("labels", "vae")}
    training = {name: spent(log) for name, log in logs.items()}
    codec, model = finish(ACCOUNT, settings, codec, parts[2], folder, training=training, console=console)
    panels = [(logs[part], column, name) for part, column, name in PANELS]
    draw_learning(folder / "learning.png", panels, title=settings.name, size=(12, 3.2))
    draw_slices(folder / "slices.png", codec, parts[2][:4])
    _draw_samples(folder, settings, codec, parts[0])
    return model


def _drawable(codec: Codec, train: Sequence[Atoms], config: GeneratorConfig, folder: Path, *, resume: bool) -> Codec:
    """The codec with priors, conditioned on the label of the config if there is one."""
    label = config.property
    conditions = train_conditions(train, label)
    table = conditions.table(train, {label.key: labels_of(train, label)} if label else None)
    return with_priors(codec, codec.encode(codec.see(train)), table, conditions, config, folder, resume=resume)


def _visible(found: Sequence[Atoms | VoxPotError], config: GeneratorConfig) -> tuple[list[Atoms], list[str]]:
    """The crystals that the grid resolves, and reasons for the others."""
    crystals, refused = sift_crystals(found)
    viewer = Viewer(config.maps, species_of(crystals.values()))
    kept = []
    for row, atoms in crystals.items():
        try:
            viewer.see(atoms)
        except (StructureError, CellError) as error:
            refused[row] = str(error)
        else:
            kept.append(atoms)
    return kept, [f"frame {row}: {reason}" for row, reason in sorted(refused.items())]


def _draw_samples(folder: Path, config: GeneratorConfig, codec: Codec, train: Sequence[Atoms]) -> None:
    """Figures of the latent space with samples of every prior, and of some samples."""
    label, rng = config.property, np.random.default_rng(config.seed)
    colours = {"volume per atom (Å³)": np.array([a.cell.volume / len(a) for a in train])}
    if label is not None and np.isfinite(labels_of(train, label)).all():
        colours[f"{label.key} ({label.unit})"] = labels_of(train, label)
    known = codec.priors.known if codec.priors else {}
    drawn = {name: prior.sample(len(train), None, rng) for name, prior in known.items()}
    draw_map(folder / "latent.png", codec.encode(codec.see(train)), colours, drawn)
    if not drawn:
        return
    made = [codec.decode(z).atoms for z in list(drawn.values())[-1][:24]]
    titles = ["no crystal" if a is None else a.get_chemical_formula() for a in made]
    draw_gallery(folder / "generated.png", made, titles=titles, heading=f"{config.name}: the first draws, not sorted")
