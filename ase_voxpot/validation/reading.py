"""Which reader for which file, told by what stands in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import DataError
from ase_voxpot.validation.frames import Frame, build, join
from ase_voxpot.validation.opening import Stream
from ase_voxpot.validation.outcar import read_outcar
from ase_voxpot.validation.vasprun import read_vasprun
from ase_voxpot.validation.xdatcar import read_xdatcar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase_voxpot.validation.frames import Run

__all__ = ["read_run"]


def read_run(paths: Sequence[Path], *, observe: Callable[[Path], None] = lambda path: None) -> Run:
    """One run from one or more files, in their order.

    Args:
        paths: vasprun.xml, OUTCAR, XDATCAR, compressed or not, or frames that ASE reads; or folders with one
            of these.
        observe: called before every file.

    Raises:
        DataError: a file that cannot be read, or files that do not belong together.
    """
    runs: list[Run] = []
    for path in paths:
        observe(path)
        found = _inside(path)
        runs += _reader(found)(found)
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


def _reader(path: Path) -> Callable[[Path], list[Run]]:
    beginning = Stream(path).beginning()
    if b"<modeling" in beginning or beginning.lstrip(b"\xef\xbb\xbf\xff\xfe \r\n").startswith(b"<"):
        return read_vasprun
    if b"vasp." in beginning[:200] or path.name.upper().startswith("OUTCAR"):
        return read_outcar
    if path.name.upper().startswith("XDATCAR") or b"irect configuration" in beginning:
        return read_xdatcar
    return _read_frames


def _read_frames(path: Path) -> list[Run]:
    """Extended XYZ, trajectories of ASE, and the like."""
    from ase_voxpot.labels import read_frames

    atoms = read_frames(path)
    symbols = atoms[0].get_chemical_symbols()
    frames = []
    for number, one in enumerate(atoms, 1):
        if one.get_chemical_symbols() != symbols:
            raise DataError(
                f"{path}: frame {number}: expected the atoms of the first frame in the same order; a run has the same "
                "atoms throughout, use voxpot evaluate for other sets of frames"
            )
        if not one.pbc.all():
            raise DataError(f"{path}: frame {number}: expected a cell periodic in three directions, got pbc {one.pbc}")
        frames.append(_frame(one, f"{path}: frame {number}"))
    times = [a.info.get("time") for a in atoms]
    interval = None
    if len(atoms) > 1 and all(isinstance(t, int | float) for t in times):
        steps = np.diff(np.array(times, float))
        interval = float(steps[0]) if steps.min() > 0 and np.ptp(steps) < 1e-6 * steps[0] else None
    return [build(frames, source=str(path), kind="frames", symbols=symbols, settings={}, interval=interval)]


def _frame(atoms: Any, where: str) -> Frame:
    stored = atoms.calc.results if atoms.calc is not None else {}
    energy = atoms.info.get("REF_energy", stored.get("energy"))
    forces = atoms.arrays.get("REF_forces", stored.get("forces"))
    stress = atoms.info.get("REF_stress", stored.get("stress"))
    energies = {"stored": energy} if energy is not None else {}
    if "free_energy" in stored:
        energies = {"free": stored["free_energy"], "zero": stored.get("energy", stored["free_energy"])}
    try:
        fractional = np.linalg.solve(atoms.cell.array.T, atoms.positions.T).T
        values = None if stress is None else np.array(stress, float).ravel()
        if values is not None and values.size == 9:
            values = values[[0, 4, 8, 5, 2, 1]]
        if values is not None and values.size != 6:
            raise ValueError("stress")
        return Frame(
            cell=atoms.cell.array.copy(),
            fractional=fractional,
            energies={k: float(v) for k, v in energies.items()},
            forces=None if forces is None else np.array(forces, float).reshape(-1, 3),
            stress=values,
        )
    except (ValueError, TypeError, np.linalg.LinAlgError):
        raise DataError(f"{where}: expected a cell, an energy, forces and a stress made of numbers") from None
