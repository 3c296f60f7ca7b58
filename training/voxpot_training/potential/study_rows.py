"""Accuracy and cost of the variants of a study: file, table and figure."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from rich.table import Table

from voxpot_training.colours import ACCENT, PALE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Row", "front", "keep_rows", "plot_study", "read_rows", "table_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Accuracy and cost of a variant."""

    name: str
    parameters: int
    epochs: int
    energy: float  # MAE on the validation frames, meV/atom
    force: float  # MAE, meV/Å
    cost: float  # CPU time of energy, forces and stress, µs per atom
    train_energy: float = math.nan  # the same on frames of the training
    train_force: float = math.nan

    @property
    def score(self) -> float:
        """Sum of both errors, as in the training: 1 meV/atom is equivalent to 20 meV/Å."""
        return 20 * self.energy + self.force


def front(rows: Sequence[Row]) -> set[str]:
    """Names of the rows on the Pareto front of score and cost."""
    return {
        r.name
        for r in rows
        if not any(o.score <= r.score and o.cost <= r.cost and (o.score, o.cost) != (r.score, r.cost) for o in rows)
    }


def read_rows(path: Path) -> list[Row]:
    """The rows of a file; none without it."""
    if not path.is_file():
        return []
    kinds: dict[str, type] = {"name": str, "parameters": int, "epochs": int}
    with path.open(newline="") as file:
        return [Row(**{k: kinds.get(k, float)(v) for k, v in row.items()}) for row in csv.DictReader(file)]


def keep_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write a file of rows."""
    names = [f.name for f in fields(Row)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(
            [getattr(r, n) if n in ("name", "parameters", "epochs") else f"{getattr(r, n):.5g}" for n in names]
            for r in rows
        )


def table_of(rows: Sequence[Row], minutes: float) -> Table:
    """Table of the rows, with the Pareto front marked."""
    best = front(rows)
    table = Table(
        title=f"{minutes:g} CPU minutes each, errors on the validation frames (* nothing is both better and cheaper)"
    )
    for name in ("variant", "parameters", "epochs", "E MAE meV/atom", "F MAE meV/Å", "learned: E", "F", "µs/atom", ""):
        table.add_column(name, justify="left" if name == "variant" else "right")
    for r in rows:
        errors = (f"{r.energy:.2f}", f"{r.force:.1f}", f"{r.train_energy:.2f}", f"{r.train_force:.1f}")
        figures = (f"{r.parameters:,}", f"{r.epochs}", *errors, f"{r.cost:.1f}")
        table.add_row(r.name, *figures, "*" if r.name in best else "")
    return table


def plot_study(rows: Sequence[Row], picture: Path, *, minutes: float) -> None:
    """Error against price of every variant; the Pareto front is connected."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    leading = front(rows)
    figure = Figure(figsize=(8, 5.5), layout="constrained")
    with mpl.rc_context({"font.size": 9}):
        axes = figure.subplots()
        best = sorted((r for r in rows if r.name in leading), key=lambda r: r.cost)
        axes.plot([r.cost for r in best], [r.score for r in best], "-", color=ACCENT, linewidth=1)
        for r in rows:
            axes.plot(r.cost, r.score, "o", color=ACCENT if r.name in leading else PALE, markersize=5)
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
