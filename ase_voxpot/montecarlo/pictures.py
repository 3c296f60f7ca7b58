"""Pictures of Monte Carlo: a run against sweeps, a scan against temperature, layers of a crystal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from ase_voxpot.plotting.style import COLOURS, DASHED, INK, save, tidy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ase import Atoms
    from matplotlib.axes import Axes

    from ase_voxpot.montecarlo.meters import Meter
    from ase_voxpot.montecarlo.records import Row

__all__ = ["draw_layers", "draw_run", "draw_scan"]

STYLES = ("-", "--", ":", "-.")
MARKERS = "os^Dv"


def draw_run(path: Path, rows: Sequence[Row], meter: Meter, *, title: str) -> None:
    """Energy, short-range and long-range order against sweeps, one line style per replica.

    Args:
        path: of the picture.
        rows: samples.
        meter: of the samples.
        title: of the picture.
    """
    columns = set(rows[0])
    panels: list[tuple[str, list[tuple[str, str]]]] = [("energy\n(meV/atom)", [("energy_eV", "")])]
    if len({r["temperature_K"] for r in rows if r["replica"] == 0}) > 1:
        panels.append(("temperature\n(K)", [("temperature_K", "")]))
    alphas = [(f"alpha1_{meter.name(a, b)}", meter.name(a, b)) for a, b in meter.pairs]
    etas = [(f"eta_{meter.elements[k]}", meter.elements[k]) for k in meter.kinds]
    atoms = [(f"n_{meter.elements[k]}", meter.elements[k]) for k in meter.kinds]
    if alphas[0][0] in columns:
        panels.append(("α, first shell", alphas))
    if etas[0][0] in columns:
        panels.append(("long-range\norder η", etas))
    if meter.plan.ensemble.flips:
        panels.append(("concentration", atoms))
    figure = Figure(figsize=(7.2, 1.9 * len(panels) + 0.5), layout="constrained")
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (label, lines) in zip(grid, panels, strict=True):
        _draw_lines(axes, rows, lines, meter.sites)
        axes.set_ylabel(label, fontsize=8, color=INK)
        axes.margins(x=0.01)
        tidy(axes)
        if label.startswith(("α", "long")):
            axes.axhline(0, color=INK, linewidth=0.8, linestyle=DASHED)
        if lines[0][1]:
            axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    grid[-1].set_xlabel("sweeps", fontsize=9, color=INK)
    grid[0].set_title(title, fontsize=10, color=INK)
    figure.align_ylabels(grid)
    save(figure, path)


def _draw_lines(axes: Axes, rows: Sequence[Row], lines: Sequence[tuple[str, str]], sites: int) -> None:
    replicas = sorted({r["replica"] for r in rows})
    start = rows[0]["energy_eV"]
    for number, (column, label) in enumerate(lines):
        for k, replica in enumerate(replicas):
            mine = [r for r in rows if r["replica"] == replica]
            values = np.array([r[column] for r in mine])
            if column == "energy_eV":
                values = 1000 * (values - start) / sites
            elif column.startswith("n_"):
                values = values / sites
            colour = COLOURS[number + 3 * (column[:5] == "alpha")] if len(lines) > 1 else COLOURS[k % len(COLOURS)]
            name = label if k == 0 else None
            if not label and len(replicas) > 1:
                name = f"{mine[-1]['temperature_K']:g} K"
            axes.plot(
                [r["sweep"] for r in mine],
                values,
                color=colour,
                linestyle=STYLES[k % len(STYLES)] if len(lines) > 1 else "-",
                linewidth=1.0,
                label=name,
            )
    if not lines[0][1] and len(replicas) > 1:
        axes.legend(frameon=False, fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))


def draw_scan(path: Path, reports: Mapping[str, Mapping[str, Any]], *, title: str) -> None:
    """Order and heat capacity against temperature, one colour per pair or species, one marker per run.

    Args:
        path: of the picture.
        reports: of runs at several temperatures, by name.
        title: of the picture.
    """
    first = next(iter(reports.values()))["temperatures"][0]
    alphas = [c for c in first if c.startswith("alpha1_") and len(set(c[7:].split("-"))) == 2]
    etas = [c for c in first if c.startswith("eta_")]
    kinds = [(alphas, "α, first shell"), (etas, "long-range order η"), (["heat_capacity_kB"], "heat capacity (k$_B$)")]
    panels = [(columns, label) for columns, label in kinds if columns]
    figure = Figure(figsize=(4.0 * len(panels), 3.9), layout="constrained")
    for axes, (columns, label) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for number, (name, report) in enumerate(reports.items()):
            _draw_against_temperature(axes, report, columns, number, name if len(reports) > 1 else "")
        if columns[0] != "heat_capacity_kB":
            axes.axhline(0, color=INK, linewidth=0.8, linestyle=DASHED)
        axes.set_xlabel("temperature (K)", fontsize=9, color=INK)
        axes.set_title(label, fontsize=10, color=INK)
        if axes.get_legend_handles_labels()[1]:
            axes.legend(frameon=False, fontsize=8)
        tidy(axes)
    figure.suptitle(title, fontsize=10, color=INK)
    save(figure, path)


def _draw_against_temperature(
    axes: Axes, report: Mapping[str, Any], columns: Sequence[str], number: int, name: str
) -> None:
    entries = report["temperatures"]
    for k, column in enumerate(columns):
        known = [e for e in entries if e[column] is not None]
        lone = column == "heat_capacity_kB"
        label = column.partition("_")[2] if number == 0 and not lone else None
        axes.errorbar(
            [e["temperature_K"] for e in known],
            [e[column]["value"] for e in known],
            [e[column]["error"] for e in known],
            color=COLOURS[number if lone else k + 3 * (column[:5] == "alpha")],
            marker=MARKERS[number % len(MARKERS)],
            linestyle=STYLES[number % len(STYLES)],
            markersize=3.5,
            linewidth=1.0,
            capsize=2,
            label=name or None if lone else label,
        )
    transition = report.get("transition")
    if columns[0] == "heat_capacity_kB" and transition and transition["inside_the_range"]:
        at, error = transition["temperature_K"]["value"], transition["temperature_K"]["error"]
        axes.axvspan(at - error, at + error, color=COLOURS[number], alpha=0.15, linewidth=0)
        axes.axvline(at, color=COLOURS[number], linewidth=0.8, linestyle=DASHED)


def draw_layers(path: Path, structures: Mapping[str, Atoms], *, title: str, layers: int = 2) -> None:
    """The lowest layers of structures across their third cell vector, deeper ones smaller.

    Args:
        path: of the picture.
        structures: by the title of their panel; crystals with layers of atoms.
        title: of the picture.
        layers: number of layers drawn.
    """
    figure = Figure(figsize=(3.9 * len(structures), 4.3), layout="constrained")
    elements = sorted({s for atoms in structures.values() for s in atoms.get_chemical_symbols()})
    for axes, (name, atoms) in zip(
        figure.subplots(1, len(structures), squeeze=False)[0], structures.items(), strict=True
    ):
        heights = np.unique(np.round(atoms.positions[:, 2], 2))[:layers]
        for depth, height in enumerate(heights[::-1]):
            here = np.abs(atoms.positions[:, 2] - height) < 0.05
            for k, symbol in enumerate(elements):
                mine = here & (atoms.symbols == symbol)
                size = 90 if depth == len(heights) - 1 else 36
                label = symbol if size == 90 else None
                axes.scatter(*atoms.positions[mine, :2].T, s=size, color=COLOURS[k], linewidth=0, label=label)
        axes.set_aspect("equal")
        axes.set_axis_off()
        axes.set_title(name, fontsize=10, color=INK)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False, fontsize=9)
    figure.suptitle(title, fontsize=10, color=INK)
    save(figure, path)
