"""Codecs and generators by model file: a structure field or a voxel autoencoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ase_voxpot.errors import SchemaError
from voxpot_crystals.models import find_model
from voxpot_training.artifacts import kind_of

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

__all__ = ["load_codec", "load_generator"]

KINDS = ("structure_field", "generative")


def load_codec(model: str | Path) -> Any:
    """The codec of a model, which encodes and decodes crystals.

    Raises:
        WeightsError: neither a shipped name nor a file; ``SchemaError`` foreign, or of another kind.
    """
    return _module(model).load_codec(model)


def load_generator(model: str | Path) -> Any:
    """The generator of a model, which samples new crystals.

    Raises:
        WeightsError: neither a shipped name nor a file; ``SchemaError`` foreign, or of another kind.
    """
    return _module(model).load_generator(model)


def _module(model: str | Path) -> ModuleType:
    from voxpot_crystals.latent import structure_field, voxel_vae

    kind = kind_of(find_model(model))
    if kind not in KINDS:
        raise SchemaError(f"{model}: expected a model of kind {' or '.join(KINDS)}, got {kind!r}")
    return structure_field if kind == "structure_field" else voxel_vae
