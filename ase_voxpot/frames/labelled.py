"""Labelled frames for scoring and training, and sentences on where their labels come from.

OUTCAR and vasprun.xml are read by ``ase_voxpot.vasp``, which supports their versions and marks steps that did not
converge; folders of DeePMD-kit by ``frames.deepmd``; all other files by ASE.  A pattern such as
``runs/*/vasprun.xml.gz`` stands for all that it matches.
"""

from __future__ import annotations

import glob
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ase_voxpot.errors import DataError, MissingLabelsError
from ase_voxpot.frames.deepmd import is_system, read_system
from ase_voxpot.frames.labels import LabelKeys, labels_of, read_frames
from ase_voxpot.vasp.agreement import disagreements
from ase_voxpot.vasp.atoms import UNCONVERGED, atoms_of
from ase_voxpot.vasp.reading import read_vasp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ase import Atoms

    from ase_voxpot.errors import VoxPotError
    from ase_voxpot.frames.labels import Labels, Origin
    from ase_voxpot.vasp.frames import Run

__all__ = [
    "Gathered",
    "Labelled",
    "files_of",
    "gather",
    "one_or_more",
    "only_converged",
    "origins",
    "read_computed",
    "read_labelled",
]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Structures, a label for each, and remarks on the file."""

    frames: list[Atoms]
    labels: list[Labels]
    notes: list[str]  # frames left out, with reasons
    origins: list[str]  # names of the energy and the stress used
    places: list[str] = field(default_factory=list)  # file of each frame and its number, from 0 on, if of several


@dataclass(frozen=True, slots=True)
class Gathered:
    """Frames of files as they were read, or why one could not be."""

    frames: list[Atoms | VoxPotError]
    places: list[str]  # as in ``Labelled``
    notes: list[str]


def files_of(name: str | Path, folder: Path | None = None) -> list[Path]:
    """The files and folders that a name, or a pattern with ``*``, ``?``, ``[`` or ``**``, stands for, sorted.

    Args:
        name: a name that exists is itself, whatever characters it has.
        folder: where a relative name is looked up; the present one by default.
    """
    beside = folder or Path()
    if (beside / name).exists():
        return [beside / name]
    return sorted(beside / found for found in _matches(str(name), folder))


def _matches(pattern: str, folder: Path | None) -> list[str]:
    return glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207, which refuses absolute patterns


def one_or_more(name: str | Path) -> list[Path]:
    """As ``files_of``, at least one; a name that is no pattern is left to the readers.

    Raises:
        DataError: the pattern matches nothing.
    """
    found = files_of(name)
    if not found and glob.has_magic(str(name)):
        raise DataError(f"{name}: expected files or folders that match this pattern, got none")
    return found or [Path(name)]


def read_labelled(
    paths: str | Path | Sequence[Path], keys: LabelKeys | None = None, *, unconverged: bool = False
) -> Labelled:
    """The labelled frames of a file, of a system of DeePMD-kit, or of all that a pattern matches.

    Args:
        paths: in any format of ASE, compressed or not; a pattern; or several files.
        keys: where the labels stand.
        unconverged: whether to keep frames whose electronic loop ended without converging, as the readers of VASP
            mark them in ``info``.

    Raises:
        DataError: a file cannot be read, or a label is not finite or has the wrong shape.
        MissingLabelsError: frames lack energy or forces, or no frame converged.
    """
    several, source = (one_or_more(paths), paths) if isinstance(paths, str | Path) else (paths, "the files")
    found = gather(several, read_frames)
    frames = cast("list[Atoms]", found.frames)
    where = {id(atoms): place for atoms, place in zip(frames, found.places, strict=False)}
    kept, result = only_converged(frames, source, unconverged=unconverged)
    places = [where[id(atoms)] for atoms in kept if where]
    labels = labels_of(kept, keys, places)
    return Labelled(kept, labels, [*found.notes, *result], origins([x.origin for x in labels], keys), places)


def gather(paths: Sequence[Path], read: Callable[[Path], Sequence[Atoms | VoxPotError]]) -> Gathered:
    """All frames of some files, in order.

    Args:
        paths: files in any format of ASE, compressed or not, or systems of DeePMD-kit.
        read: reader of files other than those of VASP and DeePMD-kit: ``read_frames`` or ``read_each``.

    Raises:
        DataError: a file cannot be read.
    """
    if len(paths) == 1:
        found, notes, _ = _computed(paths[0]) or (read(paths[0]), [], [])
        return Gathered([*found], [], notes)
    all_of_them = Gathered([], [], [])
    settings: list[Mapping[str, str]] = []
    for path in paths:
        found, notes, runs = _computed(path) or (read(path), [], [])
        all_of_them.frames.extend(found)
        all_of_them.places.extend(f"{path}: frame {n}" for n in range(len(found)))
        all_of_them.notes.extend(note if note.startswith(f"{path}: ") else f"{path}: {note}" for note in notes)
        settings += [run.settings for run in runs]
    all_of_them.notes.extend(disagreements(settings))
    return all_of_them


def read_computed(path: Path) -> tuple[list[Atoms], list[str]] | None:
    """The ionic steps of an OUTCAR or a vasprun.xml, or the frames of a system of DeePMD-kit; None of other files.

    Returns:
        Frames, and sentences on what is left out or not used.

    Raises:
        DataError: the file cannot be read.
    """
    found = _computed(path)
    return None if found is None else found[:2]


def _computed(path: Path) -> tuple[list[Atoms], list[str], list[Run]] | None:
    """As ``read_computed``, with the runs of VASP."""
    if is_system(path):
        return *read_system(path), []
    runs = read_vasp(path) if path.is_file() else None
    if runs is None:
        return None
    notes = [note for run in runs for note in run.notes if "equally spaced" not in note]
    return [atoms for run in runs for atoms in atoms_of(run)], notes, runs


def only_converged(frames: list[Atoms], path: str | Path, *, unconverged: bool) -> tuple[list[Atoms], list[str]]:
    """Frames without those marked as not converged, and a sentence on these.

    Args:
        frames: structures.
        path: where they are from.
        unconverged: keep all.

    Raises:
        MissingLabelsError: none is left.
    """
    kept = [atoms for atoms in frames if not atoms.info.get(UNCONVERGED)]
    count = len(frames) - len(kept)
    if not count:
        return frames, []
    if not kept and not unconverged:
        raise MissingLabelsError(
            f"{path}: expected ionic steps whose electronic loop converged, got none among {count}; raise NELM, or "
            "keep them with --unconverged (unconverged = true in a training)"
        )
    result = [_unconverged(count, len(frames), kept=unconverged)]
    return (frames, result) if unconverged else (kept, result)


def _unconverged(count: int, of: int, *, kept: bool) -> str:
    """What was done with ionic steps whose electronic loop did not converge."""
    if kept:
        return f"{count} of {of} ionic steps did not converge and count all the same, as asked for (--unconverged)"
    return f"{count} of {of} ionic steps did not converge and are left out; --unconverged counts them"


def origins(found: Sequence[Origin], keys: LabelKeys | None = None) -> list[str]:
    """Sentences on which energy and which stress were taken, and which were not.

    Args:
        found: of every frame.
        keys: where the labels stand.
    """
    energies = Counter(o.energy for o in found)
    stresses = Counter(o.stress for o in found if o.stress is not None)
    result = [f"Energy: {_counted(energies, len(found))}{_meaning(list(energies))}"]
    if stresses:
        result.append(f"Stress: {_counted(stresses, len(found))}{_sign(list(stresses), keys or LabelKeys())}")
    beside = Counter((name, why) for o in found for name, why in o.beside.items())
    return result + [
        f"{name} {why}{'' if many == len(found) else f' ({many} of {len(found)} frames)'}"
        for (name, why), many in beside.items()
    ]


def _counted(names: Counter[str], of: int) -> str:
    """Names, with the number of frames where they are not those of all."""
    if list(names.values()) == [of]:
        return next(iter(names))
    return ", ".join(f"{name} ({many} of {of} frames)" for name, many in names.items())


def _meaning(names: Sequence[str]) -> str:
    """Notes about the energies that were read."""
    free = [name for name in names if "free_energy" in name]
    if len(free) == len(names):
        return ", which the forces belong to"
    if free:
        return ": frames with and without a free energy are mixed, which may differ by the entropy of smearing"
    return ""


def _sign(names: Sequence[str], keys: LabelKeys) -> str:
    """The convention of a virial that was used."""
    if not any(name.endswith("/volume") for name in names):
        return ""
    if keys.virial_sign < 0:
        of = "GAP, GPUMD, nequip and DeePMD-kit"
        return f"; virial = -volume × stress, as {of} have it (--virial-sign 1 for the opposite)"
    return "; virial = volume × stress, as asked for (--virial-sign)"
