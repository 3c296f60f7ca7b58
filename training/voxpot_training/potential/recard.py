"""Update the texts of a model's card from its configuration, without training.

    python -m voxpot_training.potential.recard ase_voxpot/pretrained/motaw.safetensors training/configs/motaw.toml

Only about, validity, method and lattice are replaced.
Weights, spec, uncertainty and their checksum are not changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ase_voxpot.errors import ConfigError
from ase_voxpot.spec import encode
from ase_voxpot.storage.sealed import read_arrays, read_texts, write_sealed
from ase_voxpot.weights import FORMAT, SCHEMAS, load_potential
from voxpot_training.config import load_config

__all__ = ["recard"]


def recard(path: Path, config: Path) -> dict[str, object]:
    """Rewrite the card of a weight file; returns the new card.

    Args:
        path: of the weights.
        config: of their training.

    Raises:
        ConfigError: the configuration is that of another model.
        WeightsError: not a weight file, or a damaged one.
    """
    result = load_config(config)
    load_potential(path, device="cpu")  # raises for a damaged file
    texts = read_texts(path, format=FORMAT, schemas=SCHEMAS)
    card = json.loads(texts.get("card", "{}"))
    if card.get("name") != result.name:
        raise ConfigError(f"{config}: expected the configuration of {card.get('name')}, got that of {result.name}")
    card |= {
        "about": result.about,
        "validity": result.validity,
        "method": None if result.method is None else encode(result.method),
        "lattice": result.lattice,
    }
    write_sealed(path, {**texts, "card": json.dumps(card)}, read_arrays(path))
    return dict(card)


def main(
    path: Annotated[Path, typer.Argument(help="Weight file, rewritten.")],
    config: Annotated[Path, typer.Argument(help="TOML file of its training.")],
) -> None:
    """Bring the words on a model's card up to date with its configuration."""
    card = recard(path, config)
    typer.echo(f"{path}: {card['name']}, method {json.dumps(card['method'])}")


if __name__ == "__main__":
    typer.run(main)
