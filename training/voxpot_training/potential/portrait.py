"""Figure of predicted uncertainties against errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import erf
from scipy.stats import spearmanr

from voxpot_training.potential.reliability import LEVELS, binned, coverage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.axes import Axes

    from ase_voxpot.uncertainty import Calibration
    from voxpot_training.potential.reliability import Reliability

__all__ = ["plot_reliability"]

COLOURS = ("#2f6db3", "#d9772b", "#3f9a5f", "#b8434e", "#7d5ba6", "#8a6d4f", "#cc79a7", "#6f7680", "#a9a034", "#3aa6b9")


def plot_reliability(
    picture: Path,
    found: Reliability,
    far: Mapping[str, tuple[list[float], list[float]]],
    calibration: Calibration,
    *,
    title: str,
) -> None:
    """Predicted uncertainties against the errors that occurred, and uncertainties far from any data."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.5, 8.2), layout="constrained")
    with mpl.rc_context({"font.size": 9, "axes.titlesize": 10}):
        upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.15, 1))[:, 0]
        panels = upper.subplot_mosaic([["energy", "force", "cover"]])
        panels |= lower.subplot_mosaic([["score", "far"]], width_ratios=(1, 2))
        names = sorted(set(found.groups))
        _plot_bins(panels["energy"], found.sigma, found.error, found.groups, names, "energy", "meV/atom")
        size = np.sqrt((found.force_error**2).mean(axis=1))
        owners = [found.groups[k] for k in found.owner]
        _plot_bins(panels["force"], found.force_sigma, size, owners, names, "force on an atom", "meV/Å")
        scores = {
            "energies": found.error / found.sigma,
            "force components": (found.force_error / found.force_sigma[:, None]).ravel(),
        }
        _plot_cover(panels["cover"], scores)
        _plot_scores(panels["score"], scores)
        _plot_far(panels["far"], found, far, calibration)
        for axes in panels.values():
            axes.grid(alpha=0.25)
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
        handles, labels = panels["energy"].get_legend_handles_labels()
        dots = [k for k, label in enumerate(labels) if not label.startswith("RMS")]
        upper.legend(
            [handles[k] for k in dots], [labels[k] for k in dots], loc="outside lower center", ncols=12,
            frameon=False, fontsize=8, markerscale=2.5, columnspacing=1.2, handletextpad=0.1,
        )  # fmt: skip
    figure.suptitle(f"Uncertainty of {title} on frames that were held out")
    figure.savefig(picture, dpi=150)


def _plot_bins(
    axes: Axes, sigma: np.ndarray, error: np.ndarray, groups: list[str], names: list[str], what: str, unit: str
) -> None:
    """Every frame or atom as a dot, and the RMS error in bins of equal numbers."""
    shown = np.abs(error)
    floor = max(np.quantile(shown, 0.02), 1e-3)
    owner = np.array(groups)
    for k, name in enumerate(names):
        mine = owner == name
        axes.scatter(
            sigma[mine], shown[mine].clip(floor), s=6, alpha=0.45, linewidths=0, rasterized=True,
            color=COLOURS[k % len(COLOURS)], marker="os^D"[k // len(COLOURS) % 4], label=name,
        )  # fmt: skip
    span = np.array([sigma.min() / 1.3, sigma.max() * 1.3])
    axes.fill_between(span, floor, 2 * span, color="#9aa5b1", alpha=0.15, linewidth=0)
    axes.plot(span, span, color="#30343b", linewidth=1, label="RMS error = uncertainty")
    if len(sigma) >= 20:
        axes.plot(*binned(sigma, error, 10), "ko-", markersize=4, linewidth=1.2, label="RMS error in bins")
    axes.set(
        xscale="log", yscale="log", xlim=span, xlabel=f"predicted σ ({unit})", ylabel=f"|error| ({unit})",
        title=f"{what}: Spearman {spearmanr(sigma, shown)[0]:.2f}" if len(sigma) > 2 else what,
    )  # fmt: skip
    handles, labels = axes.get_legend_handles_labels()
    keep = [k for k, label in enumerate(labels) if label.startswith("RMS")]
    axes.legend([handles[k] for k in keep], [labels[k] for k in keep], frameon=False, fontsize=8, loc="upper left")


def _plot_cover(axes: Axes, scores: Mapping[str, np.ndarray]) -> None:
    """Share of errors within an interval against the share that should be there."""
    levels = np.linspace(0, 1, 101)
    axes.plot([0, 1], [0, 1], color="#30343b", linewidth=1)
    for (name, score), colour in zip(scores.items(), COLOURS, strict=False):
        inside = erf(np.abs(score) / np.sqrt(2))
        axes.plot(levels, [(inside <= p).mean() for p in levels], color=colour, label=name)
        axes.plot(LEVELS, coverage(score), "o", color=colour, markersize=4)
    axes.set(xlabel="nominal share", ylabel="share of errors within", title="coverage", xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False, loc="upper left", fontsize=8)


def _plot_scores(axes: Axes, scores: Mapping[str, np.ndarray]) -> None:
    edges = np.linspace(-5, 5, 51)
    for (name, score), colour in zip(scores.items(), COLOURS, strict=False):
        axes.hist(
            score.clip(-5, 5), edges.tolist(), density=True, histtype="stepfilled", alpha=0.35, color=colour, label=name
        )
    axes.plot(edges, np.exp(-(edges**2) / 2) / np.sqrt(2 * np.pi), color="#30343b", linewidth=1, label="normal")
    axes.set(xlabel="error / σ", ylabel="density", title="standardised errors", xlim=(-5, 5))
    axes.legend(frameon=False, fontsize=8)


def _plot_far(
    axes: Axes, found: Reliability, far: Mapping[str, tuple[list[float], list[float]]], calibration: Calibration
) -> None:
    """σ per atom of the held-out groups and, below, of structures far from the data."""
    owner = np.array(found.groups)
    rows = [(name, found.sigma[owner == name], COLOURS[0]) for name in sorted(set(found.groups))]
    rows += [
        (name, np.array(energies), COLOURS[2 if name.startswith("random alloy") else 1])
        for name, (energies, _) in far.items()
    ]
    for k, (_, values, colour) in enumerate(rows):
        axes.plot([values.min(), values.max()], [k, k], color=colour, linewidth=1, alpha=0.6)
        axes.plot(values, np.full(len(values), k), "|", color=colour, markersize=7)
    limit = 1000 * calibration.energy_limit
    axes.axvline(limit, color="#b8434e", linewidth=1, linestyle="--")
    axes.set_yticks(range(len(rows)), [name for name, *_ in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set(
        xscale="log", xlabel="σ of the energy (meV/atom)",
        title="held out (blue), alloy (green), far from any data (orange); dashed: largest in validation",
    )  # fmt: skip
