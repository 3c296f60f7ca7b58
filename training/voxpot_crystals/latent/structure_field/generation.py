"""New crystals from a structure field, and what may be asked of it."""

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
"""What may be asked for beside elements: structures are all that the training set holds."""


def train_conditions(crystals: Sequence[Atoms]) -> Conditions:
    """What may be asked of a model that was trained on ``crystals``."""
    return Conditions.seen_in(crystals, measures=MEASURED)


def load_generator(model: str | Path) -> Generator:
    """A model by its shipped name or path, to draw from.

    Raises:
        WeightsError: missing, damaged or foreign file; one of another kind.
    """
    return Generator(load_codec(model))
