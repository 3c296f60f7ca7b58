"""Files of a molecular dynamics run: log, trajectory, checkpoint.

    PREFIX.csv               one row per sample
    PREFIX.extxyz or .traj   one frame per sample, with energy, forces, momenta
    PREFIX.checkpoint.npz    the state to continue from, replaced as a whole

A run that is continued first cuts log and trajectory back to the step of the
checkpoint, so that nothing appears twice.
"""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass, fields
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zipfile import BadZipFile

import numpy as np

from ase_voxpot.errors import ConfigError, DataError
from ase_voxpot.storage.files import draft_of, make_parents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ase import Atoms
    from jaxtyping import Float, Int

__all__ = ["Records", "RunFiles", "Sample", "State"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One row of the log."""

    step: int
    time: float  # fs
    temperature: float  # K
    potential: float  # eV
    kinetic: float  # eV
    total: float  # eV, potential + kinetic
    pressure: float | None  # GPa, with its kinetic part; None without periodicity in three directions
    volume: float | None  # Å³, likewise
    uncertainty: float | None = None  # eV, of the potential energy, if the calculator has it
    extrapolation: float | None = None  # relative to the most uncertain frame or atom of the validation


UNITS = {
    "step": "step",
    "time": "time_fs",
    "temperature": "temperature_K",
    "potential": "potential_eV",
    "kinetic": "kinetic_eV",
    "total": "total_eV",
    "pressure": "pressure_GPa",
    "volume": "volume_A3",
    "uncertainty": "uncertainty_eV",
    "extrapolation": "extrapolation",
}
"""Column of the log for each field of a sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """State of a run, complete for the next step."""

    step: int
    numbers: Int[np.ndarray, " atom"]
    positions: Float[np.ndarray, "atom 3"]  # Å
    momenta: Float[np.ndarray, "atom 3"]  # ASE units
    cell: Float[np.ndarray, "3 3"]  # Å
    barostat: float  # momentum of the cell, ASE units; 0 where the cell is fixed
    generator: dict[str, Any]  # state of the random numbers
    plan: dict[str, Any]  # parameters of the run


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Names of the files of one run; ``prefix`` is their common beginning."""

    prefix: Path

    def file(self, ending: str) -> Path:
        """The file with an ending such as ``.csv``."""
        return self.prefix.with_name(self.prefix.name + ending)

    @property
    def log(self) -> Path:
        """Table of samples."""
        return self.file(".csv")

    @property
    def trajectory(self) -> Path:
        """Frames."""
        return self.file(".extxyz")

    @property
    def checkpoint(self) -> Path:
        """State to continue from."""
        return self.file(".checkpoint.npz")

    @property
    def picture(self) -> Path:
        """Drawn at the end."""
        return self.file(".png")

    def start_log(self, columns: Iterable[str]) -> None:
        """Write the first line of the log.

        Raises:
            ConfigError: the folder cannot be written to, or holds another run.
        """
        self.refuse_another()
        self.log.write_text(",".join(columns) + "\n", encoding="utf-8")

    def refuse_another(self) -> None:
        """Check that a run can begin here.

        Raises:
            ConfigError: the folder cannot be written to, or holds another run.
        """
        make_parents(self.log)
        for path in (self.log, self.trajectory, self.checkpoint):
            if path.exists():
                raise ConfigError(
                    f"{path} is there already: continue that run (restart), move it away or choose another name"
                )

    def clear_unless_begun(self) -> None:
        """Delete log and trajectory of a run whose process ended before its first checkpoint."""
        if not self.checkpoint.is_file():
            self.log.unlink(missing_ok=True)
            self.trajectory.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Records(RunFiles):
    """The files of a molecular dynamics run; ``prefix`` is their common beginning."""

    prefix: Path
    kind: Literal["extxyz", "traj"] = "extxyz"

    @property
    def trajectory(self) -> Path:
        """Frames."""
        return self.file(f".{self.kind}")

    def begin(self) -> None:
        """Start the log; errors as ``start_log``."""
        self.start_log(UNITS.values())

    def add(self, sample: Sample, frame: Atoms) -> None:
        """Append a row and a frame."""
        values = ("" if v is None else repr(v) for v in asdict(sample).values())
        with self.log.open("a", encoding="utf-8") as file:
            file.write(",".join(values) + "\n")
        ADD[self.kind](self.trajectory, frame)

    def save(self, state: State) -> None:
        """Replace the checkpoint."""
        arrays = {name: getattr(state, name) for name in ("numbers", "positions", "momenta", "cell")}
        header = {name: getattr(state, name) for name in ("step", "barostat", "generator", "plan")}
        with draft_of(self.checkpoint) as draft, draft.open("wb") as file:
            np.savez(file, header=np.array(json.dumps(header)), **arrays)

    def load(self) -> State:
        """The state of the checkpoint.

        Raises:
            DataError: missing or damaged.
        """
        if not self.checkpoint.is_file():
            raise DataError(f"{self.checkpoint}: expected the checkpoint of a run to continue, got none")
        try:
            with self.checkpoint.open("rb") as file, np.load(file, allow_pickle=False) as data:
                arrays = {name: data[name] for name in ("numbers", "positions", "momenta", "cell")}
                return State(**arrays, **json.loads(str(data["header"])))
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
            raise DataError(f"{self.checkpoint}: expected a checkpoint, got a damaged file ({error})") from None

    def resume(self, step: int, *, interval: int, atoms: int) -> list[Sample]:
        """Cut log and trajectory back to ``step``; the samples up to there.

        Raises:
            DataError: the log or the trajectory is missing or shorter than it should be.
        """
        wanted = step // interval + 1
        samples = _read_log(self.log)[:wanted]
        if len(samples) < wanted or samples[-1].step != step // interval * interval:
            raise DataError(f"{self.log}: expected the samples up to step {step}, as the checkpoint has it")
        with draft_of(self.log) as draft, self.log.open(encoding="utf-8") as file:
            draft.write_text("".join(islice(file, wanted + 1)), encoding="utf-8")
        if not self.trajectory.is_file():
            raise DataError(f"{self.trajectory}: expected the frames up to step {step}, got no file")
        CUT[self.kind](self.trajectory, wanted, atoms)
        return samples


def _read_log(path: Path) -> list[Sample]:
    kinds = {f.name: int if f.name == "step" else float for f in fields(Sample)}
    names = {column: name for name, column in UNITS.items()}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [
                Sample(**{names[c]: kinds[names[c]](v) if v else None for c, v in row.items()})  # type: ignore[arg-type]
                for row in csv.DictReader(file)
                if None not in row.values()  # a row that a crash cut short
            ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise DataError(f"{path}: expected the log of a run with the columns {', '.join(UNITS.values())}") from None


def _add_text(path: Path, frame: Atoms) -> None:
    from ase.io import write

    write(path, frame, format="extxyz", append=True)


def _add_binary(path: Path, frame: Atoms) -> None:
    from ase.io.trajectory import Trajectory

    with Trajectory(path, "a") as trajectory:  # ase.io.write does not append to this format
        trajectory.write(frame)


def _cut_text(path: Path, frames: int, atoms: int) -> None:
    """Keep the first frames of an extended XYZ file, each of the same number of lines."""
    with path.open("r+b") as file:
        size = sum(len(line) for line in islice(file, frames * (atoms + 2)))
        file.truncate(size)


def _cut_binary(path: Path, frames: int, atoms: int) -> None:
    """Keep the first frames of a trajectory of ASE, which has to be written anew."""
    from ase.io.trajectory import Trajectory

    with Trajectory(path) as old:
        if len(old) <= frames:
            return
        with draft_of(path) as draft, Trajectory(draft, "w") as new:
            for k in range(frames):
                new.write(old[k])


ADD = {"extxyz": _add_text, "traj": _add_binary}
"""Functions that append to a trajectory, by format."""
CUT = {"extxyz": _cut_text, "traj": _cut_binary}
"""Functions that shorten a trajectory, by format."""
