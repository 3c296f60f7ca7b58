"""Facts for the card of a generator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxpot_crystals.latent.training import Account
from voxpot_crystals.latent.voxel_vae.codec import load_codec, save_codec
from voxpot_training.cards import count_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxpot_crystals.latent.voxel_vae.codec import Codec
    from voxpot_crystals.latent.voxel_vae.config import GeneratorConfig

__all__ = ["ACCOUNT"]

PUBLISHED = {
    "StructureMatcher": "51.65 % (Cond-DFC-VAE), 97.5 % (CDVAE)",
    "wrong number of atoms": "2.67 % (ICSG3D, another set)",
    "position error, actual": "0.0877 Å (ICSG3D, another set)",
    "species error, actual": "64.4 % (ICSG3D, another set)",
}
"""As T. Xie et al., ICLR 2022, and N. Chiba et al. 2023 quote them."""


def _facts(config: GeneratorConfig, codec: Codec, card: Mapping[str, Any]) -> list[str]:
    spec, spent, split = codec.spec, card["training"], config.split
    return [
        f"pictures of {spec.maps.voxels}³ voxels on the unit torus, {spec.maps.channels} channels; "
        f"latent vectors of {spec.vae.latent} numbers",
        f"{count_parameters(codec.vae):,} parameters of the autoencoder, "
        f"{count_parameters(codec.labels):,} of the label network",
        f"{len(spec.species)} species: {', '.join(spec.species)}",
        f"data: {config.data}, split by {split.by}: {split.test:.0%} kept for the test below, "
        f"{split.validation:.0%} for validation",
        f"trained for {spent['labels']['minutes']:g} + {spent['vae']['minutes']:g} minutes of one core",
    ]


ACCOUNT = Account(save=save_codec, load=load_codec, facts=_facts, side="test", published=PUBLISHED, source="published")
