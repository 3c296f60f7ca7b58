"""Pictures of a training."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["plot_log"]


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
