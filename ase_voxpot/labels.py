"""Frames from files, and the energies, forces and stresses that somebody wrote into them.

Training and scoring read the same labels in the same way: from ``atoms.info`` and
``atoms.arrays`` under the names in ``LabelKeys``, else from the results stored with the
frame (a ``SinglePointCalculator``).  A frame without energy or forces is an error with
a count, never a frame less; a missing stress is fine.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.disorder import refuse_disorder
from ase_voxpot.errors import DataError, MissingLabelsError, VoxPotError
from ase_voxpot.readers import read_structures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["LabelKeys", "Labels", "labels_of", "read_each", "read_frames"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelKeys:
    """Names under which a data set keeps its labels.

    >>> LabelKeys(energy="dft_energy").forces
    'REF_forces'
    """

    energy: str = "REF_energy"  # in atoms.info, eV of the whole frame
    forces: str = "REF_forces"  # in atoms.arrays, eV/Å
    stress: str = "REF_stress"  # in atoms.info, eV/Å³, positive under tension


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What is known of one frame."""

    energy: float  # eV
    forces: Float[np.ndarray, "atom 3"]  # eV/Å
    stress: Float[np.ndarray, " 6"] | None  # eV/Å³, Voigt xx yy zz yz xz xy, ASE sign
    group: str  # info["config_type"], or "default"


def read_frames(path: str | Path, index: str = ":", *, disorder: bool = False) -> list[Atoms]:
    """Frames of a file in any format that ASE knows, compressed or not.

    Args:
        path: the file.
        index: which frames, as a slice: ``:`` for all, ``-1:`` for the last.
        disorder: take frames with partially occupied sites, one atom on each, as ASE's readers leave them.

    Raises:
        DataError: the file is missing, unreadable or holds no frames.
        OccupancyError: a frame with partially occupied sites.
    """
    frames = []
    for number, found in enumerate(read_each(path, index)):
        where = f"{path}: frame {number}" if number or index == ":" else f"{path}"
        try:
            if isinstance(found, VoxPotError):
                raise found
            if not disorder:
                refuse_disorder(found)
        except VoxPotError as error:
            raise type(error)(f"{where}: {error}") from None
        frames.append(found)
    return frames


def read_each(path: str | Path, index: str = ":") -> list[Atoms | VoxPotError]:
    """As ``read_frames``, with an error in the place of a frame that cannot be read where the others can.

    Partially occupied sites are left as they are, see ``disorder``.

    Raises:
        DataError: the file is missing, unreadable or holds no frames.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(
            f"{path}: expected a file with atomic structures, got {'a folder' if path.is_dir() else 'none'}"
        )
    try:
        frames = read_structures(path, index)
    except VoxPotError as error:
        raise type(error)(f"{path}: {error}") from None
    except Exception as error:  # the readers of ASE raise whatever their parser stumbles over
        reason = " ".join(str(error).split())[:160]
        raise DataError(
            f"{path}: expected a structure file that ASE can read, such as extended XYZ, "
            f"got {type(error).__name__}{f' ({reason})' if reason else ''}"
        ) from None
    if not frames:
        raise DataError(f"{path}: expected at least one structure, got an empty file")
    return frames


def labels_of(frames: Sequence[Atoms], keys: LabelKeys | None = None) -> list[Labels]:
    """The labels of every frame, in order.

    Args:
        frames: structures as ``read_frames`` returns them; not changed.
        keys: where the labels stand; ``REF_energy`` and its sisters by default.

    Raises:
        MissingLabelsError: frames lack energy or forces; says how many, and which keys
            the file has instead.
        DataError: a label is not finite or has the wrong shape; names the frame.
    """
    keys = keys or LabelKeys()
    found = [_raw(atoms, keys) for atoms in frames]
    _refuse_missing(frames, found, keys)
    return [_checked(atoms, raw, number) for number, (atoms, raw) in enumerate(zip(frames, found, strict=True))]


def _raw(atoms: Atoms, keys: LabelKeys) -> dict[str, Any]:
    """Labels as they were written; what is not there is None."""
    from ase.calculators.singlepoint import SinglePointCalculator

    stored = atoms.calc.results if isinstance(atoms.calc, SinglePointCalculator) else {}
    return {
        "energy": atoms.info.get(keys.energy, stored.get("energy")),
        "forces": atoms.arrays.get(keys.forces, stored.get("forces")),
        "stress": atoms.info.get(keys.stress, stored.get("stress")),
    }


def _refuse_missing(frames: Sequence[Atoms], found: Sequence[dict[str, Any]], keys: LabelKeys) -> None:
    lacking = [n for n, raw in enumerate(found) if raw["energy"] is None or raw["forces"] is None]
    if not lacking:
        return
    energies = sum(raw["energy"] is None for raw in found)
    forces = sum(raw["forces"] is None for raw in found)
    seen = sorted({key for n in lacking for key in _keys_of(frames[n])})
    raise MissingLabelsError(
        f"expected {keys.energy!r} and {keys.forces!r} in every frame, but {len(lacking)} of {len(found)} frames "
        f"(first: frame {lacking[0]}) lack them ({energies} without energy, {forces} without forces); "
        f"the keys seen there are {', '.join(seen) or 'none'}: name the right ones, or label the frames"
    )


def _keys_of(atoms: Atoms) -> set[str]:
    """Everything in a frame that could be a label."""
    stored = set(atoms.calc.results) if atoms.calc is not None else set()
    return set(atoms.info) | (set(atoms.arrays) - {"numbers", "positions"}) | stored


def _checked(atoms: Atoms, raw: dict[str, Any], number: int) -> Labels:
    energy = _numbers(raw["energy"], "energy", number)
    forces = _numbers(raw["forces"], "forces", number)
    if energy.size != 1:
        raise DataError(f"frame {number}: expected one energy, got {energy.size} numbers")
    if forces.shape != (len(atoms), 3):
        raise DataError(f"frame {number}: expected forces of shape {(len(atoms), 3)}, got {forces.shape}")
    stress = None if raw["stress"] is None else _voigt(_numbers(raw["stress"], "stress", number), number)
    group = str(atoms.info.get("config_type", "default"))
    return Labels(energy=float(energy.item()), forces=forces, stress=stress, group=group)


def _numbers(value: Any, name: str, number: int) -> np.ndarray:
    try:
        array = np.array(value, dtype=float)
    except (TypeError, ValueError):
        raise DataError(f"frame {number}: expected numbers as {name}, got {str(value)[:60]!r}") from None
    if not np.isfinite(array).all():
        raise DataError(f"frame {number}: expected finite {name}, got NaN or infinity; remove or relabel the frame")
    return array


def _voigt(stress: np.ndarray, number: int) -> Float[np.ndarray, " 6"]:
    """Six numbers, nine numbers or a matrix as xx yy zz yz xz xy; matrices are symmetrised."""
    if stress.shape == (6,):
        return stress
    if stress.size != 9:
        raise DataError(f"frame {number}: expected a stress of 6 or 3x3 numbers, got shape {stress.shape}")
    full = stress.reshape(3, 3)
    full = (full + full.T) / 2
    return full[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
