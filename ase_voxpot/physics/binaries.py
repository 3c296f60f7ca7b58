"""Labelled binaries of the training data, references of mixing energies."""

from __future__ import annotations

from ase_voxpot.frames.labels import labels_of, read_frames
from ase_voxpot.physics.recipes import Frames
from ase_voxpot.storage.files import data_folders

__all__ = ["FILE", "find_frames"]

FILE = "alloy/motaw_dft.extxyz.gz"
"""Below one of the folders with data."""
SOLUTION, STRAINED = "_SS", "_Elastic"
"""Ends of the groups of random binaries and of strained elements, whose lowest energy is that of the crystal."""


def find_frames() -> Frames | None:
    """Binaries and elements with DFT labels; None if the data are not installed.

    Raises:
        DataError: a file that cannot be read.
        MissingLabelsError: frames without labels.
    """
    path = next((folder / FILE for folder in data_folders() if (folder / FILE).is_file()), None)
    if path is None:
        return None
    frames = read_frames(path)
    pairs: dict[str, tuple[list[object], list[float]]] = {}
    elements: dict[str, float] = {}
    for atoms, label in zip(frames, labels_of(frames), strict=True):
        if label.group.endswith(SOLUTION):
            structures, energies = pairs.setdefault(label.group.removesuffix(SOLUTION), ([], []))
            structures.append(atoms)
            energies.append(label.energy)
        elif label.group.endswith(STRAINED):
            name = label.group.removesuffix(STRAINED)
            elements[name] = min(elements.get(name, float("inf")), label.energy / len(atoms))
    return Frames(pairs=pairs, elements=elements)
