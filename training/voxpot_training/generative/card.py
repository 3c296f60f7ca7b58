"""How well a generator does: the card beside the weights."""

from __future__ import annotations

import csv
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ase_voxpot.spec import encode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from voxpot_training.autoencoders.scores import ReconstructionScores
    from voxpot_training.generative.codec import Codec
    from voxpot_training.generative.config import GeneratorConfig

__all__ = ["card_as_data", "card_as_markdown"]

PUBLISHED = {
    "StructureMatcher": "51.65 % (Cond-DFC-VAE), 97.5 % (CDVAE)",
    "wrong number of atoms": "2.67 % (ICSG3D, another set)",
    "position error, actual": "0.0877 Å (ICSG3D, another set)",
    "species error, actual": "64.4 % (ICSG3D, another set)",
}
"""As T. Xie et al., ICLR 2022, and N. Chiba et al. 2023 quote them."""


def _spent(log: Path) -> dict[str, Any]:
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {"epochs": len(rows), "minutes": round(float(rows[-1]["seconds"]) / 60, 1) if rows else 0}


def card_as_data(config: GeneratorConfig, scores: ReconstructionScores, folder: Path) -> dict[str, Any]:
    """What is stored with the weights."""
    return {
        "name": config.name,
        "about": config.about,
        "validity": config.validity,
        "test": asdict(scores),
        "training": {part: _spent(folder / part / "log.csv") for part in ("labels", "vae")},
        "config": encode(config),
    }


def card_as_markdown(config: GeneratorConfig, codec: Codec, card: Mapping[str, Any], rows: Mapping[str, str]) -> str:
    """The same for people, to lie beside the weights; ``rows`` are the errors on the test crystals."""
    spec, spent = codec.spec, card["training"]
    sizes = [sum(p.numel() for p in network.parameters()) for network in (codec.vae, codec.labels)]
    return "\n".join(
        [
            f"# {config.name}",
            "",
            config.about,
            "",
            f"- pictures of {spec.maps.voxels}³ voxels on the unit torus, {spec.maps.channels} channels; "
            f"latent vectors of {spec.vae.latent} numbers",
            f"- {sizes[0]:,} parameters of the autoencoder, {sizes[1]:,} of the label network",
            f"- {len(spec.species)} species: {', '.join(spec.species)}",
            f"- data: {config.data}, split by {config.split.by}: {config.split.test:.0%} kept for the test below, "
            f"{config.split.validation:.0%} for validation",
            f"- trained for {spent['labels']['minutes']:g} + {spent['vae']['minutes']:g} minutes of one core",
            f"- valid for: {config.validity or 'what the data hold'}",
            f"- made by: `voxpot train training/configs/{config.name}.toml`",
            "",
            f"Reconstruction of the {card['test']['crystals']} test crystals, nothing forced:",
            "",
            "| | this model | published |",
            "|---|---|---|",
            *(f"| {name} | {value} | {PUBLISHED.get(name, '')} |" for name, value in rows.items()),
            "",
        ]
    )
