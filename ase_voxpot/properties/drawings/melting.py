"""Figure of a coexistence simulation: order, temperature, phases and pressure over time."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from ase_voxpot.plotting.style import COLOURS, DASHED, INK, save, tidy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.axes import Axes

    from ase_voxpot.properties.coexistence import Melting

__all__ = ["draw_melting"]

MELTING: Any = LinearSegmentedColormap.from_list("melting", ["#f6d9b5", "#e8a05c", "#7f8fb5", "#1f4e86"])
"""From melt to crystal."""


def draw_melting(path: Path, found: Melting, *, title: str) -> None:
    """Order along the normal of the interfaces over time, and temperature, phases and pressure below.

    Args:
        path: of the picture.
        found: crystal and melt.
        title: of the picture.
    """
    figure = Figure(figsize=(9.6, 8.2), layout="constrained")
    grid: Any = figure.subplots(4, 2, width_ratios=(5.2, 1), height_ratios=(2.6, 1.3, 0.8, 1), sharex="col")
    for axes in grid[1:, 1]:
        axes.set_visible(False)
    order, heat, phases, pressure = grid[:, 0]
    length, times = float(found.last.cell[2, 2]), found.times
    colours: Any = {"cmap": MELTING, "vmin": -0.25, "vmax": 1.25}
    order.pcolormesh(
        times,
        (np.arange(found.profile.shape[1]) + 0.5) * length / found.profile.shape[1],
        found.profile.T,
        shading="nearest",
        rasterized=True,
        **colours,
    )
    order.set_ylabel("along the normal (Å)", fontsize=9)
    order.set_title("crystal (dark) and melt (light)", fontsize=9, color=INK)
    _draw_atoms(grid[0, 1], found, length, colours)

    heat.plot(times, found.temperatures, color=COLOURS[1], lw=0.7, alpha=0.5)
    window = max(1, len(times) // 25)
    smooth = np.convolve(found.temperatures, np.ones(window) / window, mode="valid")
    heat.plot(times[window // 2 :][: len(smooth)], smooth, color=COLOURS[1], lw=1.6)
    heat.axhline(found.guess, color=INK, lw=0.8, ls=DASHED, label=f"guess, {found.guess:.0f} K")
    if found.temperature is not None:
        span = times[found.counted][[0, -1]]
        value, error = found.temperature.value, found.temperature.error
        heat.fill_between(span, value - error, value + error, color=COLOURS[0], alpha=0.3, lw=0)
        heat.plot(span, [value, value], color=COLOURS[0], lw=1.6, label=f"mean, {value:.0f} ± {error:.0f} K")
    heat.set_ylabel("temperature (K)", fontsize=9)
    heat.legend(fontsize=8, frameon=False, ncols=2)

    phases.fill_between(times, 100 * found.crystalline, color=MELTING(0.9), lw=0)
    phases.fill_between(times, 100 * found.crystalline, 100, color=MELTING(0.2), lw=0)
    phases.set(ylim=(0, 100), ylabel="crystal (%)")
    for values, name, colour in ((found.along, "along the normal", COLOURS[0]), (found.across, "across", COLOURS[2])):
        smooth = np.convolve(values, np.ones(window) / window, mode="valid")
        pressure.plot(times, values, color=colour, lw=0.6, alpha=0.35)
        pressure.plot(times[window // 2 :][: len(smooth)], smooth, color=colour, lw=1.4, label=name)
    pressure.set(xlabel="time (ps)", ylabel="pressure (GPa)")
    pressure.legend(fontsize=8, frameon=False, ncols=2)
    for axes in (heat, phases, pressure):
        tidy(axes)
    for axes in (order, heat, phases, pressure):
        axes.set_xlim(times[0], times[-1])
        axes.yaxis.label.set_size(9)
    order.tick_params(colors=INK, labelsize=8)
    figure.align_ylabels(grid[:, 0])
    figure.suptitle("\n".join([title, *wrap(found.sentence(), 110)]), fontsize=10, color=INK)
    save(figure, path)


def _draw_atoms(axes: Axes, found: Melting, length: float, colours: Mapping[str, Any]) -> None:
    """The last frame from the side."""
    places = found.last.get_positions(wrap=True)
    behind = np.argsort(-places[:, 1])
    axes.scatter(
        places[behind, 0],
        places[behind, 2],
        c=found.last.arrays["order"][behind],
        s=14,
        lw=0.2,
        edgecolors="w",
        **colours,
    )
    axes.set(xlim=(0, found.last.cell[0, 0]), ylim=(0, length), xticks=[], yticks=[])
    axes.set_title("last frame", fontsize=9, color=INK)
