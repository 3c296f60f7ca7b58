"""Figures 4, 5 and 6 of the paper, and further figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, FuncFormatter

from ase_voxpot.plotting.style import COLOURS, DASHED, GRID, INK, save, tidy
from voxpot_training.learning import read_log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from voxpot_training.wholecell.assess import Errors
    from voxpot_training.wholecell.shadow import Run

__all__ = ["draw_dense", "draw_errors", "draw_forces", "draw_losses", "draw_scans", "draw_shadow", "losses_of"]

COMPONENTS = ("$F_x$", "$F_y$", "$F_z$")
PLAIN = FormatStrFormatter("%g")


def losses_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Losses in training and validation of every epoch."""
    rows = read_log(path)
    return np.array([float(r["loss"]) for r in rows]), np.array([float(r["valid_loss"]) for r in rows])


def _draw_others(axes: Axes, others: Mapping[str, float], *, named: bool = True) -> None:
    """Losses of methods that are not trained epoch by epoch beside the networks."""
    for k, (name, loss) in enumerate(others.items()):
        axes.axhline(loss, color=INK, linewidth=0.8, linestyle=DASHED if k == 0 else (0, (1, 2)))
        if named:
            axes.annotate(
                name, (1.0, loss), (-4, 3), xycoords=("axes fraction", "data"), textcoords="offset points",
                ha="right", va="bottom", fontsize=8, color=INK,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
            )  # fmt: skip


def _split_others(others: Mapping[str, float], lowest: float) -> tuple[dict[str, float], str]:
    """Those to be drawn beside curves that end at ``lowest``, and a word on those far below."""
    near = {name: loss for name, loss in others.items() if loss > 0.5 * lowest}
    below = ", ".join(f"{name} {loss:.1e}" for name, loss in others.items() if name not in near)
    return near, f"far below: {below}" if below else ""


def _label_losses(axes: Axes) -> None:
    """Plain numbers on a logarithmic axis of less than two decades or so."""

    def plain(loss: float, _: int) -> str:
        leading = loss / 10 ** np.floor(np.log10(loss))
        crowded = any(abs(leading - digit) < 1e-6 for digit in (4, 6, 7, 8, 9))
        return "" if crowded else f"{loss:g}"

    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(plain))
    axes.yaxis.set_minor_formatter(FuncFormatter(plain))
    tidy(axes)
    axes.tick_params(which="minor", colors=INK, labelsize=8)


