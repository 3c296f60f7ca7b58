"""Facts for the card of a structure field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxpot_crystals.latent.structure_field.codec import load_codec, save_codec
from voxpot_crystals.latent.training import Account
from voxpot_training.cards import count_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxpot_crystals.latent.structure_field.codec import Codec
    from voxpot_crystals.latent.structure_field.config import FieldConfig

__all__ = ["ACCOUNT"]

PUBLISHED = {
    "wrong number of atoms": "0.53 %",
    "position error, actual": "0.0308 Å",
    "species error, actual": "4.31 %",
    "species error, detected": "4.36 %",
}
"""Chiba et al. 2023, on another set of crystals (ICSG3D)."""


def _facts(config: FieldConfig, codec: Codec, card: Mapping[str, Any]) -> list[str]:
    model, spent = codec.spec.model, card["training"]
    return [
        f"{model.kind} structure field, {count_parameters(codec.network):,} parameters, "
        f"latent vectors of {model.latent} numbers",
        f"{len(model.species)} species: {', '.join(model.species)}",
        f"data: {config.train}; validated, and scored below, on {config.validation}",
        f"trained for {spent['epochs']} epochs, {spent['minutes']:g} minutes",
    ]


ACCOUNT = Account(
    save=save_codec,
    load=load_codec,
    facts=_facts,
    side="validation",
    published=PUBLISHED,
    source="Chiba et al. 2023, on the ICSG3D set",
)
