"""Plots of cost against size, and of the time of stages against their lower bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from ase_voxpot.plotting.style import COLOURS, INK, save, tidy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase_voxpot.benchmark.orders import Breakdown, Timing

__all__ = ["draw_breakdown", "draw_costs"]

MARKERS = "os^Dvp"
GREY = "#9aa1ab"


def draw_costs(path: Path, timings: Sequence[Timing]) -> None:
    """Time per step against the number of atoms, log-log, and the same per atom; floors dashed.

    Args:
        path: of the picture; the suffix chooses the format.
        timings: of any models, peers, threads and devices; each combination is a curve.
    """
    figure = Figure(figsize=(9.6, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = list(dict.fromkeys(t.name for t in timings))
    settings = list(dict.fromkeys((t.threads, t.device) for t in timings))
    for (name, threads, device), curve in _curves(timings).items():
        colour, peer = COLOURS[names.index(name) % len(COLOURS)], curve[0].peer
        marker = MARKERS[settings.index((threads, device)) % len(MARKERS)]
        size = np.array([t.atoms for t in curve])
        median, low, high = (np.array([getattr(t.time, k) for t in curve]) for k in ("median", "low", "high"))
        label = name if len(settings) == 1 else f"{name}, {_where(threads, device)}"
        style = {"color": colour, "marker": marker, "markersize": 5, "linestyle": ":" if peer else "-"}
        left.plot(size, 1e3 * median, label=label, **style)
        right.plot(size, 1e6 * median / size, label=label, **style)
        right.fill_between(size, 1e6 * low / size, 1e6 * high / size, color=colour, alpha=0.15, linewidth=0)
        floors = np.array([np.nan if t.floor is None else t.floor for t in curve])
        if np.isfinite(floors).any():
            shown = f"floor of {label}"
            thin = {
                "color": colour,
                "linestyle": "--",
                "linewidth": 1,
                "marker": marker,
                "markersize": 4,
                "mfc": "white",
            }
            left.plot(size, 1e3 * floors * size, label=shown, **thin)
            right.plot(size, 1e6 * floors, **thin)
    for axes, title, unit in ((left, "Cost of a step", "ms"), (right, "Cost of a step per atom", "µs/atom")):
        axes.set(xscale="log", yscale="log", xlabel="atoms", ylabel=unit)
        axes.set_title(title, loc="left", fontsize=10, color=INK)
        tidy(axes)
        axes.grid(visible=True, which="minor", color="#f1f2f4", linewidth=0.4)
    left.legend(fontsize=8, frameon=False, labelcolor=INK)
    figure.supxlabel(
        "energy, forces and stress after all atoms moved; medians, bands between quartiles; peers dotted",
        fontsize=8,
        color=INK,
    )
    save(figure, path)


def _curves(timings: Sequence[Timing]) -> dict[tuple[str, int, str], list[Timing]]:
    out: dict[tuple[str, int, str], list[Timing]] = {}
    for timing in sorted(timings, key=lambda t: t.atoms):
        out.setdefault((timing.name, timing.threads, timing.device), []).append(timing)
    return out


def _where(threads: int, device: str) -> str:
    return device if device != "cpu" else f"{threads} thread{'s' if threads > 1 else ''}"


def draw_breakdown(path: Path, breakdowns: Sequence[Breakdown]) -> None:
    """A bar per stage: measured time, lower bound and their ratio.

    Args:
        path: of the picture; the suffix chooses the format.
        breakdowns: one panel each.
    """
    most = max(len(b.stages) for b in breakdowns)
    figure = Figure(figsize=(5.6 * len(breakdowns), 1.4 + 0.3 * most), layout="constrained")
    for axes, found in zip(np.atleast_1d(figure.subplots(1, len(breakdowns))), breakdowns, strict=True):
        rows = np.arange(len(found.stages))
        measured = np.array([1e6 * stage.measured for stage in found.stages])
        least = np.array([1e6 * stage.floor for stage in found.stages])
        axes.barh(rows, measured, height=0.72, color=COLOURS[0], alpha=0.45, label="measured")
        axes.barh(rows, least, height=0.34, color=INK, label="floor")
        for row, have, floor in zip(rows, measured, least, strict=True):
            axes.text(max(have, floor), row, f" {have / floor:.1f}×", va="center", fontsize=8, color=INK)
        axes.set_yticks(rows, [" + ".join(stage.stages) for stage in found.stages])
        axes.invert_yaxis()
        axes.set_xlim(0, 1.15 * max(measured.max(), least.max()))
        axes.set_xlabel(
            f"µs/atom; sum {measured.sum():.1f}, floor {least.sum():.1f}, one evaluation {1e6 * found.whole:.1f}",
            fontsize=8,
            color=INK,
        )
        axes.set_title(
            f"{found.name}, {found.dtype}, {found.atoms:,} atoms, {_where(found.threads, 'cpu')}\n"
            f"peaks {found.peaks.flops / 1e9:.0f} GFLOP/s, {found.peaks.bandwidth / 1e9:.1f} GB/s",
            loc="left",
            fontsize=9,
            color=INK,
        )
        tidy(axes)
        axes.grid(visible=False, axis="y")
        axes.legend(fontsize=8, frameon=False, loc="lower right", labelcolor=INK)
    save(figure, path)
