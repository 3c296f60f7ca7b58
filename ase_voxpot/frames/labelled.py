"""Labelled frames for scoring and training, and sentences on where their labels come from.

OUTCAR and vasprun.xml are read by ``ase_voxpot.vasp``, which supports their versions and marks steps that did not
converge; all other files by ASE.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ase_voxpot.errors import MissingLabelsError
from ase_voxpot.frames.labels import LabelKeys, labels_of, read_frames
from ase_voxpot.vasp.atoms import UNCONVERGED, atoms_of
from ase_voxpot.vasp.reading import read_vasp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from ase_voxpot.frames.labels import Labels, Origin

__all__ = ["Labelled", "only_converged", "origins", "read_computed", "read_labelled"]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Structures, a label for each, and remarks on the file."""

    frames: list[Atoms]
    labels: list[Labels]
    notes: list[str]  # frames left out, with reasons
    origins: list[str]  # names of the energy and the stress used


def read_labelled(path: str | Path, keys: LabelKeys | None = None, *, unconverged: bool = False) -> Labelled:
    """The labelled frames of a file.

    Args:
        path: in any format of ASE, compressed or not.
        keys: where the labels stand.
        unconverged: whether to keep frames whose electronic loop ended without converging, as the readers of VASP
            mark them in ``info``.

    Raises:
        DataError: the file cannot be read, or a label is not finite or has the wrong shape.
        MissingLabelsError: frames lack energy or forces, or no frame converged.
    """
    path = Path(path)
    computed = read_computed(path)
    frames, notes = (read_frames(path), []) if computed is None else computed
    kept, result = only_converged(frames, path, unconverged=unconverged)
    labels = labels_of(kept, keys)
    return Labelled(kept, labels, [*notes, *result], origins([label.origin for label in labels], keys))


def read_computed(path: Path) -> tuple[list[Atoms], list[str]] | None:
    """The ionic steps of an OUTCAR or a vasprun.xml, with sentences on those left out; None of other files.

    Raises:
        DataError: the file cannot be read.
    """
    runs = read_vasp(path) if path.is_file() else None
    if runs is None:
        return None
    notes = [note for run in runs for note in run.notes if "equally spaced" not in note]
    return [atoms for run in runs for atoms in atoms_of(run)], notes


def only_converged(frames: list[Atoms], path: Path, *, unconverged: bool) -> tuple[list[Atoms], list[str]]:
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
        return "; virial = -volume × stress, as GAP, GPUMD and nequip have it (--virial-sign 1 for the opposite)"
    return "; virial = volume × stress, as asked for (--virial-sign)"
