"""The frames that a model never saw: ``python -m voxpot_training.potential.holdout MODEL --output FILE``.

The card of a model holds its config, which determines the split; so the hold-out can be
reproduced from the data, and the errors on the card with ``voxpot evaluate``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ase_voxpot.cli.options import renamed
from ase_voxpot.errors import ConfigError, VoxPotError
from ase_voxpot.spec import decode
from ase_voxpot.weights import find_model, read_header
from voxpot_training.config import TrainConfig
from voxpot_training.data import load_frames
from voxpot_training.splits import split_frames

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["holdout_of"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def holdout_of(model: str | Path) -> list[Atoms]:
    """The held-out frames of a model, with their labels as they are in the data.

    Raises:
        ConfigError: the card has no config.
        DataError: the data are not below ``VOXPOT_DATA``.
    """
    card = read_header(find_model(model))["card"]
    if "config" not in card:
        raise ConfigError(f"{model}: expected a model whose card holds the config of its training, got none")
    config = decode(TrainConfig, card["config"], where="config")
    counting = tuple(source for source in config.data if not source.support)
    frames = load_frames(counting, config.model.species, Path()).atoms
    return [frames[row] for row in split_frames(frames, config.split).holdout]


@app.command(context_settings=renamed(out="output"))
def write(
    model: Annotated[str, typer.Argument(help="Name of a shipped model, or path of a weight file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Extended XYZ file to write.")],
) -> None:
    """Write the frames that a model was not trained on.

    python -m voxpot_training.potential.holdout motaw --output holdout.extxyz
    voxpot evaluate holdout.extxyz --model motaw
    """
    from ase.io import write as write_frames

    try:
        frames = holdout_of(model)
    except VoxPotError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(2) from None
    write_frames(output, frames, format="extxyz")
    typer.echo(f"wrote {len(frames)} frames to {output}")


if __name__ == "__main__":
    app()
