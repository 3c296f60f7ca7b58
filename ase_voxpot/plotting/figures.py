"""Figures: parity plots, molecular dynamics runs, selections of frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import GPa
from matplotlib.figure import Figure

from ase_voxpot.md.integrators import PISTONS
from ase_voxpot.plotting.style import COLOURS, DASHED, INK, save, tidy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms
    from jaxtyping import Float
    from matplotlib.axes import Axes

    from ase_voxpot.frames.labels import Labels
    from ase_voxpot.md.records import Sample
    from ase_voxpot.md.run import Plan
    from ase_voxpot.scoring import Prediction, Scores
    from ase_voxpot.selection import Selection

__all__ = ["draw_parity", "draw_run", "draw_selection"]

MARKERS = "os^D"
FREE = ("nve", "nph-z")
"""Ensembles without a thermostat."""


def draw_parity(
    path: Path,
    frames: Sequence[Atoms],
    labels: Sequence[Labels],
    predictions: Sequence[Prediction],
    scores: Scores,
) -> None:
    """Prediction against label for energies, forces and stresses, the errors below.

    Args:
        path: of the picture; the suffix chooses the format.
        frames: the structures.
        labels: one per frame.
        predictions: one per frame.
        scores: errors in the titles of the panels.
    """
    total = scores.total
    panels = [
        (
            "Energy",
            "eV/atom",
            f"MAE {total.energy_mae:.2f}, RMSE {total.energy_rmse:.2f} meV/atom",
            _by_group(labels, [[l.energy / len(a)] for a, l in zip(frames, labels, strict=True)]),
            _by_group(labels, [[p.energy / len(a)] for a, p in zip(frames, predictions, strict=True)]),
            1000.0,
            "meV/atom",
        ),
        (
            "Forces",
            "eV/Å",
            f"MAE {total.force_mae:.1f}, RMSE {total.force_rmse:.1f} meV/Å",
            _by_group(labels, [l.forces for l in labels]),
            _by_group(labels, [p.forces for p in predictions]),
            1000.0,
            "meV/Å",
        ),
    ]
    both = [(l, p) for l, p in zip(labels, predictions, strict=True) if l.stress is not None and p.stress is not None]
    if total.stress_mae is not None:
        known = [l for l, _ in both]
        panels.append(
            (
                "Stress",
                "GPa",
                f"MAE {total.stress_mae:.2f} GPa",
                _by_group(known, [np.asarray(l.stress) / GPa for l in known]),
                _by_group(known, [np.asarray(p.stress) / GPa for _, p in both]),
                1.0,
                "GPa",
            )
        )
    figure = Figure(figsize=(4.1 * len(panels), 5.9), layout="constrained")
    grid = figure.subplots(2, len(panels), squeeze=False, height_ratios=(3, 1), sharex="col")
    for (upper, lower), panel in zip(grid.T, panels, strict=True):
        _draw_panel(upper, lower, panel)
    handles, names = grid[0, 0].get_legend_handles_labels()
    if len(names) > 1:
        figure.legend(
            handles,
            names,
            loc="outside lower center",
            ncols=min(6, len(names)),
            fontsize=8,
            frameon=False,
            markerscale=2,
        )
    save(figure, path)


def _by_group(labels: Sequence[Labels], values: Sequence[Any]) -> dict[str, Float[np.ndarray, " value"]]:
    out: dict[str, list[Any]] = {}
    for label, value in zip(labels, values, strict=True):
        out.setdefault(label.group, []).append(np.ravel(value))
    return {name: np.concatenate(out[name]) for name in sorted(out)}


def _draw_panel(upper: Axes, lower: Axes, panel: tuple[Any, ...]) -> None:
    title, unit, caption, reference, predicted, factor, error_unit = panel
    everything = np.concatenate([*reference.values(), *predicted.values()])
    low, high = float(everything.min()), float(everything.max())
    margin = 0.04 * (high - low) or 0.5
    span = (low - margin, high + margin)
    upper.plot(span, span, color=INK, linewidth=0.8, zorder=1)
    lower.axhline(0, color=INK, linewidth=0.8, zorder=1)
    for k, name in enumerate(reference):
        style: dict[str, Any] = {
            "s": 7,
            "linewidths": 0,
            "alpha": 0.6,
            "color": COLOURS[k % len(COLOURS)],
            "marker": MARKERS[k // len(COLOURS) % len(MARKERS)],
            "rasterized": True,
            "zorder": 2,
        }
        upper.scatter(reference[name], predicted[name], label=name, **style)
        lower.scatter(reference[name], factor * (predicted[name] - reference[name]), **style)
    upper.set_title(f"{title}\n{caption}", fontsize=9, color=INK)
    upper.set(xlim=span, ylim=span, ylabel=f"model ({unit})", box_aspect=1)
    lower.set(xlabel=f"reference ({unit})", ylabel=f"error ({error_unit})")
    for axes in (upper, lower):
        tidy(axes)


def draw_run(path: Path, samples: Sequence[Sample], plan: Plan, atoms: int) -> None:
    """Energy, temperature, pressure and the change of the total energy against time.

    Args:
        path: of the picture.
        samples: of the whole run.
        plan: what was run; its targets are drawn as lines.
        atoms: number of atoms, as energies are per atom.
    """
    time = np.array([s.time for s in samples]) / 1000
    total = np.array([s.total for s in samples]) / atoms
    rows = [
        ("potential energy\n(eV/atom)", np.array([s.potential for s in samples]) / atoms, None),
        (
            "temperature\n(K)",
            np.array([s.temperature for s in samples]),
            None if plan.ensemble in FREE else plan.temperature,
        ),
    ]
    if samples[0].pressure is not None:
        rows.append(
            (
                "pressure\n(GPa)",
                np.array([s.pressure for s in samples]),
                plan.pressure if plan.ensemble == "npt" else None,
            )
        )
    if plan.ensemble in PISTONS:
        rows.append(("volume\n(Å³/atom)", np.array([s.volume for s in samples]) / atoms, None))
    if samples[-1].extrapolation is not None:
        levels = [np.nan if s.extrapolation is None else s.extrapolation for s in samples]
        rows.append(("uncertainty /\nlargest in validation", np.array(levels), 1.0))
    name = "drift of the\ntotal energy" if plan.ensemble == "nve" else "change of the\ntotal energy"
    rows.append((f"{name}\n(meV/atom)", 1000 * (total - total[0]), 0.0))

    figure = Figure(figsize=(7.2, 1.6 * len(rows) + 0.6), layout="constrained")
    axes = figure.subplots(len(rows), 1, sharex=True)
    for k, (ax, (label, values, target)) in enumerate(zip(axes, rows, strict=True)):
        ax.plot(time, values, color=COLOURS[k], linewidth=1.0)
        if target is not None:
            ax.axhline(target, color=INK, linewidth=0.8, linestyle=DASHED)
        ax.set_ylabel(label, fontsize=8, color=INK)
        ax.ticklabel_format(axis="y", useOffset=False)
        ax.margins(x=0.01)
        tidy(ax)
    axes[-1].set_xlabel("time (ps)", fontsize=9, color=INK)
    axes[0].set_title(f"{plan.ensemble.upper()}, {_conditions(plan)}, {atoms} atoms", fontsize=10, color=INK)
    figure.align_ylabels(axes)
    save(figure, path)


def _conditions(plan: Plan) -> str:
    pressure = f", {plan.pressure:g} GPa" if plan.ensemble in PISTONS else ""
    return f"{'started at ' if plan.ensemble in FREE else ''}{plan.temperature:g} K{pressure}"


def draw_selection(path: Path, found: Selection, least: float, *, title: str) -> None:
    """The uncertainty of every frame now and with the labels, and the gain of each pick.

    Args:
        path: of the picture.
        found: the selection.
        least: eV/atom, below which nothing is picked.
        title: of the picture.
    """
    figure = Figure(figsize=(10.0, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(2, 1), sharey=True)
    number = np.arange(len(found.before))
    left.plot(number, 1000 * found.before, ".", color=COLOURS[0], markersize=4, label="now")
    left.plot(number, 1000 * found.after, ".", color="#b9bec5", markersize=3, label="with the labels", zorder=1)
    chosen = [p.frame for p in found.picks]
    left.plot(
        chosen, 1000 * found.before[chosen], "o", markerfacecolor="none", color=COLOURS[1], markersize=7, label="picked"
    )
    order = np.arange(1, len(chosen) + 1)
    right.plot(order, [1000 * p.uncertainty for p in found.picks], "o", color=COLOURS[1], markersize=4, label="now")
    right.plot(
        order, [1000 * p.gain for p in found.picks], ".-", color=COLOURS[0], label="once earlier picks are labelled"
    )
    for axes in (left, right):
        axes.axhline(1000 * least, color=INK, linewidth=0.8, linestyle=DASHED)
        axes.set_yscale("log")
        axes.legend(frameon=False, fontsize=8)
        tidy(axes)
    left.set(xlabel="frame", ylabel="uncertainty of the energy (meV/atom)")
    right.set(xlabel="pick")
    figure.suptitle(title, fontsize=10, color=INK)
    save(figure, path)
