"""Pictures of a campaign: learning curve, compositions, uncertainties, costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from ase_voxpot.plotting.style import COLOURS, INK, tidy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

    from voxpot_training.campaign.records import Report

__all__ = ["drawings"]

SIZE = (4.4, 3.2)
CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(3) / 2]])
"""Of the triangle of three elements."""


def drawings(report: Report) -> Iterator[tuple[str, Figure]]:
    """Name and picture of every panel with data."""
    known = [r for r in report.rounds if r.new or r.holdout]
    if known:
        yield "energy", _drawn(_errors, report, "energy_mae", "energy MAE (meV/atom)")
        yield "forces", _drawn(_errors, report, "force_mae", "force MAE (meV/Å)")
    if any(r.new for r in report.rounds):
        yield "kinds", _drawn(_by_kind, report)
    if any(r.before or r.after for r in report.rounds):
        yield "uncertainty", _drawn(_uncertainty, report)
    if report.compositions:
        yield "compositions", _drawn({2: _line, 3: _triangle}.get(len(report.species), _shares), report)
    yield "cost", _drawn(_cost, report)


def _drawn(draw: Any, report: Report, *arguments: str) -> Figure:
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    draw(axes, report, *arguments)
    axes.xaxis.label.set(size=9, color=INK)
    axes.yaxis.label.set(size=9, color=INK)
    if axes.axison:
        tidy(axes)
        axes.tick_params(which="minor", colors=INK, labelsize=8)
    for spine in axes.spines.values():
        spine.set_color(INK)
    handles, names = axes.get_legend_handles_labels()
    if names:
        figure.legend(
            handles, names, loc="outside upper left", ncols=3, frameon=False, fontsize=8, labelcolor=INK,
            handlelength=1.4, columnspacing=1.2,
        )  # fmt: skip
    return figure


def _rounds(axes: Axes, report: Report) -> None:
    numbers = [r.number for r in report.rounds]
    axes.set_xticks(numbers)
    axes.set(xlabel="round", xlim=(numbers[0] - 0.4, numbers[-1] + 0.4))


def _logarithmic(axes: Axes) -> None:
    """Decades, with plain numbers, also where there is less than one."""
    axes.set_yscale("log")
    for which in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        which(LogFormatter(minor_thresholds=(1.2, 0.5)))


def _errors(axes: Axes, report: Report, name: str, label: str) -> None:
    for which, colour, text in (
        ("new", COLOURS[1], "new labels, before training"),
        ("holdout", COLOURS[0], "hold-out"),
    ):
        found = [(r.number, getattr(r, which)["total"][name]) for r in report.rounds if getattr(r, which)]
        if found:
            axes.plot(*zip(*found, strict=True), color=colour, marker="o", markersize=4, label=text)
    _logarithmic(axes)
    axes.set_ylabel(label)
    _rounds(axes, report)


def _by_kind(axes: Axes, report: Report) -> None:
    kinds = sorted({kind for r in report.rounds if r.new for kind in r.new["groups"]})
    for k, kind in enumerate(kinds):
        found = [
            (r.number, r.new["groups"][kind]["energy_mae"]) for r in report.rounds if r.new and kind in r.new["groups"]
        ]
        marker = "o" if k < len(COLOURS) else "s"
        axes.plot(
            *zip(*found, strict=True),
            color=COLOURS[k % len(COLOURS)],
            marker=marker,
            markersize=4,
            linewidth=1,
            label=kind,
        )
    _logarithmic(axes)
    axes.set_ylabel("energy MAE (meV/atom)")
    _rounds(axes, report)


def _uncertainty(axes: Axes, report: Report) -> None:
    for which, colour, text in (("before", COLOURS[1], "before"), ("after", COLOURS[0], "after")):
        shift = -0.08 if which == "before" else 0.08
        for r in report.rounds:
            found = getattr(r, which)
            if found:
                axes.plot([r.number + shift] * 2, [found["median"], found["high"]], color=colour, linewidth=2.4)
        points = [(r.number + shift, getattr(r, which)["median"]) for r in report.rounds if getattr(r, which)]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, marker="o", markersize=4, linewidth=0, label=text)
    _logarithmic(axes)
    axes.set_ylabel("uncertainty (meV/atom)")
    _rounds(axes, report)


def _cost(axes: Axes, report: Report) -> None:
    numbers = np.array([r.number for r in report.rounds])
    labels, training = (
        np.array([getattr(r, n) for r in report.rounds]) / 60 for n in ("label_seconds", "train_seconds")
    )
    axes.bar(numbers, labels, width=0.5, color=COLOURS[1], label="labels")
    axes.bar(numbers, training, width=0.5, bottom=labels, color=COLOURS[0], label="training")
    axes.set_ylabel("minutes of workers")
    _rounds(axes, report)


def _line(axes: Axes, report: Report) -> None:
    first = report.species[0]
    shares = np.array([c["shares"].get(first, 0.0) for c in report.compositions])
    rounds = np.array([c["round"] for c in report.compositions])
    spread = np.random.default_rng(0).uniform(-0.3, 0.3, len(rounds))
    axes.scatter(shares, rounds + spread, s=9, color=COLOURS[0], alpha=0.6, linewidths=0)
    axes.set(xlabel=f"share of {first}", ylabel="round", xlim=(-0.03, 1.03))
    axes.set_yticks(sorted(set(rounds.tolist())))


def _triangle(axes: Axes, report: Report) -> None:
    shares = np.array([[c["shares"].get(s, 0.0) for s in report.species] for c in report.compositions])
    rounds = np.array([c["round"] for c in report.compositions])
    place = shares @ CORNERS + np.random.default_rng(0).normal(scale=0.008, size=(len(shares), 2))
    border = np.vstack([CORNERS, CORNERS[:1]])
    axes.plot(*border.T, color=INK, linewidth=0.9)
    for k, number in enumerate(sorted(set(rounds.tolist()))):
        chosen = rounds == number
        x, y = place[chosen].T
        colour = COLOURS[k % len(COLOURS)]
        axes.scatter(x, y, s=10, color=colour, alpha=0.7, linewidths=0, label=f"round {number}")
    for corner, symbol, shift in zip(
        CORNERS, report.species, ((-0.06, -0.05), (0.06, -0.05), (0.0, 0.05)), strict=True
    ):
        x, y = corner + shift
        axes.text(float(x), float(y), symbol, ha="center", va="center", color=INK, fontsize=9)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _shares(axes: Axes, report: Report) -> None:
    for k, symbol in enumerate(report.species):
        shares = [c["shares"].get(symbol, 0.0) for c in report.compositions]
        axes.hist(shares, bins=12, range=(0, 1), histtype="step", color=COLOURS[k % len(COLOURS)], label=symbol)
    axes.set(xlabel="share of an element", ylabel="labels")
