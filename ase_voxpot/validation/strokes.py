"""Drawing functions of the panels: scatter plots and pairs of curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.plotting.style import COLOURS, INK

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    from ase_voxpot.validation.validate import Validation
    from ase_voxpot.vasp.frames import Run

    Panel = tuple[str, str, Callable[[Axes, Validation], None]]
    """Name, group and drawing function of a panel."""

__all__ = ["MODEL", "VASP", "agreement", "bins", "both", "cloud", "some", "times"]

POINTS = 20_000
"""Largest number of points of a scatter plot."""
VASP, MODEL = INK, COLOURS[0]


def agreement(axes: Axes) -> None:
    """Draw the line of equality."""
    span = (min(axes.get_xlim()[0], axes.get_ylim()[0]), max(axes.get_xlim()[1], axes.get_ylim()[1]))
    axes.plot(span, span, color=INK, linewidth=0.8, zorder=1)
    axes.set(xlim=span, ylim=span)


def cloud(points: int) -> dict[str, Any]:
    """Style of a scatter plot by its number of points."""
    size = float(np.clip(4000 / max(points, 1), 3, 16))
    return {"s": size, "alpha": 0.45 if points > 2000 else 0.8, "linewidths": 0, "rasterized": True, "zorder": 2}


def bins(count: int) -> int:
    """Number of bins of a histogram of ``count`` values."""
    return int(np.clip(count**0.5 / 2, 15, 80))


def some(*arrays: np.ndarray) -> list[np.ndarray]:
    """An evenly spaced subset of points of flat arrays."""
    flat = [a.ravel() for a in arrays]
    chosen = np.linspace(0, len(flat[0]) - 1, min(len(flat[0]), POINTS)).round().astype(int)
    return [a[chosen] for a in flat]


def times(run: Run) -> tuple[np.ndarray, str]:
    """Positions of frames along the run, and the label of the axis."""
    return (np.arange(len(run)), "frame") if run.times is None else (run.times / 1000, "time (ps)")


def both(axes: Axes, x: np.ndarray, reference: np.ndarray, other: tuple[np.ndarray, np.ndarray] | None) -> None:
    """A curve of the run, and beside it that of the model if there is one."""
    axes.plot(x, reference, color=VASP, linewidth=1.6, label="run")
    if other is not None:
        axes.plot(*other, color=MODEL, linewidth=1.3, linestyle=(0, (3.5, 1.5)), label="model")
