"""Pictures of a training."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from voxpot_training.potential.study import Row

__all__ = ["plot_log", "plot_study"]


def plot_log(log: Path, picture: Path, *, title: str) -> None:
    """Errors in training and validation against the epoch, from ``log.csv``."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 2)
    kinds = (("energy", "energy MAE (meV/atom)"), ("force", "force MAE (meV/Å)"))
    with mpl.rc_context({"font.size": 9}):
        for axes, (kind, label) in zip(panels, kinds, strict=True):
            for name, colour, style in ((kind, "#9aa5b1", "-"), (f"valid_{kind}", "#c0392b", "o-")):
                points = [(int(r["epoch"]) + 1, float(r[name])) for r in rows if r.get(name)]
                if points:
                    caption = "validation, averaged weights" if name.startswith("valid") else "training"
                    axes.plot(*zip(*points, strict=True), style, color=colour, label=caption, markersize=3)
            axes.set(xlabel="epoch", ylabel=label, yscale="log")
            axes.grid(alpha=0.3, which="both")
        panels[0].legend(frameon=False)
    figure.suptitle(title)
    figure.savefig(picture, dpi=150)


def plot_study(rows: Sequence[Row], front: Collection[str], picture: Path, *, minutes: float) -> None:
    """Error against price of every variant; those that nothing beats in both are joined."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5.5), layout="constrained")
    with mpl.rc_context({"font.size": 9}):
        axes = figure.subplots()
        best = sorted((r for r in rows if r.name in front), key=lambda r: r.cost)
        axes.plot([r.cost for r in best], [r.score for r in best], "-", color="#c0392b", linewidth=1)
        for r in rows:
            axes.plot(r.cost, r.score, "o", color="#c0392b" if r.name in front else "#9aa5b1", markersize=5)
            axes.annotate(r.name, (r.cost, r.score), (5, 3), textcoords="offset points", fontsize=8)
        axes.set(
            xlabel="energy, forces and stress (µs per atom, CPU)",
            ylabel="validation error: force MAE (meV/Å) + 20 × energy MAE (meV/atom)",
            title=f"{minutes:g} CPU minutes of training each",
            xscale="log",
        )
        axes.margins(x=0.12)
        axes.grid(alpha=0.3, which="both")
    figure.savefig(picture, dpi=150)
