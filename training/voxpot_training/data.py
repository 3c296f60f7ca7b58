"""Labelled frames from the sources of a config."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import DataError, UnknownElementError
from ase_voxpot.frames.labelled import files_of, read_labelled
from ase_voxpot.frames.labels import LabelKeys
from ase_voxpot.storage.files import data_folders
from voxpot_training.references import Origin, refuse_mixed_references
from voxpot_training.zeros import Zero

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from ase_voxpot.frames.labels import Labels
    from voxpot_training.config import Source

__all__ = ["Frames", "find_data", "find_file", "load_frames"]

MANY = 6
"""Files from which on a remark that they share is made once."""


def find_file(name: str, beside: Path) -> Path:
    """A data file beside the config, in the folder that ``VOXPOT_DATA`` names, or in ``training/data`` of a checkout.

    Raises:
        DataError: it is in none of these places.
    """
    places = [beside / name, *(folder / name for folder in data_folders())]
    for place in places:
        if place.is_file():
            return place
    raise DataError(_nowhere(f"the data file {name}", places))


def find_data(name: str, beside: Path) -> list[Path]:
    """As ``find_file``, of a file, a system of DeePMD-kit, or all that a pattern matches in the first of the places.

    Raises:
        DataError: nothing is in any of the places.
    """
    folders = [beside, *data_folders()]
    for folder in folders:
        if found := files_of(name, folder):
            return found
    raise DataError(_nowhere(f"the data file {name}", [folder / name for folder in folders]))


def _nowhere(what: str, places: Sequence[Path]) -> str:
    hint = "" if "VOXPOT_DATA" in os.environ else "; set VOXPOT_DATA to the folder that holds the data sets"
    return f"expected {what}, found it at none of {', '.join(map(str, places))}{hint}"


@dataclass(frozen=True, slots=True)
class Frames:
    """Structures, labels and weights of all sources, row by row."""

    atoms: list[Atoms]
    labels: list[Labels]
    weights: list[float]  # weight of each frame in the loss
    emphasis: list[float]  # factor of the weight, not used for error estimates
    support: list[bool]
    energy_weights: list[float] = field(default_factory=list)  # factor of the energies in the loss; none means 1
    shares: list[float | None] = field(default_factory=list)  # drawn in an epoch; None is that of the schedule
    names: list[str] = field(default_factory=list)  # file and number, from 1 on
    notes: list[str] = field(default_factory=list)  # remarks on labels used and frames left out

    def first(self, count: int) -> Frames:
        """The first rows, with all remarks."""
        rows = {f.name: getattr(self, f.name)[:count] for f in fields(self) if f.name != "notes"}
        return replace(self, **rows)


def load_frames(sources: Sequence[Source], species: tuple[str, ...], beside: Path) -> Frames:
    """All frames of all sources with their labels.

    Raises:
        DataError: a file is missing or unreadable, or sources count energies from different zeros;
            ``MissingLabelsError`` frames without labels.
        UnknownElementError: frames with elements that are not in the spec.
    """
    frames = Frames([], [], [], [], [])
    number: list[int] = []
    remarks: list[tuple[str, str]] = []
    for k, source in enumerate(sources):
        found, labels, names = _read(find_data(source.file, beside), source, remarks)
        frames.atoms.extend(found)
        frames.labels.extend(_shifted(x, a, source) for x, a in zip(labels, found, strict=True))
        frames.weights.extend([source.weight] * len(found))
        frames.energy_weights.extend([source.energy_weight] * len(found))
        frames.emphasis.extend(_emphasis(found, source))
        frames.support.extend([source.support] * len(found))
        frames.shares.extend([source.share] * len(found))
        frames.names.extend(names)
        number.extend([k] * len(found))
    frames.notes.extend(_merged(remarks))
    foreign = sorted({s for a in frames.atoms for s in a.get_chemical_symbols()} - set(species))
    if foreign:
        raise UnknownElementError(
            f"the frames hold {', '.join(foreign)}, but model.species names {', '.join(species)}; add or remove them"
        )
    stated = [frozenset(e for e, v in source.offsets.items() if v == 0.0) for source in sources]
    origins = [Origin(source.file, accepted) for source, accepted in zip(sources, stated, strict=True)]
    refuse_mixed_references(origins, number, frames.atoms, frames.labels)
    return frames


def _read(
    paths: list[Path], source: Source, remarks: list[tuple[str, str]]
) -> tuple[list[Atoms], list[Labels], list[str]]:
    """The frames of a source, their labels and names; its name and sentences are appended to ``remarks``."""
    keys = LabelKeys(
        energy=source.energy_key,
        forces=source.forces_key,
        stress=source.stress_key,
        virial=source.virial_key,
        virial_sign=source.virial_sign,
    )
    try:
        found = read_labelled(paths, keys, unconverged=source.unconverged)
    except DataError as error:
        named = any(str(error).startswith(str(path)) for path in paths)
        where = paths[0] if len(paths) == 1 else source.file
        raise type(error)(str(error) if named else f"{where}: {error}") from None
    remarks.extend((source.file, sentence) for sentence in (*found.origins, *found.notes))
    names = found.places or [f"frame {n} of {source.file}" for n in range(1, len(found.frames) + 1)]
    return found.frames, found.labels, names


def _merged(remarks: Sequence[tuple[str, str]]) -> list[str]:
    """Remarks as sentences, one for all files that share it if they are many."""
    files: dict[str, list[str]] = {}
    for file, sentence in remarks:
        files.setdefault(sentence, []).append(file)
    result = []
    for file, sentence in remarks:
        sharing = files[sentence]
        if len(sharing) < MANY:
            result.append(f"{file}: {sentence}")
        elif file == sharing[0]:
            result.append(f"{file} and {len(sharing) - 1} others: {sentence}")
    return result


def _emphasis(found: Sequence[Atoms], source: Source) -> list[float]:
    """Factor of the weight of each frame in the loss.

    Raises:
        DataError: a pattern matches no frame.
    """
    texts = [" ".join(str(atoms.info.get(key, "")) for key in ("config_type", "note")) for atoms in found]
    factors = np.ones(len(found))
    for pattern, factor in source.emphasis.items():
        matching = [re.search(pattern, text) is not None for text in texts]
        if not any(matching):
            raise DataError(f"{source.file}: data.emphasis names {pattern!r}, which no frame has; one has {texts[0]!r}")
        factors[matching] *= factor
    return factors.tolist()


def _shifted(label: Labels, atoms: Atoms, source: Source) -> Labels:
    """The label with its energy and pressure in line with the other sources."""
    zero = Zero(
        offsets=source.offsets,
        pressures=source.pressures,
        mixing_pressure=source.mixing_pressure,
        volumes=source.volumes,
    )
    try:
        return zero.applied(label, atoms)
    except DataError as error:
        raise DataError(f"{source.file}: data.{error}") from None
