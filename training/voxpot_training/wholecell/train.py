"""The study of ``training/configs/wholecell.toml``, for ``voxpot train`` and ``kind = "wholecell"``.

The folder of a study holds

    frames/                         made by dynamics, unless the config gives others
    voxels/                         of all frames, one file per box and resolution
    networks/SPLIT/NAME/            checkpoint, log and model of every network
    potentials/SPLIT/               the same of an atom-centred potential
    NAME.safetensors                the CNN on the outer box at 8³, random split, with the better γ
    study.json                      parameters of the training
    report.md, report.json, *.png   tables and pictures

With ``--resume`` existing files are reused.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ase_voxpot.errors import ConfigError
from ase_voxpot.plotting.screen import console, progress_bar
from ase_voxpot.spec import encode
from ase_voxpot.storage.files import write_json
from voxpot_training.config import config_from, run_folder
from voxpot_training.wholecell.atom_centred import train_potential
from voxpot_training.wholecell.config import WholeCellConfig
from voxpot_training.wholecell.experiment import train_network
from voxpot_training.wholecell.frames import load
from voxpot_training.wholecell.generate import generate
from voxpot_training.wholecell.pictures import losses_of
from voxpot_training.wholecell.report import write_report
from voxpot_training.wholecell.splits import SPLITS, split_frames
from voxpot_training.wholecell.study import Entry, Study

if TYPE_CHECKING:
    from voxpot_training.wholecell.model import WholeCellModel

__all__ = ["run"]

LEARNED = ("voxels", "narrow", "cnn", "dense", "schedule", "potential", "validation", "seed")
"""Keys of the config that networks and potentials depend on."""


def run(config: Path, *, out: Path | None = None, resume: bool = False, quick: bool = False) -> Path:
    """Make or read the frames, train all networks, write the report.

    Args:
        config: a TOML file, see ``voxpot_training.wholecell.config``.
        out: folder for everything that is written; ``runs/NAME`` by default.
        resume: reuse the files of the folder.
        quick: the shorter study that the config describes.

    Returns:
        The model of the paper's best network.

    Raises:
        VoxPotError: of the kind that fits: config, frames, calculator, divergence.
    """
    settings = config_from(WholeCellConfig, Path(config))
    if quick:
        settings = settings.shortened()
    folder = run_folder(out, settings.name + ("-quick" if quick else ""))
    if not resume and (folder / "networks").exists():
        raise ConfigError(f"{folder}: holds a study already; go on with --resume, or name another folder with --output")
    _refuse_other(settings, folder)
    study = _prepared(settings, Path(config).parent, folder)
    plan = _plan(settings)
    for number, entry in enumerate(plan):
        _train(study, entry, f"{number + 1} of {len(plan)}")
    for name, split in study.splits.items():
        study.potentials[name] = train_potential(
            study.frames,
            split,
            settings.potential,
            folder / "potentials" / name,
            seed=settings.seed,
            title=f"atom-centred potential, {name} split",
        )
    path = folder / f"{settings.name}.safetensors"
    _best(study).save(path)
    write_report(study, console())
    return path


def _refuse_other(config: WholeCellConfig, folder: Path) -> None:
    """Raise if the folder holds networks of another config."""
    path, wanted = folder / "study.json", {key: encode(getattr(config, key)) for key in LEARNED}
    if path.is_file():
        try:
            known = json.loads(path.read_text())
            changed = [key for key in LEARNED if known[key] != wanted[key]]
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"{path}: expected what a study was trained with, got something else ({error})") from None
        if changed:
            raise ConfigError(
                f"{folder}: holds a study with other {', '.join(changed)}; name another folder with --output"
            )
    folder.mkdir(parents=True, exist_ok=True)
    write_json(path, wanted)


def _best(study: Study) -> WholeCellModel:
    """The CNN on the outer box at 8³, with the better γ."""
    chosen = min(
        (e for e in study.models if (e.split, e.name) == ("random", "obb-8")),
        key=lambda e: losses_of(study.losses(e))[1].min(),
    )
    model = study.models[chosen]
    card = {"name": study.config.name, "frames": study.frames.about, "split": "random"}
    return replace(model, card=card | {"validation_loss": float(losses_of(study.losses(chosen))[1].min())})


def _prepared(config: WholeCellConfig, beside: Path, folder: Path) -> Study:
    if config.data is not None:
        place = beside / config.data
        frames = load(place if place.is_dir() else Path(config.data))
    else:
        with progress_bar() as bar:
            task = bar.add_task("frames", total=config.frames.frames)
            frames = generate(folder / "frames", config.frames, observe=lambda done: bar.update(task, completed=done))
    splits = {k: split_frames(frames, k, validation=config.validation, seed=config.seed) for k in SPLITS}
    console().print(
        f"[bold]{config.name}[/]: {len(frames):,} frames of {len(frames.numbers)} atoms; learned from and asked about: "
        + ", ".join(f"{len(s.train):,} and {len(s.validation):,} ({k})" for k, s in splits.items())
    )
    return Study(config, folder, frames, splits, {}, {})


def _plan(config: WholeCellConfig) -> list[Entry]:
    """All networks; those of the paper first."""
    plan = []
    for narrow in (False, True):
        plan += [Entry("random", box, n, "cnn", narrow) for box in ("obb", "ibb") for n in config.resolutions]
        plan += [Entry(split, "obb", 8, "dense", narrow) for split in SPLITS]
        plan += [Entry(split, box, 8, "cnn", narrow) for split in SPLITS for box in ("obb", "ibb") if split != "random"]
    return plan


def _train(study: Study, entry: Entry, number: str) -> None:
    config, spec = study.config, study.spec(entry)
    study.models[entry] = train_network(
        study.frames,
        study.voxels(spec),
        spec,
        config.dense if entry.shape == "dense" else config.cnn,
        study.splits[entry.split],
        config.schedule,
        study.place(entry),
        seed=config.seed,
        device=config.device,
        title=f"{number}: {entry.name}, γ {spec.gamma:g}, {entry.split} split",
    )
