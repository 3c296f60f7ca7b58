"""New crystals from a trained generator, and what is to be thought of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from voxpot_training.generative.codec import load_codec
from voxpot_training.generative.screening import screen
from voxpot_training.priors.conditions import Conditions
from voxpot_training.structure_field.generation import Generator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms

    from voxpot_training.generative.config import Label

__all__ = ["VoxelGenerator", "load_generator", "train_conditions"]

MEASURED = ("volume_per_atom",)


def train_conditions(crystals: Sequence[Atoms], label: Label | None) -> Conditions:
    """What may be asked of a model that was trained on ``crystals``: elements, volume, and their label."""
    values = None if label is None else {label.key: (labels_of(crystals, label), label.unit)}
    return Conditions.seen_in(crystals, measures=MEASURED, values=values)


def labels_of(crystals: Sequence[Atoms], label: Label) -> np.ndarray:
    """The label of every crystal, NaN of those without."""
    return np.array([float(a.info.get(label.key, np.nan)) for a in crystals])


@dataclass(frozen=True, slots=True)
class VoxelGenerator(Generator):
    """Draws crystals, and screens them."""

    def screen(self, crystals: Sequence[Atoms]) -> list[dict[str, Any]]:
        """Counts: valid, repeated, passed; each crystal is told in ``info["screened"]``.

        Whether a crystal is new can be said with the training set alone, which a model file does not hold.
        """
        found = screen(crystals, [])
        for atoms, reason in zip(crystals, found.reasons, strict=True):
            atoms.info["screened"] = reason or "passed"
        return [
            {"": name, "crystals": count, "share": count / max(len(crystals), 1)}
            for name, count in found.counts.items()
            if count or name in ("crystals", "passed")
        ]


def load_generator(model: str | Path) -> VoxelGenerator:
    """A model by its shipped name or path, to draw from.

    Raises:
        WeightsError: missing, damaged or foreign file; one of another kind.
    """
    return VoxelGenerator(load_codec(model))
