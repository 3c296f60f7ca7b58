"""Scores and card of a trained model, made again after a change of its decoding.

python -m voxpot_crystals.latent.structure_field.rescore nesf-lcs6a rescored

The weights stay as they are; prototypes are taken from the training crystals where the file lacks them.  The folder
gets what the end of a training writes: the model, its card, its errors and a picture of reconstructions.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ase_voxpot.frames.labels import read_each
from ase_voxpot.plotting import screen
from ase_voxpot.spec import decode
from voxpot_crystals.latent.structure_field.card import ACCOUNT
from voxpot_crystals.latent.structure_field.codec import load_codec, with_prototypes
from voxpot_crystals.latent.structure_field.config import FieldConfig
from voxpot_crystals.latent.training import finish
from voxpot_crystals.structures.checks import sift_crystals
from voxpot_training.data import find_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

__all__ = ["rescore"]


def rescore(model: str | Path, folder: Path, crystals: Sequence[Atoms] | None = None) -> Path:
    """Score a model again and write it with its new card.

    Args:
        model: a shipped name or a path.
        folder: for all files.
        crystals: to score; those of the validation file of its training by default.

    Returns:
        The model file.
    """
    codec = load_codec(model)
    config = decode(FieldConfig, codec.card["config"])
    if codec.prototypes is None:
        codec = with_prototypes(codec, codec.see(_crystals(config.train)))
    if crystals is None:
        crystals = _crystals(config.validation)
    known, most = set(codec.spec.model.species), getattr(codec.spec.model, "most", 0)
    kept = [a for a in crystals if set(a.get_chemical_symbols()) <= known and (not most or len(a) <= most)]
    folder.mkdir(parents=True, exist_ok=True)
    bare = replace(codec, card={k: v for k, v in codec.card.items() if k == "priors"})
    _, path = finish(ACCOUNT, config, bare, kept, folder, training=codec.card["training"], console=screen.console())
    return path


def _crystals(name: str) -> list[Atoms]:
    return list(sift_crystals(read_each(find_file(name, Path.cwd())))[0].values())


def main(model: str, folder: Path) -> None:
    """Score MODEL again and write it, its card and its errors to FOLDER."""
    typer.echo(f"wrote {rescore(model, folder)}")


if __name__ == "__main__":
    typer.run(main)
