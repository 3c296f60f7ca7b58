"""New crystals from a trained generator, and what is to be thought of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from voxpot_training.autoencoders.generation import Generator
from voxpot_training.generative.codec import load_codec
from voxpot_training.generative.screening import screen
from voxpot_training.generative.validity import composition_fault, structure_fault
from voxpot_training.priors.conditions import Conditions

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
        """Counts by what was found, and each crystal is told in ``info["screened"]``.

        Whether a crystal is new can be said with the training set alone, which a model file does not hold;
        repeats are found where pymatgen is installed.
        """
        if find_spec("pymatgen") is None:
            reasons = [structure_fault(a) or composition_fault(a) for a in crystals]
        else:
            reasons = list(screen(crystals, []).reasons)
        for atoms, reason in zip(crystals, reasons, strict=True):
            atoms.info["screened"] = reason or "passed"
        counts = Counter(reason or "passed" for reason in reasons)
        return [
            {"screened": name, "crystals": count, "share": count / len(crystals)}
            for name, count in counts.most_common()
        ]


def load_generator(model: str | Path) -> VoxelGenerator:
    """A model by its shipped name or path, to draw from.

    Raises:
        WeightsError: missing, damaged or foreign file; one of another kind.
    """
    return VoxelGenerator(load_codec(model))
