"""How well a structure field does: the table on the screen, and the card beside the weights."""

from __future__ import annotations

import csv
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ase_voxpot.spec import encode
from voxpot_training.autoencoders.tables import score_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from voxpot_training.autoencoders.scores import ReconstructionScores
    from voxpot_training.structure_field.codec import Codec
    from voxpot_training.structure_field.config import FieldConfig

__all__ = ["card_as_data", "card_as_markdown"]

PUBLISHED = {
    "wrong number of atoms": "0.53 %",
    "position error, actual": "0.0308 Å",
    "species error, actual": "4.31 %",
    "species error, detected": "4.36 %",
}
"""Chiba et al. 2023, on another set of crystals (ICSG3D)."""


def card_as_data(config: FieldConfig, scores: ReconstructionScores, log: Path) -> dict[str, Any]:
    """What is stored with the weights."""
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        "name": config.name,
        "about": config.about,
        "validity": config.validity,
        "validation": asdict(scores),
        "training": {"epochs": len(rows), "minutes": round(float(rows[-1]["seconds"]) / 60, 1) if rows else 0},
        "config": encode(config),
    }


def card_as_markdown(config: FieldConfig, codec: Codec, card: Mapping[str, Any]) -> str:
    """The same for people, to lie beside the weights."""
    model, spent = codec.spec.model, card["training"]
    parameters = sum(p.numel() for p in codec.network.parameters())
    return "\n".join(
        [
            f"# {config.name}",
            "",
            config.about,
            "",
            f"- {model.kind} structure field, {parameters:,} parameters, latent vectors of {model.latent} numbers",
            f"- {len(model.species)} species: {', '.join(model.species)}",
            f"- data: {config.train}; validated, and scored below, on {config.validation}",
            f"- trained for {spent['epochs']} epochs, {spent['minutes']:g} minutes",
            f"- valid for: {config.validity or 'what the data hold'}",
            f"- made by: `voxpot train training/configs/{config.name}.toml`",
            "",
            f"Reconstruction of the {card['validation']['crystals']} validation crystals:",
            "",
            "| | this model | Chiba et al. 2023, on the ICSG3D set |",
            "|---|---|---|",
            *(
                f"| {name} | {value} | {PUBLISHED.get(name, '')} |"
                for name, value in score_rows(card["validation"]).items()
            ),
            "",
            *_prior_lines(card.get("priors", {})),
        ]
    )


def _prior_lines(distance: Mapping[str, float]) -> list[str]:
    """How near the draws of every prior come to crystals that it has not seen."""
    if not distance:
        return []
    return [
        "Energy distance between latent vectors held out and those of training crystals, or drawn:",
        "",
        "| latent vectors | energy distance |",
        "|---|---|",
        *(f"| {'training' if name == 'training' else f'drawn, {name}'} | {d:.4f} |" for name, d in distance.items()),
        "",
    ]