def draw_losses(path: Path, logs: Mapping[str, Path], others: Mapping[str, float]) -> None:
    """Figure 4 of the paper: loss against epoch, inner and outer boxes, every resolution.

    Args:
        path: of the picture.
        logs: ``log.csv`` by name such as ``obb-8``.
        others: validation losses of other methods, zero forces first; those far below the curves are only named.
    """
    figure = Figure(figsize=(9.0, 6.4), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    losses = {label: losses_of(log) for label, log in logs.items()}
    near, below = _split_others(others, min(float(min(t.min(), v.min())) for t, v in losses.values()))
    for row, box, name in zip(panels, ("ibb", "obb"), ("inner boxes", "outer box"), strict=True):
        for k, (label, both) in enumerate((n, l) for n, l in losses.items() if n.startswith(box)):
            for axes, values in zip(row, both, strict=True):
                axes.plot(np.arange(1, len(values) + 1), values, color=COLOURS[k], linewidth=1.2, label=label)
        for axes, kind in zip(row, ("training", "validation"), strict=True):
            axes.set_title(f"{name}, {kind}", fontsize=9, color=INK)
            _label_losses(axes)
            _draw_others(axes, near, named=kind == "validation")
        row[0].legend(fontsize=8, loc="lower left", facecolor="white", edgecolor="none", framealpha=0.9)
        row[0].set_ylabel("mean square, in largest forces", fontsize=9)
    for axes in panels[1]:
        axes.set_xlabel("epoch", fontsize=9)
    figure.suptitle(below, fontsize=8, color=INK)
    save(figure, path)


def draw_dense(path: Path, logs: Mapping[str, Path], others: Mapping[str, float]) -> None:
    """Figure 5 of the paper: losses of the dense network and of three CNNs; arguments as of ``draw_losses``."""
    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    axes = figure.subplots()
    losses = {label: losses_of(log)[1] for label, log in logs.items()}
    for k, (label, values) in enumerate(losses.items()):
        axes.plot(np.arange(1, len(values) + 1), values, color=COLOURS[k], linewidth=1.3, label=label)
    near, below = _split_others(others, min(float(values.min()) for values in losses.values()))
    axes.set_title(below, fontsize=8, color=INK)
    axes.set(xlabel="epoch", ylabel="validation loss")
    _label_losses(axes)
    _draw_others(axes, near)
    axes.legend(fontsize=8, facecolor="white", edgecolor="none", framealpha=0.9)
    save(figure, path)


def draw_forces(path: Path, result: np.ndarray, true: np.ndarray, *, title: str, by: str = "network") -> None:
    """Figure 6 of the paper: scatter, histogram and box plots of the three components, eV/Å.

    Args:
        path: of the picture.
        result: [frame, atom, 3].
        true: the same.
        title: of the picture.
        by: name of the method.
    """
    result, true = result.reshape(-1, 3), true.reshape(-1, 3)
    figure = Figure(figsize=(11.0, 3.8), layout="constrained")
    scatter, histogram, boxes = figure.subplots(1, 3)
    edge = float(np.percentile(np.abs(true), 99.9))
    some = np.random.default_rng(0).permutation(len(true))[:3000]
    bins = np.linspace(-edge, edge, 61)
    for k, name in enumerate(COMPONENTS):
        scatter.scatter(true[some, k], result[some, k], s=3, linewidths=0, alpha=0.5, color=COLOURS[k], label=name)
        histogram.hist(true[:, k], bins, histtype="step", color=COLOURS[k], linestyle=(0, (3, 2)), density=True)
        histogram.hist(result[:, k], bins, histtype="step", color=COLOURS[k], label=name, density=True)
    scatter.plot([-edge, edge], [-edge, edge], color=INK, linewidth=0.8)
    scatter.set(xlim=(-edge, edge), ylim=(-edge, edge), xlabel="reference (eV/Å)", ylabel=f"{by} (eV/Å)")
    scatter.set_box_aspect(1)
    scatter.legend(frameon=False, fontsize=8, markerscale=3, loc="upper left")
    histogram.set(xlabel="force (eV/Å)", ylabel="density (Å/eV), reference dashed", yscale="log")
    columns = [values[:, k] for k in range(3) for values in (true, result)]
    drawn: Any = boxes.boxplot(columns, whis=(1, 99), showfliers=False, patch_artist=True, widths=0.6)
    for k, box in enumerate(drawn["boxes"]):
        box.set(facecolor=COLOURS[k // 2] if k % 2 else "none", edgecolor=COLOURS[k // 2], alpha=0.7)
    for line in drawn["medians"]:
        line.set_color(INK)
    boxes.set_xticks(range(1, 7), [f"{c}\n{w}" for c in COMPONENTS for w in ("ref.", by[:3])], fontsize=8)
    boxes.set_ylabel("force (eV/Å), whiskers at 1 and 99 %")
    for axes in (scatter, histogram, boxes):
        tidy(axes)
    figure.suptitle(title, fontsize=10, color=INK)
    save(figure, path)


def draw_errors(path: Path, table: Mapping[str, Mapping[str, Errors]]) -> None:
    """Force and energy errors of every method on every split, on logarithmic scales."""
    methods = list(dict.fromkeys(name for row in table.values() for name in row))
    figure = Figure(figsize=(9.5, 0.5 * len(methods) + 1.2), layout="constrained")
    forces, energies = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    for k, (split, row) in enumerate(table.items()):
        style: Any = {"marker": "o^s"[k % 3], "linestyle": "", "color": COLOURS[k % len(COLOURS)], "markersize": 6}
        places = -np.arange(len(methods)) - 0.16 * (k - 1)
        forces.plot([row[name].mae for name in methods], places, label=f"{split} split", **style)
        energies.plot([row[name].energy_mae or np.nan for name in methods], places, **style)
    for i, name in enumerate(methods):
        if all(row[name].energy_mae is None for row in table.values()):
            energies.annotate("has no energy", (0.5, -i), xycoords=("axes fraction", "data"), ha="center", va="center",
                              fontsize=8, color=COLOURS[7])  # fmt: skip
    forces.set_yticks(-np.arange(len(methods)), methods, fontsize=8)
    forces.set(xlabel="force MAE (meV/Å)", xscale="log")
    energies.set(xlabel="energy MAE (meV/atom)", xscale="log")
    figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=len(table))
    for axes in (forces, energies):
        tidy(axes)
        axes.grid(which="both", axis="x", color=GRID, linewidth=0.6)
        axes.xaxis.set_major_formatter(PLAIN)
    save(figure, path)


def draw_scans(
    path: Path,
    gammas: Sequence[float],
    losses: Mapping[str, Sequence[float]],
    shifts: Sequence[float],
    explained: Mapping[str, Sequence[float]],
) -> None:
    """Loss of a linear model against γ, and explained forces against a shift of the crystal.

    Args:
        path: of the picture.
        gammas: in units of the largest coordinate.
        losses: over that of zero forces, by reading.
        shifts: Å.
        explained: part of the squared forces, by network.
    """
    figure = Figure(figsize=(9.5, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for k, (name, values) in enumerate(losses.items()):
        left.plot(gammas, values, "o-", color=COLOURS[k], markersize=4, linewidth=1.2, label=f"reading: {name}")
    left.axhline(1.0, color=INK, linewidth=0.8, linestyle=DASHED)
    left.axvline(2.0, color="#b9bec5", linewidth=0.8)
    left.annotate(
        "paper", (2.0, 0.02), (-3, 0), xycoords=("data", "axes fraction"), textcoords="offset points",
        ha="right", fontsize=8, color=INK,
    )  # fmt: skip
    left.set(
        xlabel="γ (largest coordinate = 1)", ylabel="loss of a straight line / zero forces", xscale="log", yscale="log"
    )
    for k, (name, values) in enumerate(explained.items()):
        right.plot(shifts, values, "o-", color=COLOURS[k], markersize=4, linewidth=1.2, label=name)
    right.axhline(0.0, color=INK, linewidth=0.8, linestyle=DASHED)
    right.annotate("zero forces", (1.0, 0.0), (-4, 3), xycoords=("axes fraction", "data"),
                   textcoords="offset points", ha="right", fontsize=8, color=INK)  # fmt: skip
    left.set_ylim(top=5.0)  # beyond it a line goes through voxels that hardly ever hold an atom
    right.set_ylim(-1.2, 1.05)
    right.set_xlim(-0.02, 0.6)
    right.set(xlabel="crystal moved against the grid along x (Å)", ylabel="explained part of the forces")
    left.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(0.95, 0.05))
    right.legend(frameon=False, fontsize=8, loc="upper right", bbox_to_anchor=(1.0, 0.93))
    for axes in (left, right):
        tidy(axes)
    save(figure, path)


def draw_shadow(path: Path, runs: Mapping[str, Run]) -> None:
    """Temperature and energy of dynamics without a thermostat."""
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    for k, (name, run) in enumerate(runs.items()):
        upper.plot(run.time, run.temperature, color=COLOURS[k], linewidth=1.2, label=name)
        lower.plot(run.time, 1000 * run.energy, color=COLOURS[k], linewidth=1.2)
    upper.set_ylabel("temperature (K)")
    lower.set(xlabel="time (ps)", ylabel="change of shadow energy\n(meV/atom)")
    lower.set_yscale("symlog", linthresh=1.0)
    upper.legend(frameon=False, fontsize=8)
    for axes in (upper, lower):
        tidy(axes)
    figure.align_ylabels((upper, lower))
    save(figure, path)
