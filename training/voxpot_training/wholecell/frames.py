"""Frames of one cell at several temperatures, in a folder of plain arrays.

    header.json                  numbers, cell, temperatures, how they were made
    positions.npy, forces.npy    float32 [frame, atom, 3], Å and eV/Å
    energies.npy                 float64 [frame], eV

Frames of a run are in order of time, runs in the order of their temperatures, each with the
same number of frames.  Positions are not wrapped into the cell.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from ase_voxpot.errors import DataError, MissingLabelsError
from ase_voxpot.frames.labels import LabelKeys, energies_in, forces_in
from ase_voxpot.storage.files import write_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jaxtyping import Float, Int

__all__ = ["ARRAYS", "FrameSet", "create", "from_atoms", "load", "save"]

FORMAT = "ase-voxpot whole-cell frames"
SCHEMA = 1
ARRAYS = {"positions": np.float32, "forces": np.float32, "energies": np.float64}


@dataclass(frozen=True, slots=True)
class FrameSet:
    """Labelled frames of the same atoms in the same cell."""

    numbers: Int[np.ndarray, " atom"]
    cell: Float[np.ndarray, "3 3"]  # Å
    temperatures: tuple[float, ...]  # K, of the runs
    positions: Float[np.ndarray, "frame atom 3"]  # Å
    forces: Float[np.ndarray, "frame atom 3"]  # eV/Å
    energies: Float[np.ndarray, " frame"]  # eV
    about: dict[str, Any]  # how they were made

    def __len__(self) -> int:
        return len(self.energies)

    @property
    def per_run(self) -> int:
        """Frames of each run."""
        return len(self) // len(self.temperatures)

    @property
    def run(self) -> Int[np.ndarray, " frame"]:
        """Number of the run that every frame belongs to."""
        return np.repeat(np.arange(len(self.temperatures)), self.per_run)

    def atoms(self, frame: int) -> Atoms:
        """One frame as ``Atoms``."""
        return Atoms(numbers=self.numbers, positions=self.positions[frame].astype(float), cell=self.cell, pbc=True)

    def thinned(self, stride: int) -> FrameSet:
        """Every ``stride``-th frame of each run."""
        per_run = self.per_run // stride
        keep = np.arange(len(self)).reshape(len(self.temperatures), -1)[:, : per_run * stride : stride].ravel()
        arrays = (self.positions[keep], self.forces[keep], self.energies[keep])
        return FrameSet(self.numbers, self.cell, self.temperatures, *arrays, self.about | {"thinned": stride})


def create(
    folder: Path,
    numbers: Int[np.ndarray, " atom"],
    cell: Float[np.ndarray, "3 3"],
    temperatures: Sequence[float],
    per_run: int,
    about: dict[str, Any],
) -> FrameSet:
    """A folder of arrays for all frames, mapped into memory to be filled.

    A folder that was created with the same arguments is opened again as it is.

    Raises:
        DataError: the folder holds frames of another kind.
    """
    header = {
        "format": FORMAT,
        "schema": SCHEMA,
        "numbers": [int(z) for z in numbers],
        "cell": np.asarray(cell, float).tolist(),
        "temperatures": [float(t) for t in temperatures],
        "frames_per_run": per_run,
        "about": about,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "header.json"
    if path.is_file():
        changed = sorted(k for k, v in _read_header(folder).items() if json.loads(json.dumps(header)).get(k) != v)
        if changed:
            raise DataError(
                f"{folder}: holds frames that were made with other {', '.join(changed)}; name another folder"
            )
    else:
        count = per_run * len(header["temperatures"])
        shapes = {"positions": (count, len(numbers), 3), "forces": (count, len(numbers), 3), "energies": (count,)}
        for name, dtype in ARRAYS.items():
            array = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", dtype, shapes[name])
            array[:] = np.nan  # marks frames that were not made
            array.flush()
        write_json(path, header)  # last: a folder with a header has all its arrays
    return _open(folder, "r+")


def load(folder: Path) -> FrameSet:
    """Open a folder of frames; arrays are mapped, not read.

    Raises:
        DataError: no such folder, a file that is missing or of another shape, NaN, or frames not made yet.
    """
    found = _open(folder, "r")
    for name in ARRAYS:
        values = getattr(found, name)
        bad = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1).sum(axis=1)))
        if len(bad):
            raise DataError(
                f"{folder}/{name}.npy: expected numbers, got NaN or infinity from frame {bad[0]} on in "
                f"{len(bad)} frames; if the making of the frames was interrupted, start it again to go on"
            )
    return found


def _read_header(folder: Path) -> dict[str, Any]:
    try:
        header: dict[str, Any] = json.loads((folder / "header.json").read_text())
    except OSError:
        raise DataError(f"{folder}: expected a folder of frames with a header.json, found none") from None
    except ValueError as error:
        raise DataError(f"{folder}/header.json: expected JSON, got something else ({error})") from None
    if not isinstance(header, dict) or header.get("format") != FORMAT or header.get("schema") != SCHEMA:
        raise DataError(f"{folder}: expected {FORMAT} of schema {SCHEMA}, got something else")
    return header


def _open(folder: Path, mode: Any) -> FrameSet:
    header = _read_header(folder)
    count, atoms = header["frames_per_run"] * len(header["temperatures"]), len(header["numbers"])
    shapes = {"positions": (count, atoms, 3), "forces": (count, atoms, 3), "energies": (count,)}
    arrays = {}
    for name, dtype in ARRAYS.items():
        path = folder / f"{name}.npy"
        try:
            arrays[name] = np.load(path, mmap_mode=mode, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: expected an array of numbers, got something else ({error})") from None
        if arrays[name].shape != shapes[name] or arrays[name].dtype != dtype:
            raise DataError(
                f"{path}: expected {np.dtype(dtype).name} {shapes[name]} as the header says, "
                f"got {arrays[name].dtype.name} {arrays[name].shape}"
            )
    return FrameSet(
        np.array(header["numbers"]),
        np.array(header["cell"]),
        tuple(header["temperatures"]),
        arrays["positions"],
        arrays["forces"],
        arrays["energies"],
        header["about"],
    )


def from_atoms(runs: Sequence[Sequence[Atoms]], temperatures: Sequence[float]) -> FrameSet:
    """Frames that were made elsewhere, by LAMMPS or VASP say, run by run; of two energies the free energy is taken.

    Args:
        runs: with energies and forces of a stored calculator, or ``REF_energy`` and ``REF_forces``.
        temperatures: K, one per run.

    Raises:
        DataError: other atoms, another order of atoms or another cell than in the first frame; positions or
            labels that are NaN.
        MissingLabelsError: no energies or forces.
    """
    per_run = min((len(run) for run in runs), default=0)
    if not per_run or len(runs) != len(temperatures):
        raise DataError(
            f"expected frames in every run and a temperature for each, got {[len(run) for run in runs]} "
            f"frames and {len(temperatures)} temperatures"
        )
    first = runs[0][0]
    positions, forces, energies = [], [], []
    for r, run in enumerate(runs):
        for k, frame in enumerate(run[:per_run]):
            _refuse_other(frame, first, where=f"frame {k} of run {r}")
            energy, force = _labels(frame, where=f"frame {k} of run {r}")
            positions.append(frame.positions.astype(np.float32))
            forces.append(force.astype(np.float32))
            energies.append(energy)
    return FrameSet(
        first.numbers.copy(),
        first.cell.array.copy(),
        tuple(map(float, temperatures)),
        np.array(positions),
        np.array(forces),
        np.array(energies),
        {"made": "elsewhere"},
    )


def _refuse_other(frame: Atoms, first: Atoms, *, where: str) -> None:
    if len(frame) != len(first):
        raise DataError(f"{where}: expected {len(first)} atoms as in the first frame, got {len(frame)}")
    if not np.array_equal(frame.numbers, first.numbers):
        k = int(np.flatnonzero(frame.numbers != first.numbers)[0])
        raise DataError(
            f"{where}: expected the atoms of the first frame in the same order, got {frame.symbols[k]} instead of "
            f"{first.symbols[k]} as atom {k}; sort them by their ids"
        )
    if not np.allclose(frame.cell.array, first.cell.array, atol=1e-6):
        raise DataError(f"{where}: expected the cell of the first frame, got another one")
    if not np.isfinite(frame.positions).all():
        raise DataError(f"{where}: expected positions that are numbers, got NaN or infinity")


def _labels(frame: Atoms, *, where: str) -> tuple[float, np.ndarray]:
    energy, _ = next(energies_in(frame, LabelKeys()), (None, ""))
    forces = forces_in(frame, LabelKeys())
    if energy is None or forces is None:
        raise MissingLabelsError(f"{where}: expected an energy and forces, got none")
    if not np.isfinite([float(energy), *np.ravel(forces)]).all():
        raise DataError(f"{where}: expected energies and forces that are numbers, got NaN or infinity")
    return float(energy), np.asarray(forces)


def save(frames: FrameSet, folder: Path) -> FrameSet:
    """Write frames to a folder, and open them from there."""
    store = create(folder, frames.numbers, frames.cell, frames.temperatures, frames.per_run, frames.about)
    for name in ARRAYS:
        getattr(store, name)[:] = getattr(frames, name)
        getattr(store, name).flush()
    return store
