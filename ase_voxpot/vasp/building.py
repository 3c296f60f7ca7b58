"""Checks of the frames of a file, which become one run with remarks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers

from ase_voxpot.errors import DataError
from ase_voxpot.vasp.frames import ENERGIES, Frame, Run, masses_of
from ase_voxpot.vasp.spacing import equal_stretches
from ase_voxpot.vasp.words import many, ranges

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jaxtyping import Bool

__all__ = ["build"]

NUMBERS = 20_000_000
"""Largest number of atoms times frames."""


def build(
    frames: Sequence[Frame],
    *,
    source: str,
    kind: str,
    symbols: Sequence[str],
    settings: Mapping[str, str],
    masses: Mapping[str, float] | None = None,
    tick: float | None = None,
    last: float | None = None,
    irregular: bool = False,
    notes: Sequence[str] = (),
    left_out: Sequence[tuple[int, str]] = (),
    fixed: Bool[np.ndarray, "atom 3"] | None = None,
) -> Run:
    """Check frames and join them to one run.

    Args:
        frames: complete ones only, at least one.
        source: name of the file.
        kind: of the file.
        symbols: of all atoms.
        settings: of INCAR and POTCAR.
        masses: amu, of elements where they differ from the standard.
        tick: fs from one step to the next; None if it is not known, or if the frames are no dynamics.
        last: the last step that was taken, if it is not that of the last frame.
        irregular: the frames are not equally spaced, by unknown intervals.
        notes: for the report.
        left_out: frames with stars, see ``Run``.
        fixed: along which lattice vectors atoms are held.

    Raises:
        DataError: unknown elements, too many numbers, or a frame with the wrong
            number of atoms, with NaN or without a volume; the frame is named from 1 on.
    """
    unknown = sorted({s for s in symbols if s not in atomic_numbers or s == "X"})
    if unknown or not symbols:
        what = ", ".join(repr(s[:20]) for s in unknown[:5]) or "no atoms"
        raise DataError(f"{source}: expected chemical elements, got {what}")
    if len(frames) * len(symbols) > NUMBERS:
        raise DataError(
            f"{source}: expected at most {NUMBERS:,} atoms times frames, got {len(frames)} frames of "
            f"{len(symbols)} atoms; give a part of the run"
        )
    for number, frame in enumerate(frames, 1):
        _check(frame, len(symbols), f"{source}: frame {number}")
    frames, result = _with_forces(frames, source)
    heavy = masses_of(symbols)
    for symbol, mass in (masses or {}).items():
        if not 0.1 < mass < 500:
            raise DataError(f"{source}: expected a mass of {symbol} between 0.1 and 500 amu, got {mass}")
        heavy = np.where(np.array(symbols) == symbol, mass, heavy)
    known = [f.step for f in frames if f.step is not None]
    steps = np.array(known, float) if len(known) == len(frames) and not irregular else None
    found, starts = (None, (0,)) if steps is None else equal_stretches(steps)
    gap, alone = found or 1.0, found is None and steps is not None and len(frames) > 1
    run = Run(
        source=source,
        kind=kind,
        symbols=tuple(symbols),
        masses=heavy,
        cells=np.array([f.cell for f in frames], float),
        positions=np.array([f.fractional @ f.cell for f in frames], float),
        energies={name: np.array([f.energies[name] for f in frames]) for name in _names(frames)},
        forces=None if frames[0].forces is None else np.array([f.forces for f in frames], float),
        stress=_rows([f.stress for f in frames], 6),
        temperatures=_rows([f.temperature for f in frames], None),
        interval=None if tick is None or irregular or alone else tick * gap,
        settings=dict(settings),
        starts=starts,
        steps=steps,
        gap=gap,
        tick=None if irregular else tick,
        last=last,
        irregular=irregular or alone,
        unconverged=tuple(k for k, f in enumerate(frames) if not f.converged),
        left_out=tuple(left_out),
        fixed=fixed,
    )
    return replace(run, notes=(*notes, *result, *_partial(run, frames), *_spaced(run), *_loops(run)))


def _names(frames: Sequence[Frame]) -> list[str]:
    return [name for name in ENERGIES if all(name in f.energies for f in frames)]


def _with_forces(frames: Sequence[Frame], source: str) -> tuple[Sequence[Frame], list[str]]:
    """Those with forces, where some have them."""
    kept = [f for f in frames if f.forces is not None]
    if len(kept) in (0, len(frames)):
        return frames, []
    return kept, [f"{source}: {len(frames) - len(kept)} of {len(frames)} frames have no forces and are left out"]


def _rows(values: Sequence[np.ndarray | float | None], width: int | None) -> np.ndarray | None:
    """One row per frame, of NaN where there is none; None if there is none at all."""
    if all(v is None for v in values):
        return None
    nothing = np.full(() if width is None else (width,), np.nan)
    return np.array([nothing if v is None else v for v in values], float)


def _partial(run: Run, frames: Sequence[Frame]) -> list[str]:
    """Sentences on quantities that only some of the frames have."""
    found = []
    for what, values in (("stress", run.stress), ("temperature", run.temperatures)):
        lacking = 0 if values is None else int(np.isnan(values).reshape(len(values), -1).any(axis=1).sum())
        # the last frame of a killed job lacks the temperature, which comes last
        if lacking > (what == "temperature"):
            found.append(f"{run.source}: {lacking} of {len(run)} frames have no {what}; the others are used")
    for name in sorted({name for f in frames for name in f.energies} - set(run.energies)):
        having = sum(name in f.energies for f in frames)
        found.append(
            f"{run.source}: only {having} of {len(run)} frames have the {ENERGIES[name].split(',')[0]}, so that it "
            "is not compared"
        )
    return found


def _spaced(run: Run) -> list[str]:
    """Numbers of the steps of the frames, if these are not consecutive."""
    given = run.kind == "frames"  # then steps are times
    if run.steps is None or (len(run.starts) == 1 and (run.gap == 1.0 or given)):
        return []
    which = f"{run.source}: {many(len(run), 'frame')}" + ("" if given else f", of steps {ranges(run.steps.tolist())},")
    apart = "" if run.interval is None else f", {run.interval:g} fs apart"
    if len(run.starts) == 1:
        hint = "" if run.tick else f"; the time from frame to frame is {run.gap:g} times POTIM"
        return [f"{which} every {run.gap:g}th step{apart}{hint}"]
    lengths = [s.stop - s.start for s in run.stretches()]
    return [
        f"{which} are not equally spaced in time: {len(lengths)} stretches of {min(lengths)} to {max(lengths)} frames"
        f"{apart}; velocities and displacements are taken within stretches only, errors over all frames"
    ]


def _loops(run: Run) -> list[str]:
    """How many frames have electrons that did not converge."""
    bad = list(run.unconverged)
    if not bad:
        return []
    which = "" if run.steps is None else f" ({ranges(run.steps[bad].tolist())})"
    limit = f"NELM = {run.settings['NELM']}" if "NELM" in run.settings else "its limit"
    return [
        f"{run.source}: the electronic loop of {len(bad)} of {len(run)} ionic steps{which} ended at {limit} without "
        "converging"
    ]


def _check(frame: Frame, atoms: int, where: str) -> None:
    if frame.fractional.shape != (atoms, 3):
        raise DataError(f"{where}: expected the positions of {atoms} atoms, got {len(frame.fractional)}")
    if frame.forces is not None and frame.forces.shape != (atoms, 3):
        raise DataError(f"{where}: expected the forces on {atoms} atoms, got {len(frame.forces)}")
    named = {"positions": frame.fractional, "cell": frame.cell, "forces": frame.forces, "stress": frame.stress}
    named |= {"energy": np.array(list(frame.energies.values()))}
    for name, values in named.items():
        if values is not None and not np.isfinite(values).all():
            raise DataError(f"{where}: expected finite {name}, got NaN or infinity")
    volume = abs(float(np.linalg.det(frame.cell)))
    if not 1.0 < volume < 1e9 or np.abs(frame.fractional).max(initial=0.0) > 1e6:
        raise DataError(f"{where}: expected a cell with a volume and atoms near it, got {volume:.3g} Å³")
