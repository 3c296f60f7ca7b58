"""Reading and plotting of ``log.csv``."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from voxpot_training.colours import ACCENT, PALE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["curve", "curve_of", "draw_learning", "read_log", "spent"]

POINTS = 8
"""Rows of a learning curve."""


def read_log(path: Path) -> list[dict[str, str]]:
    """One row per epoch."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def spent(log: Path) -> dict[str, float]:
    """Epochs and minutes of a training, for its card."""
    rows = read_log(log)
    return {"epochs": len(rows), "minutes": round(float(rows[-1]["seconds"]) / 60, 1) if rows else 0}


def curve(log: Path, columns: Sequence[str], *, before: Sequence[Mapping[str, float]] = ()) -> list[dict[str, float]]:
    """A learning curve for a card: ``minutes`` of training, and validation errors of the averaged weights.

    Args:
        log: of a training.
        columns: names of errors; that of validation is ``valid_COLUMN``.
        before: the curve of an earlier stage, which this one goes on with.

    Returns:
        ``before``, and up to ``POINTS`` rows, the last validation among them.
    """
    rows = [row for row in read_log(log) if all(row[f"valid_{name}"] for name in columns)]
    chosen = {round(k * (len(rows) - 1) / max(min(len(rows), POINTS) - 1, 1)) for k in range(min(len(rows), POINTS))}
    gone = before[-1]["minutes"] if before else 0.0
    found = [
        {"minutes": round(gone + float(row["seconds"]) / 60, 1)}
        | {name: float(row[f"valid_{name}"]) for name in columns}
        for k, row in enumerate(rows)
        if k in chosen
    ]
    return [*(dict(row) for row in before), *found]


def curve_of(card: Mapping[str, Any], columns: Sequence[str]) -> list[dict[str, float]]:
    """The learning curve of a card; empty if there is none, or what is there is no curve.

    >>> curve_of({"learning": [{"minutes": 2.0, "force": 50.0}]}, ["force"])
    [{'minutes': 2.0, 'force': 50.0}]
    >>> curve_of({"learning": "fast"}, ["force"])
    []
    """
    try:
        return [{key: float(row[key]) for key in ("minutes", *columns)} for row in card.get("learning", [])]
    except (TypeError, KeyError, ValueError):
        return []


def draw_learning(
    path: Path, panels: Sequence[tuple[Path, str, str]], *, title: str, size: tuple[float, float]
) -> None:
    """Errors in training, and in validation with the averaged weights, against the epoch.

    Args:
        path: of the picture.
        panels: the log, the column, and its label; in validation the column is ``valid_COLUMN``.
        title: above all panels.
        size: inches.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=size, layout="constrained")
        row = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (log, name, label) in zip(row, panels, strict=True):
            rows = read_log(log)
            for key, style, colour, caption in (
                (name, "-", PALE, "training"),
                (f"valid_{name}", "o-", ACCENT, "validation, averaged weights"),
            ):
                points = [(int(r["epoch"]) + 1, float(r[key])) for r in rows if r.get(key)]
                if points:
                    axes.plot(*zip(*points, strict=True), style, color=colour, label=caption, markersize=3)
            axes.set(xlabel="epoch", ylabel=label, yscale="log")
            axes.grid(alpha=0.3, which="both")
        figure.legend(*row[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
        figure.suptitle(title)
        figure.savefig(path, dpi=150)
