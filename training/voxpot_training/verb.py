"""``voxpot train``: train a model from a configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ase_voxpot.cli.options import Restart
from ase_voxpot.extensions import Verb

__all__ = ["TRAIN", "train"]


def train(
    config: Annotated[Path, typer.Argument(help="TOML file that describes the training.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for weights, log and pictures; else as configured.")
    ] = None,
    resume: Restart = False,
    quick: Annotated[bool, typer.Option("--quick", help="A few epochs only, as a test.")] = False,
) -> None:
    """Train a model from a configuration file: a potential, or a model of its key ``kind``.

    voxpot train training/configs/motaw.toml
    voxpot train mine.toml --output runs/mine --quick
    voxpot train mine.toml --output runs/mine --resume
    """
    from ase_voxpot.errors import ConfigError
    from voxpot_training import kinds

    if not config.is_file():
        raise ConfigError(f"{config}: expected a configuration file, got {'a folder' if config.is_dir() else 'none'}")
    weights = kinds.train(config, out=output, resume=resume, quick=quick)
    typer.echo(f"wrote {weights}")


TRAIN = Verb(train, "Models and data")
