"""Files of a Monte Carlo run.

PREFIX.csv               one row per sample and replica
PREFIX.extxyz            frames
PREFIX.checkpoint.npz    the state to continue from, replaced as a whole
PREFIX.json              averages, written at the end
PREFIX.png               drawn at the end
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from ase_voxpot.errors import DataError
from ase_voxpot.md.records import ADD, CUT, RunFiles
from ase_voxpot.storage.files import draft_of

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Float, Int

__all__ = ["Records", "Row", "State"]

Row = dict[str, float]
"""One row of the log: numbers by column."""
FORMAT, SCHEMA = "ase-voxpot monte carlo", 1
ARRAYS = ("numbers", "positions", "momenta", "cells", "trials", "accepted", "exchanges")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """State of a run, complete for the next sample; first index: replica."""

    sample: int
    numbers: Int[np.ndarray, "replica atom"]
    positions: Float[np.ndarray, "replica atom 3"]  # Å
    momenta: Float[np.ndarray, "replica atom 3"]  # ASE units
    cells: Float[np.ndarray, "replica 3 3"]  # Å
    trials: Int[np.ndarray, "replica species species"]
    accepted: Int[np.ndarray, "replica species species"]
    exchanges: Int[np.ndarray, "2 pair"]  # tried and accepted, between neighbouring temperatures
    barostats: list[float]
    generators: list[dict[str, Any]]  # of the replicas, and of the exchanges
    plan: dict[str, Any]  # parameters of the run


@dataclass(frozen=True, slots=True)
class Records(RunFiles):
    """The files of a Monte Carlo run; ``prefix`` is their common beginning."""

    prefix: Path

    @property
    def report(self) -> Path:
        """Averages."""
        return self.file(".json")

    def add(self, row: Row) -> None:
        """Append a row."""
        with self.log.open("a", encoding="utf-8") as file:
            file.write(",".join(repr(v) for v in row.values()) + "\n")

    def add_frame(self, frame: Atoms) -> None:
        """Append a frame."""
        ADD["extxyz"](self.trajectory, frame)

    def save(self, state: State) -> None:
        """Replace the checkpoint."""
        header = {name: getattr(state, name) for name in ("sample", "barostats", "generators", "plan")}
        text = json.dumps({"format": FORMAT, "schema": SCHEMA, **header})
        with draft_of(self.checkpoint) as draft, draft.open("wb") as file:
            np.savez(file, header=np.array(text), **{name: getattr(state, name) for name in ARRAYS})

    def load(self) -> State:
        """The state of the checkpoint.

        Raises:
            DataError: missing, damaged, or of another version.
        """
        if not self.checkpoint.is_file():
            raise DataError(f"{self.checkpoint}: expected the checkpoint of a run to continue, got none")
        try:
            with self.checkpoint.open("rb") as file, np.load(file, allow_pickle=False) as data:
                header = json.loads(str(data["header"]))
                if header.pop("format") != FORMAT:
                    raise ValueError("it is of another kind")
                if header.pop("schema") != SCHEMA:
                    raise ValueError(f"it is not of schema {SCHEMA}")
                state = State(**{name: data[name] for name in ARRAYS}, **header)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, BadZipFile) as error:
            raise DataError(
                f"{self.checkpoint}: expected a checkpoint of voxpot mc, got one that cannot be used ({error})"
            ) from None
        return state

    def rows(self) -> list[Row]:
        """All complete rows of the log.

        Raises:
            DataError: missing or damaged.
        """
        try:
            with self.log.open(newline="", encoding="utf-8") as file:
                return [
                    {name: float(value) for name, value in row.items()}
                    for row in csv.DictReader(file)
                    if None not in row.values()  # a row that a crash cut short
                ]
        except (OSError, ValueError, TypeError):
            raise DataError(f"{self.log}: expected the log of a run of Monte Carlo") from None

    def resume(self, rows: int, frames: int, atoms: int) -> list[Row]:
        """Cut log and trajectory back to so many rows and frames; the rows.

        Raises:
            DataError: the log or the trajectory is missing or shorter than it should be.
        """
        kept = self.rows()[:rows]
        if len(kept) < rows:
            raise DataError(f"{self.log}: expected {rows} rows, as many as the checkpoint knows of, got {len(kept)}")
        if not self.trajectory.is_file():
            raise DataError(f"{self.trajectory}: expected the frames up to the checkpoint, got no file")
        with draft_of(self.log) as draft, self.log.open(encoding="utf-8") as file:
            draft.write_text("".join(islice(file, rows + 1)), encoding="utf-8")
        CUT["extxyz"](self.trajectory, frames, atoms)
        return kept
