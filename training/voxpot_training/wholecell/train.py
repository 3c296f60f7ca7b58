"""The whole study of ``training/configs/wholecell.toml``: what ``voxpot train`` runs for ``kind = "wholecell"``.

The folder of a study holds

    frames/                         made by dynamics, unless the config names others
    voxels/                         of all frames, one file per box and resolution
    networks/SPLIT/NAME/            checkpoint, log and model of every network
    NAME.safetensors                the CNN on the outer box at 8³, random split: that of the paper
    report.md, report.json, *.png   tables and pictures

Everything that is there already is taken as it is with ``--resume``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console

from ase_voxpot.cli.common import progress_bar
from ase_voxpot.errors import ConfigError
from voxpot_training.config import config_from
from voxpot_training.wholecell.config import WholeCellConfig
from voxpot_training.wholecell.experiment import train_network, voxels_of
from voxpot_training.wholecell.frames import load
from voxpot_training.wholecell.generate import generate
from voxpot_training.wholecell.splits import SPLITS, split_frames

if TYPE_CHECKING:
    from voxpot_training.wholecell.frames import FrameSet
    from voxpot_training.wholecell.model import WholeCellModel
    from voxpot_training.wholecell.splits import Split

__all__ = ["Study", "run"]

PAPER = "obb-8"
"""The network that their figures of forces are of."""


@dataclass(slots=True)
class Study:
    """Frames, splits and trained networks."""

    config: WholeCellConfig
    folder: Path
    frames: FrameSet
    splits: dict[str, Split]
    models: dict[tuple[str, str], WholeCellModel]  # by split and name

    def voxels(self, box: str, n: int) -> np.ndarray:
        """Voxels of all frames."""
        spec = replace(self.config.voxels, box=box, n=n)  # type: ignore[arg-type]
        return voxels_of(self.frames, spec, self.folder / "voxels", threads=os.cpu_count() or 1)

    def voxels_for(self, model: WholeCellModel) -> np.ndarray:
        """Those that a network was trained on."""
        return self.voxels(model.voxels.box, model.voxels.n)

    def log(self, split: str, name: str) -> Path:
        """Losses of a training."""
        return self.folder / "networks" / split / name / "log.csv"


def run(config: Path, *, out: Path | None = None, resume: bool = False, quick: bool = False) -> Path:
    """Make or read the frames, train all networks, write the report.

    Args:
        config: a TOML file, see ``voxpot_training.wholecell.config``.
        out: folder for everything that is written; ``runs/NAME`` by default.
        resume: go on with what the folder holds.
        quick: the shorter study that the config describes.

    Returns:
        The model of the paper's best network.

    Raises:
        VoxPotError: of the kind that fits: config, frames, calculator, divergence.
    """
    from voxpot_training.wholecell.report import write_report

    settings = config_from(WholeCellConfig, Path(config))
    if quick:
        settings = settings.shortened()
    folder = Path(out) if out else Path("runs") / (settings.name + ("-quick" if quick else ""))
    if not resume and (folder / "networks").exists():
        raise ConfigError(f"{folder}: holds a study already; go on with --resume, or name another folder with --output")
    console = Console()
    study = _prepared(settings, Path(config).parent, folder, console)
    for split, box, n, shape in _plan(settings):
        _train(study, split, box, n, shape)
    model = study.models["random", PAPER]
    model.card = {
        "name": settings.name,
        "frames": study.frames.about,
        "learned_from": len(study.splits["random"].train),
    }
    path = folder / f"{settings.name}.safetensors"
    model.save(path)
    write_report(study, console)
    return path


def _prepared(config: WholeCellConfig, beside: Path, folder: Path, console: Console) -> Study:
    if config.data is not None:
        place = beside / config.data
        frames = load(place if place.is_dir() else Path(config.data))
    else:
        with progress_bar() as bar:
            task = bar.add_task("frames", total=config.frames.frames)
            frames = generate(folder / "frames", config.frames, observe=lambda done: bar.update(task, completed=done))
    splits = {k: split_frames(frames, k, validation=config.validation, seed=config.seed) for k in SPLITS}
    console.print(
        f"[bold]{config.name}[/]: {len(frames):,} frames of {len(frames.numbers)} atoms; learned from and asked about: "
        + ", ".join(f"{len(s.train):,} and {len(s.validation):,} ({k})" for k, s in splits.items())
    )
    return Study(config, folder, frames, splits, {})


def _plan(config: WholeCellConfig) -> list[tuple[str, str, int, str]]:
    """Split, box, resolution and shape of every network; those of the paper first."""
    paper = [("random", box, n, "cnn") for box in ("obb", "ibb") for n in config.resolutions]
    rest = [(split, box, 8, "cnn") for split in ("block", "temperature") for box in ("obb", "ibb")]
    return [*paper, *((split, "obb", 8, "dense") for split in SPLITS), *rest]


def _train(study: Study, split: str, box: str, n: int, shape: str) -> None:
    config = study.config
    spec = replace(config.voxels, box=box, n=n)  # type: ignore[arg-type]
    name = "dense" if shape == "dense" else f"{box}-{n}"
    study.models[split, name] = train_network(
        study.frames,
        study.voxels(box, n),
        spec,
        config.dense if shape == "dense" else config.cnn,
        study.splits[split],
        config.schedule,
        study.folder / "networks" / split / name,
        seed=config.seed,
        device=config.device,
        title=f"{name}, {split} split",
    )
