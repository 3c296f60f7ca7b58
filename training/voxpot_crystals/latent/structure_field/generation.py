"""Generator of a structure field, and its conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxpot_crystals.latent.generation import Generator
from voxpot_crystals.latent.priors.conditions import Conditions
from voxpot_crystals.latent.structure_field.codec import load_codec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms


__all__ = ["Generator", "load_generator", "train_conditions"]

MEASURED = ("atoms", "volume_per_atom")
"""Conditions besides elements, all from structures."""


def train_conditions(crystals: Sequence[Atoms]) -> Conditions:
    """Conditions of a model that was trained on ``crystals``."""
    return Conditions.seen_in(crystals, measures=MEASURED)


def load_generator(model: str | Path) -> Generator:
    """A generator by the shipped name or path of its model.

    Raises:
        WeightsError: missing, damaged or foreign file; one of another kind.
    """
    return Generator(load_codec(model))
