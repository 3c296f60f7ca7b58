"""Systems of DeePMD-kit: folders with ``type.raw``, ``type_map.raw`` and ``set.*/{box,coord,energy,force,virial}.npy``.

Lengths are in Å, energies in eV, forces in eV/Å; a virial, in eV of the whole frame, is -volume × stress, and stands
as ``virial`` in ``info``, from which ``frames.labels`` computes the stress.  A file ``nopbc`` marks clusters; frames of
the mixed format have the types of their atoms in ``set.*/real_atom_types.npy``, with -1 for none.

Files are taken as hostile: no pickles, no arrays larger than their files, no indices out of range.  Formats:
docs.deepmodeling.com/projects/deepmd, "Data: system".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import atomic_numbers

from ase_voxpot.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms
    from jaxtyping import Float, Int

__all__ = ["instead_of", "is_system", "read_system"]

USED = ("box", "coord", "energy", "force", "virial", "real_atom_types")
"""Arrays that are read; others are named in a remark."""
LARGEST = 64 << 20
"""Bytes of a text file."""


def is_system(path: Path) -> bool:
    """Whether a folder has the files of a system."""
    return path.is_dir() and (path / "type.raw").is_file()


def instead_of(path: Path) -> str:
    """What is there in place of a file or a system, and what to do with a folder of systems."""
    if not path.is_dir():
        return "none"
    if next(path.glob("*/type.raw"), None) is None:
        return "a folder"
    return f"a folder of systems of DeePMD-kit; name these, for example by the pattern '{path}/*'"


def read_system(path: Path) -> tuple[list[Atoms], list[str]]:
    """The frames of a system, with energies and forces as stored results, and remarks on files that are not used.

    Args:
        path: the folder.

    Raises:
        DataError: files are missing or damaged, or do not fit each other; names the file.
    """
    names = _symbols(path)
    types = _types(path / "type.raw", len(names))
    sets = sorted(folder for folder in path.glob("set.*") if folder.is_dir())
    if not sets:
        raise DataError(
            f"{path}: expected folders set.000, set.001 ... of arrays, got none; convert text files (coord.raw ...) "
            "with raw_to_set.sh of DeePMD-kit or with dpdata"
        )
    periodic = not (path / "nopbc").is_file()
    frames = [atoms for folder in sets for atoms in _read_set(folder, types, names, periodic=periodic)]
    unused = sorted({file.name for folder in sets for file in folder.glob("*.npy") if file.stem not in USED})
    return frames, [f"{path.name}: {', '.join(unused)} not used"] if unused else []


def _symbols(path: Path) -> list[str]:
    """Elements by type.

    Raises:
        DataError: no file ``type_map.raw``, or names of no elements.
    """
    names = _words(path / "type_map.raw", "the chemical symbol of each type (types alone do not tell it)")
    foreign = [name for name in names if name not in atomic_numbers or name == "X"]
    if foreign:
        raise DataError(
            f"{path / 'type_map.raw'}: expected chemical symbols, one for each type, got {foreign[0][:40]!r}"
        )
    return names


def _types(path: Path, kinds: int) -> Int[np.ndarray, " atom"]:
    """Type of each atom.

    Raises:
        DataError: no numbers from 0 to ``kinds`` - 1.
    """
    words = _words(path, "the type of each atom")
    try:
        types = np.array([int(word) for word in words], np.int64)
    except (ValueError, OverflowError):
        types = np.array([-1])
    if not len(types) or types.min() < 0 or types.max() >= kinds:
        raise DataError(f"{path}: expected whole numbers from 0 to {kinds - 1}, one for each atom, got others")
    return types


def _words(path: Path, what: str) -> list[str]:
    """Words of a text file.

    Raises:
        DataError: no file, or a very large one.
    """
    if not path.is_file():
        raise DataError(f"{path}: expected {what}, got no file")
    if path.stat().st_size > LARGEST:
        raise DataError(f"{path}: expected {what}, got a file of more than {LARGEST >> 20} MiB")
    return path.read_text(encoding="latin-1").split()


def _read_set(folder: Path, types: Int[np.ndarray, " atom"], names: Sequence[str], *, periodic: bool) -> list[Atoms]:
    """The frames of one set.

    Raises:
        DataError: an array is missing, damaged, or does not fit.
    """
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    places = _array(folder / "coord.npy", None, 3 * len(types))
    if places is None:
        raise DataError(f"{folder / 'coord.npy'}: expected the positions of the atoms in Å, got no file")
    count = len(places)
    boxes = _boxes(folder / "box.npy", count) if periodic else None
    energy, virial = _array(folder / "energy.npy", count, 1), _array(folder / "virial.npy", count, 9)
    force = _array(folder / "force.npy", count, 3 * len(types))
    kinds = _kinds(folder / "real_atom_types.npy", types, count, len(names))
    numbers = np.array([atomic_numbers[name] for name in names])
    frames = []
    for k in range(count):
        real = kinds[k] >= 0
        frame = Atoms(numbers[kinds[k][real]], places[k].reshape(-1, 3)[real])
        if boxes is not None:
            frame.set_cell(boxes[k].reshape(3, 3))
            frame.pbc = True
        results: dict[str, Any] = {} if energy is None else {"energy": float(energy[k, 0])}
        if force is not None:
            results["forces"] = force[k].reshape(-1, 3)[real]
        if virial is not None:
            frame.info["virial"] = virial[k].reshape(3, 3)
        frame.calc = SinglePointCalculator(frame, **results) if results else None
        frames.append(frame)
    return frames


def _array(path: Path, count: int | None, size: int) -> Float[np.ndarray, "frame size"] | None:
    """Numbers of all frames, a row for each; None without a file.

    Args:
        path: of the array.
        count: of frames; None takes as many as there are.
        size: numbers of a frame.

    Raises:
        DataError: no array of finite real numbers, or of another size.
    """
    if not path.is_file():
        return None
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)  # a map cannot be larger than its file
        if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiu":
            raise ValueError("not real numbers")
    except Exception as error:  # headers are parsed as Python literals, whose errors are of many kinds
        reason = " ".join(str(error).split())[:160]
        raise DataError(f"{path}: expected an array of real numbers as numpy.save writes it, got {reason}") from None
    rows = len(found) if found.ndim else 0
    if rows != (rows if count is None else count) or not rows or found.size != rows * size:
        frames = "each frame" if count is None else f"each of {count} frames, as coord.npy has them"
        raise DataError(f"{path}: expected {size} numbers for {frames}, got an array of shape {found.shape}")
    values = np.array(found, float).reshape(rows, size)
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise DataError(
            f"{path}: expected finite numbers, got NaN or infinity in {len(bad)} of {rows} frames (first: frame "
            f"{bad[0]}); remove or relabel them"
        )
    return values


def _boxes(path: Path, count: int) -> Float[np.ndarray, "frame 9"]:
    """Cells, with vectors as rows.

    Raises:
        DataError: none, or one without volume.
    """
    boxes = _array(path, count, 9)
    if boxes is None:
        raise DataError(f"{path}: expected the cells of a periodic system, got no file; mark clusters by a file nopbc")
    flat = np.flatnonzero(np.abs(np.linalg.det(boxes.reshape(-1, 3, 3))) < 1e-6)
    if len(flat):
        raise DataError(f"{path}: expected cells with a volume, got none in frame {flat[0]}; mark clusters by nopbc")
    return boxes


def _kinds(path: Path, types: Int[np.ndarray, " atom"], count: int, most: int) -> Int[np.ndarray, "frame atom"]:
    """Types of the atoms of every frame: those of the system, or of the mixed format.

    Raises:
        DataError: no whole numbers from -1 to ``most`` - 1, or a frame without atoms.
    """
    found = _array(path, count, len(types))
    if found is None:
        return np.broadcast_to(types, (count, len(types)))
    if (found != found.round()).any() or found.min() < -1 or found.max() >= most or (found < 0).all(axis=1).any():
        raise DataError(f"{path}: expected types from 0 to {most - 1}, and -1 for no atom, got others")
    return found.astype(np.int64)
