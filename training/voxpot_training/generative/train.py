"""From a config to a trained generator: what ``voxpot train`` runs for ``kind = "generative"``.

The folder of a training holds

    labels/, vae/, prior/                            checkpoint and log of either network, and of the flow to draw from
    NAME.safetensors, NAME.md, NAME.json             the model, its card, its errors
    train.extxyz, validation.extxyz, test.extxyz     the crystals of either side
    learning.png, slices.png, reconstructions.png, latent.png, generated.png
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from ase.io import write
from rich.console import Console

from ase_voxpot.errors import CellError, DataError, StructureError
from ase_voxpot.files import write_json
from ase_voxpot.labels import read_frames
from voxpot_training.autoencoders.pictures import draw_reconstructions
from voxpot_training.autoencoders.scores import score_reconstructions
from voxpot_training.autoencoders.tables import score_rows, score_table
from voxpot_training.config import config_from
from voxpot_training.crystal_pictures import draw_gallery, draw_map
from voxpot_training.data import find_file
from voxpot_training.generative.card import card_as_data, card_as_markdown
from voxpot_training.generative.codec import Codec, CodecSpec, load_codec, make_networks, save_codec
from voxpot_training.generative.config import GeneratorConfig
from voxpot_training.generative.generation import labels_of, train_conditions
from voxpot_training.generative.maps import Viewer
from voxpot_training.generative.pictures import draw_learning, draw_slices
from voxpot_training.generative.tasks import AutoTask, LabelTask
from voxpot_training.loop import fit
from voxpot_training.priors.fitting import fit_priors, in_short
from voxpot_training.regression.grouping import held_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

__all__ = ["run", "sides"]

QUICK_CRYSTALS, QUICK_EPOCHS = 96, 1


def sides(frames: Sequence[Atoms], config: GeneratorConfig) -> tuple[list[Atoms], list[Atoms], list[Atoms]]:
    """Crystals to train on, to validate with, to test with; the same for the same config."""
    rng = np.random.default_rng(config.split.seed)
    rest, test = held_out(frames, config.split.by, config.split.test, rng)
    others = [frames[k] for k in rest]
    share = config.split.validation / (1 - config.split.test)
    train, valid = held_out(others, config.split.by, share, rng)
    return [others[k] for k in train], [others[k] for k in valid], [frames[k] for k in test]


def run(config: Path, *, out: Path | None = None, resume: bool = False, quick: bool = False) -> Path:
    """Train what ``config`` describes.

    Args:
        config: a TOML file, see ``generative.config``.
        out: folder for everything that is written; ``runs/NAME`` by default.
        resume: take up the checkpoints of the folder.
        quick: an epoch on some crystals, to see that everything works.

    Returns:
        The model file.
    """
    from ase.data import atomic_numbers

    settings, beside = config_from(GeneratorConfig, Path(config)), Path(config).parent
    console, source = Console(), find_file(settings.data, beside)
    frames, unfit = _visible(read_frames(source), settings)
    if unfit:
        console.print(f"{len(unfit)} crystals of {source.name} left out, the first as {unfit[0]}")
    if not frames:
        raise DataError(f"{source}: expected crystals that {settings.maps.voxels}³ voxels can show; {unfit[0]}")
    if quick:
        frames = frames[:QUICK_CRYSTALS]
        short = {"epochs": QUICK_EPOCHS, "minutes": None, "validate_every": 1}
        settings = replace(
            settings,
            schedule=replace(settings.schedule, **short),
            label_schedule=replace(settings.label_schedule, **short),
        )
    folder = Path(out) if out else Path("runs") / settings.name
    species = tuple(sorted({s for a in frames for s in a.get_chemical_symbols()}, key=atomic_numbers.__getitem__))
    spec = CodecSpec(species=species, maps=settings.maps, vae=settings.vae, labels=settings.labels)
    viewer, parts = Viewer(spec.maps, species), sides(frames, settings)
    train, valid, _ = ([viewer.see(a) for a in part] for part in parts)
    torch.manual_seed(settings.seed)
    vae, labels = make_networks(spec)
    console.print(
        f"[bold]{settings.name}[/]: {len(parts[0])} crystals to train on, {len(parts[1])} to validate, {len(parts[2])} "
        f"to test; {_size(vae):,} parameters of the autoencoder, {_size(labels):,} of the label network"
    )
    for name in ("labels", "vae"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    task = LabelTask(labels, viewer, train, valid, settings)
    labels = fit(task, settings.label_schedule, folder / "labels", resume=resume, title="labels")
    auto = AutoTask(vae, labels, viewer, train, valid, settings)
    vae = fit(auto, settings.schedule, folder / "vae", resume=resume, title="autoencoder")
    codec = Codec(spec, vae.requires_grad_(False).eval(), labels.requires_grad_(False).eval(), {})
    if settings.prior.kinds:
        codec = _with_priors(settings, codec, parts[0], folder, resume=resume, quick=quick)
    return _finish(settings, codec, parts, folder, console)


def _with_priors(
    config: GeneratorConfig, codec: Codec, train: Sequence[Atoms], folder: Path, *, resume: bool, quick: bool
) -> Codec:
    """The codec, with distributions of its latent vectors; how near they come stands in its card."""
    label = config.property
    conditions = train_conditions(train, label)
    table = conditions.table(train, {label.key: labels_of(train, label)} if label else None)
    settings = in_short(config.prior) if quick else config.prior
    latent, place = codec.encode(codec.see(train)), folder / "prior"
    priors, figures = fit_priors(latent, table, conditions, settings, place, seed=config.seed, resume=resume)
    return replace(codec, priors=priors, card={"priors": figures})


def _visible(frames: Sequence[Atoms], config: GeneratorConfig) -> tuple[list[Atoms], list[str]]:
    """The crystals that can be shown, and why others cannot."""
    viewer = Viewer(config.maps, tuple(sorted({s for a in frames for s in a.get_chemical_symbols()})))
    kept, unfit = [], []
    for row, atoms in enumerate(frames):
        try:
            viewer.see(atoms)
        except (StructureError, CellError) as error:
            unfit.append(f"frame {row}: {error}")
        else:
            kept.append(atoms)
    return kept, unfit


def _size(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _finish(
    config: GeneratorConfig,
    codec: Codec,
    parts: tuple[list[Atoms], list[Atoms], list[Atoms]],
    folder: Path,
    console: Console,
) -> Path:
    """Reconstruct the test crystals; write model, card and pictures."""
    model = folder / f"{config.name}.safetensors"
    save_codec(model, codec)  # before anything more is computed
    codec = load_codec(model)  # what is scored is what is kept, rounded as it is
    train, _, test = parts
    for name, part in zip(("train", "validation", "test"), parts, strict=True):
        write(folder / f"{name}.extxyz", part, format="extxyz")
    found = codec.reconstruct(test)
    scores = score_reconstructions(test, found)
    console.print(score_table(scores, title=f"{config.name} on {scores.crystals} test crystals"))
    card = card_as_data(config, scores, folder) | codec.card
    save_codec(model, replace(codec, card=card))
    write_json(model.with_suffix(".json"), asdict(scores))
    model.with_suffix(".md").write_text(card_as_markdown(config, codec, card, score_rows(asdict(scores))), "utf-8")
    draw_learning(folder / "learning.png", folder, title=config.name)
    draw_slices(folder / "slices.png", codec, test[:4])
    draw_reconstructions(folder / "reconstructions.png", test, found)
    _draw_samples(folder, config, codec, train)
    return model


def _draw_samples(folder: Path, config: GeneratorConfig, codec: Codec, train: Sequence[Atoms]) -> None:
    """Where crystals lie in the latent space, with draws from every prior; and some that were drawn."""
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
