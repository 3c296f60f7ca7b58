"""Figures of a property model: predictions, residuals, uncertainties, learning curves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from voxpot_training.colours import ACCENT, INK, PALE
from voxpot_training.learning import read_log

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jaxtyping import Float

    from voxpot_crystals.regression.scores import Figures

__all__ = ["draw_holdout", "draw_learning"]


def draw_holdout(
    path: Path,
    truth: Float[np.ndarray, " crystal"],
    predicted: Float[np.ndarray, " crystal"],
    sigma: Float[np.ndarray, " crystal"],
    figures: Figures,
    *,
    quantity: str,
    unit: str,
    title: str,
) -> None:
    """Predicted against true, the residuals, and errors against their uncertainty."""
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(12, 3.9), layout="constrained")
        parity, residuals, trust = figure.subplots(1, 3)
        ends = np.array([min(truth.min(), predicted.min()), max(truth.max(), predicted.max())])
        parity.errorbar(truth, predicted, sigma, fmt="none", ecolor=PALE, elinewidth=0.6, alpha=0.6)
        parity.plot(truth, predicted, "o", color=INK, markersize=2.5, alpha=0.7)
        parity.plot(ends, ends, color=ACCENT, linewidth=1)
        parity.set(xlabel=f"{quantity}, true ({unit})", ylabel=f"predicted ({unit})")
        text = f"MAE {figures.mae:.3g}\nRMSE {figures.rmse:.3g}\nr² {figures.r2:.4f}"
        parity.text(0.04, 0.96, text, transform=parity.transAxes, va="top")
        residuals.hist(predicted - truth, bins=min(60, max(10, len(truth) // 6)), color=PALE)
        residuals.axvline(0, color=ACCENT, linewidth=1)
        residuals.set(xlabel=f"predicted − true ({unit})", ylabel="crystals")
        error = np.maximum(np.abs(predicted - truth), 1e-3 * figures.rmse)
        trust.loglog(sigma, error, "o", color=INK, markersize=2.5, alpha=0.6)
        span = np.array([sigma.min(), sigma.max()])
        trust.plot(span, span, color=ACCENT, linewidth=1, label="1 σ")
        trust.plot(span, 2 * span, "--", color=ACCENT, linewidth=1, label="2 σ")
        trust.set(xlabel=f"uncertainty σ ({unit})", ylabel=f"|predicted − true| ({unit})")
        trust.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        trust.xaxis.set_major_formatter("{x:g}")
        trust.xaxis.set_minor_formatter(NullFormatter())
        trust.legend(frameon=False, loc="lower right")
        figure.suptitle(title)
        figure.savefig(path, dpi=150)


def draw_learning(path: Path, logs: Sequence[Path], *, unit: str, spread: float, title: str) -> None:
    """Error on the left-out fold of every member against the epoch."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(6, 3.6), layout="constrained")
        axes = figure.subplots()
        for number, log in enumerate(logs):
            rows = [(int(r["epoch"]) + 1, spread * float(r["valid_mae"])) for r in read_log(log) if r.get("valid_mae")]
            axes.plot(*zip(*rows, strict=True), color=INK, alpha=0.7, label="a member" if number == 0 else None)
        axes.set(xlabel="epoch", ylabel=f"MAE on its left-out fold ({unit})", yscale="log", title=title)
        axes.grid(alpha=0.3, which="both")
        axes.legend(frameon=False)
        figure.savefig(path, dpi=150)
