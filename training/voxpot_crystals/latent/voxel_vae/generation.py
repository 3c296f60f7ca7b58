"""Generator of the voxel autoencoder, and its conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from voxpot_crystals.latent.generation import Generator
from voxpot_crystals.latent.priors.conditions import Conditions
from voxpot_crystals.latent.voxel_vae.codec import load_codec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms

    from voxpot_crystals.latent.voxel_vae.config import Label

__all__ = ["labels_of", "load_generator", "train_conditions"]

MEASURED = ("volume_per_atom",)


def train_conditions(crystals: Sequence[Atoms], label: Label | None) -> Conditions:
    """Conditions of a model that was trained on ``crystals``: elements, volume and label."""
    values = None if label is None else {label.key: (labels_of(crystals, label), label.unit)}
    return Conditions.seen_in(crystals, measures=MEASURED, values=values)


def labels_of(crystals: Sequence[Atoms], label: Label) -> np.ndarray:
    """The label of every crystal, NaN of those without."""
    return np.array([float(a.info.get(label.key, np.nan)) for a in crystals])


def load_generator(model: str | Path) -> Generator:
    """A generator by the shipped name or path of its model.

    Raises:
        WeightsError: missing, damaged or foreign file; one of another kind.
    """
    return Generator(load_codec(model))
