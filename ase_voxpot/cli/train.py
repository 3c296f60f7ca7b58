"""``voxpot train``: hands a configuration to the training package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["train"]


def train(
    config: Annotated[Path, typer.Argument(help="TOML file that describes the training.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for weights, log and pictures; else as configured.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="A few epochs only, to see that it works.")] = False,
) -> None:
    """Train a model as a configuration file says: a potential, or what its key ``kind`` names.

    voxpot train training/configs/motaw.toml
    voxpot train mine.toml --output runs/mine --quick
    voxpot train mine.toml --output runs/mine --resume
    """
    from importlib import import_module

    from ase_voxpot.errors import ConfigError

    if not config.is_file():
        raise ConfigError(f"{config}: expected a configuration file, got {'a folder' if config.is_dir() else 'none'}")
    try:
        # by name, because training stands above this package and need not be installed
        training = import_module("voxpot_training.kinds")
    except ModuleNotFoundError as error:
        raise ConfigError(f"training needs the package voxpot_training with all it imports ({error})") from None
    weights = training.train(config, out=output, resume=resume, quick=quick)
    typer.echo(f"wrote {weights}")
