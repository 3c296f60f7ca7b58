"""Joining of consecutive runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import DataError
from ase_voxpot.vasp.frames import Run
from ase_voxpot.vasp.spacing import equal_stretches

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["join"]

CONTINUES = 3.0
"""A run continues the one before if displacements are below this multiple of the largest one within."""


def join(runs: Sequence[Run]) -> Run:
    """Runs of the same atoms, one after the other.

    A run that continues the one before forms one stretch with it.

    Raises:
        DataError: other atoms, another time step, or another temperature.
    """
    first = runs[0]
    if len(runs) == 1:
        return first
    for other in runs[1:]:
        _refuse_other(first, other)
    names = [name for name in first.energies if all(name in r.energies for r in runs)]
    positions, cells = np.concatenate([r.positions for r in runs]), np.concatenate([r.cells for r in runs])
    lengths = np.cumsum([0, *(len(r) for r in runs)])
    within = {int(at) + s for at, r in zip(lengths, runs, strict=False) for s in r.starts} - set(lengths.tolist())
    breaks = _breaks(positions, cells, lengths[1:-1].tolist(), within)
    unknown = any(r.irregular for r in runs)
    steps = None if unknown else _numbered(runs)
    found, starts = (None, (0, *breaks)) if steps is None else equal_stretches(steps, breaks)
    gap, irregular = found or 1.0, unknown or (found is None and steps is not None)
    ticks = [r.tick for r in runs if r.tick is not None]
    tick = ticks[0] if ticks and not irregular else None
    return Run(
        source=", ".join(dict.fromkeys(r.source for r in runs)),
        kind=", ".join(dict.fromkeys(r.kind for r in runs)),
        symbols=first.symbols,
        masses=first.masses,
        cells=cells,
        positions=positions,
        energies={name: np.concatenate([r.energies[name] for r in runs]) for name in names},
        forces=_all([r.forces for r in runs]),
        stress=_some([r.stress for r in runs], lengths, 6),
        temperatures=_some([r.temperatures for r in runs], lengths, None),
        interval=None if tick is None else tick * gap,
        settings=dict(first.settings),
        notes=(*(note for r in runs for note in r.notes), *_lost(runs, names)),
        starts=starts,
        steps=steps,
        gap=gap,
        tick=tick,
        last=runs[-1].last,
        irregular=irregular,
        unconverged=tuple(int(at) + k for at, r in zip(lengths, runs, strict=False) for k in r.unconverged),
        left_out=tuple((int(at) + k, why) for at, r in zip(lengths, runs, strict=False) for k, why in r.left_out),
        fixed=first.fixed,
    )


def _all(parts: Sequence[np.ndarray | None]) -> np.ndarray | None:
    known = [p for p in parts if p is not None]
    return np.concatenate(known) if len(known) == len(parts) else None


def _some(parts: Sequence[np.ndarray | None], lengths: np.ndarray, width: int | None) -> np.ndarray | None:
    """NaN where a run has none; None if none has."""
    if all(p is None for p in parts):
        return None
    shape: tuple[int, ...] = () if width is None else (width,)
    sizes = np.diff(lengths)
    return np.concatenate([np.full((n, *shape), np.nan) if p is None else p for p, n in zip(parts, sizes, strict=True)])


def _lost(runs: Sequence[Run], names: Sequence[str]) -> list[str]:
    """Sentences on quantities that only some of the runs have."""
    has = {name: [r for r in runs if name in r.energies] for name in {n for r in runs for n in r.energies}}
    has["forces"] = [r for r in runs if r.forces is not None]
    return [
        f"only {', '.join(dict.fromkeys(r.source for r in those))} has the {name} "
        f"{'' if name == 'forces' else 'energy'}, so that it is not compared".replace("  ", " ")
        for name, those in sorted(has.items())
        if name not in names and 0 < len(those) < len(runs)
    ]


def _refuse_other(first: Run, other: Run) -> None:
    if first.symbols != other.symbols:
        raise DataError(
            f"{other.source}: expected the same atoms in the same order as in {first.source}, got another list; "
            "validate such runs one by one"
        )
    if None not in (first.tick, other.tick) and abs((first.tick or 0) - (other.tick or 0)) > 1e-6:
        raise DataError(
            f"{other.source}: expected frames every {first.tick:g} fs as in {first.source}, "
            f"got {other.tick:g} fs; validate such runs one by one"
        )
    here, there = (r.settings.get("TEBEG") for r in (first, other))
    if here and there and abs(float(here) - float(there)) > 1:
        raise DataError(
            f"{other.source}: expected {float(here):g} K as in {first.source}, got {float(there):g} K; "
            "validate such runs one by one"
        )


def _numbered(runs: Sequence[Run]) -> np.ndarray | None:
    """Steps counted on from run to run, which number their own from 1 again; None if no run numbers them."""
    if all(r.steps is None for r in runs):
        return None
    parts: list[np.ndarray] = []
    reached = 0.0
    for run in runs:
        own = np.arange(1.0, len(run) + 1) if run.steps is None else run.steps
        # times go on, and so do the numbers of a file that was cut in two
        goes_on = own[0] > reached if run.kind == "frames" else abs(own[0] - reached - run.gap) < 1e-6
        shift = 0.0 if goes_on else reached + (0.0 if own[0] > 0 else run.gap)
        parts.append(own + shift)
        reached = shift + max(float(own[-1]), run.last or 0.0)
    return np.concatenate(parts)


def _breaks(positions: np.ndarray, cells: np.ndarray, candidates: Sequence[int], within: set[int]) -> tuple[int, ...]:
    """The candidates at which atoms really jump, by more than they do in a usual step.

    Args:
        positions: Å, of all frames.
        cells: Å.
        candidates: frames that begin a run.
        within: frames of runs that are farther from the one before than is usual.
    """
    fractional = positions @ np.linalg.inv(cells)
    steps = np.diff(fractional, axis=0)
    steps = np.linalg.norm((steps - np.round(steps)) @ cells[1:], axis=2).max(axis=1, initial=0.0)
    joints = [c - 1 for c in candidates]
    inside = np.delete(steps, [*joints, *(w - 1 for w in within)])
    usual = float(inside.max()) if len(inside) else 0.0
    return tuple(j + 1 for j in joints if steps[j] > CONTINUES * usual)
