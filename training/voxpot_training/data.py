"""Labelled frames from the files that a config names."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ase_voxpot.errors import DataError, UnknownElementError
from ase_voxpot.labels import LabelKeys, labels_of, read_frames

if TYPE_CHECKING:
    from ase import Atoms

    from ase_voxpot.labels import Labels
    from voxpot_training.config import DataConfig

__all__ = ["find_file", "load_frames"]


def find_file(name: str, beside: Path) -> Path:
    """A data file beside the config, or below the folder that ``VOXPOT_DATA`` names.

    Raises:
        DataError: it is in neither place.
    """
    places = [beside / name]
    if "VOXPOT_DATA" in os.environ:
        places.append(Path(os.environ["VOXPOT_DATA"]) / name)
    for place in places:
        if place.is_file():
            return place
    hint = "" if "VOXPOT_DATA" in os.environ else "; set VOXPOT_DATA to the folder that holds the data sets"
    raise DataError(f"expected the data file {name}, found it at none of {', '.join(map(str, places))}{hint}")


def load_frames(config: DataConfig, species: tuple[str, ...], beside: Path) -> tuple[list[Atoms], list[Labels]]:
    """All frames of all files with their labels.

    Raises:
        DataError: a file is missing or unreadable; ``MissingLabelsError`` frames without labels.
        UnknownElementError: frames with elements that the model is not to have.
    """
    keys = LabelKeys(energy=config.energy_key, forces=config.forces_key, stress=config.stress_key)
    frames: list[Atoms] = []
    labels: list[Labels] = []
    for name in config.files:
        path = find_file(name, beside)
        found = read_frames(path)
        try:
            labels += labels_of(found, keys)
        except DataError as error:
            raise type(error)(f"{path}: {error}") from None
        frames += found
    foreign = sorted({s for a in frames for s in a.get_chemical_symbols()} - set(species))
    if foreign:
        raise UnknownElementError(
            f"the frames hold {', '.join(foreign)}, but model.species names {', '.join(species)}; add or remove them"
        )
    if config.offsets:
        labels = [_shifted(label, atoms, config.offsets) for label, atoms in zip(labels, frames, strict=True)]
    return frames, labels


def _shifted(label: Labels, atoms: Atoms, offsets: dict[str, float]) -> Labels:
    shift = sum(offsets.get(symbol, 0.0) for symbol in atoms.get_chemical_symbols())
    return replace(label, energy=label.energy + shift)
