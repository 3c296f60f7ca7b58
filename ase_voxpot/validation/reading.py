"""A run from files of VASP, or from frames that ASE reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import DataError
from ase_voxpot.frames.labelled import origins
from ase_voxpot.frames.labels import LabelKeys, Origin, energies_in, forces_in, read_frames, stress_in
from ase_voxpot.vasp.atoms import UNCONVERGED
from ase_voxpot.vasp.building import build
from ase_voxpot.vasp.frames import Frame
from ase_voxpot.vasp.joining import join
from ase_voxpot.vasp.reading import reader_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms

    from ase_voxpot.vasp.frames import Run

__all__ = ["read_run"]


def read_run(paths: Sequence[Path], *, observe: Callable[[Path], None] = lambda path: None) -> Run:
    """One run from one or more files, in their order.

    Args:
        paths: vasprun.xml, OUTCAR, XDATCAR, compressed or not, or frames that ASE reads; or folders with one
            of these.
        observe: called before every file.

    Raises:
        DataError: a file that cannot be read, or files of different systems.
    """
    runs: list[Run] = []
    for path in paths:
        observe(path)
        found = _inside(path)
        runs += (reader_of(found) or _read_frames)(found)
    if not runs:
        raise DataError("expected at least one file of a run, got none")
    whole = join(runs)
    if len(runs) > 1:
        parts = len(whole.starts)
        how = "one continuous run" if parts == 1 else f"{parts} stretches that do not continue each other"
        whole = replace(whole, notes=(*whole.notes, f"{len(runs)} runs were joined: {how}"))
    return whole


def _inside(path: Path) -> Path:
    """The file itself, or the best one of a folder."""
    if not path.is_dir():
        return path
    for name in ("vasprun.xml", "OUTCAR", "XDATCAR"):
        for suffix in ("", ".gz", ".bz2", ".xz"):
            if (path / (name + suffix)).is_file():
                return path / (name + suffix)
    raise DataError(f"{path}: expected a folder with vasprun.xml, OUTCAR or XDATCAR, got none of them")


def _read_frames(path: Path) -> list[Run]:
    """Extended XYZ, trajectories of ASE, and the like."""
    atoms = read_frames(path)
    symbols = atoms[0].get_chemical_symbols()
    for number, one in enumerate(atoms, 1):
        if one.get_chemical_symbols() != symbols:
            raise DataError(
                f"{path}: frame {number}: expected the atoms of the first frame in the same order; a run has the same "
                "atoms throughout, use voxpot evaluate for other sets of frames"
            )
        if not one.pbc.all():
            raise DataError(f"{path}: frame {number}: expected a cell periodic in three directions, got pbc {one.pbc}")
    found = [_frame(one, f"{path}: frame {number}") for number, one in enumerate(atoms, 1)]
    frames, known = [f for f, _ in found], [o for _, o in found if o is not None]
    if len({"free" in f.energies for f in frames if f.energies}) > 1:  # mixed: the first is that of the rule
        frames = [replace(f, energies=dict(zip(["stored"], f.energies.values(), strict=False))) for f in frames]
    times = [float(t) for a in atoms if isinstance(t := a.info.get("time"), int | float)]
    timed = 1 < len(times) == len(frames)
    if timed:
        frames = [replace(f, step=t) for f, t in zip(frames, times, strict=True)]
    notes = [f"{path}: {sentence}" for sentence in origins(known)] if known else []
    return [
        build(
            frames,
            source=str(path),
            kind="frames",
            symbols=symbols,
            settings={},
            tick=1.0 if timed else None,
            notes=notes,
        )
    ]


def _frame(atoms: Atoms, where: str) -> tuple[Frame, Origin | None]:
    """One frame, and where its labels come from, if it has any."""
    keys = LabelKeys()
    named = list(energies_in(atoms, keys))
    stress, origin = stress_in(atoms, keys, where)
    forces = forces_in(atoms, keys)
    energies: dict[str, Any] = {}
    if named:
        free = "free_energy" in named[0][1]
        energies["free" if free else "stored"] = named[0][0]
        if free and _both(named):
            energies["zero"] = named[1][0]
    try:
        frame = Frame(
            cell=atoms.cell.array.copy(),
            fractional=np.linalg.solve(atoms.cell.array.T, atoms.positions.T).T,
            energies={name: float(e) for name, e in energies.items()},
            forces=None if forces is None else np.array(forces, float).reshape(-1, 3),
            stress=stress,
            converged=not atoms.info.get(UNCONVERGED, False),
        )
    except (ValueError, TypeError, np.linalg.LinAlgError):
        raise DataError(f"{where}: expected a cell, an energy, forces and a stress made of numbers") from None
    return frame, Origin(energy=named[0][1], stress=origin.stress, beside=origin.beside) if named else None


def _both(named: Sequence[tuple[Any, str]]) -> bool:
    """Whether the first two energies are a free energy and the one that goes with it."""
    return len(named) > 1 and named[1][1] == named[0][1].replace("free_energy", "energy")
