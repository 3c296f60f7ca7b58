"""Error against price of the variants of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voxpot_training.colours import ACCENT, PALE

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from voxpot_training.potential.study import Row

__all__ = ["plot_study"]


def plot_study(rows: Sequence[Row], front: Collection[str], picture: Path, *, minutes: float) -> None:
    """Error against price of every variant; those that nothing beats in both are joined."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5.5), layout="constrained")
    with mpl.rc_context({"font.size": 9}):
        axes = figure.subplots()
        best = sorted((r for r in rows if r.name in front), key=lambda r: r.cost)
        axes.plot([r.cost for r in best], [r.score for r in best], "-", color=ACCENT, linewidth=1)
        for r in rows:
            axes.plot(r.cost, r.score, "o", color=ACCENT if r.name in front else PALE, markersize=5)
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
