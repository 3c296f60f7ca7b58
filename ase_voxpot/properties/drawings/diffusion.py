"""Figure of diffusion: mean squared displacements and Arrhenius's law."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.units import kB
from matplotlib.figure import Figure

from ase_voxpot.plotting.style import COLOURS, INK, save, tidy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from ase_voxpot.properties.diffusion import Arrhenius, Diffusion

__all__ = ["draw_diffusion"]


def draw_diffusion(path: Path, runs: Sequence[Diffusion], laws: Mapping[str, Arrhenius | None], *, title: str) -> None:
    """Mean squared displacements, and coefficients against temperature if there are several.

    Args:
        path: of the picture.
        runs: one per temperature.
        laws: Arrhenius's law by element, where it could be fitted.
        title: of the picture.
    """
    several = len(runs) > 1
    figure = Figure(figsize=(9.6 if several else 5.6, 4.0), layout="constrained")
    grid = figure.subplots(1, 2 if several else 1, squeeze=False)[0]
    names = list(runs[0].coefficients)
    colours = {name: INK if name == "all" else COLOURS[k % len(COLOURS)] for k, name in enumerate(names)}
    for shade, run in zip(np.linspace(0.4, 1.0, len(runs)) if several else [1.0], runs, strict=True):
        half = len(run.times) // 2  # longer lags have few samples and large errors
        for name in names:
            label = name if run is runs[-1] else None
            curve = run.displacements[name][:half]
            grid[0].plot(run.times[:half], curve, color=colours[name], alpha=float(shade), lw=1.3, label=label)
        grid[0].annotate(
            f"{run.temperature:.0f} K",
            (run.times[half - 1], run.displacements[names[-1]][half - 1]),
            (3, -3),
            textcoords="offset points",
            fontsize=7.5,
            color=INK,
        )
    grid[0].set(xlabel="time (ps)", ylabel="mean squared displacement (Å²)", xlim=0, ylim=0)
    grid[0].legend(fontsize=8, frameon=False)
    if several:
        _draw_arrhenius(grid[1], runs, laws, colours)
    for axes in grid:
        tidy(axes)
    figure.suptitle(title, fontsize=11, color=INK)
    save(figure, path)


def _draw_arrhenius(
    axes: Axes, runs: Sequence[Diffusion], laws: Mapping[str, Arrhenius | None], colours: Mapping[str, str]
) -> None:
    inverse = np.array([1e4 / r.temperature for r in runs])
    apart = 0.02 * np.ptp(inverse)  # so that error bars do not overlap
    for k, (name, law) in enumerate(laws.items()):
        values = np.array([r.coefficients[name] for r in runs])
        errors = np.array([r.errors[name] for r in runs])
        known = values > 0
        axes.errorbar(
            (inverse + apart * (k - (len(laws) - 1) / 2))[known],
            values[known],
            yerr=np.minimum(errors, 0.9 * np.abs(values))[known],
            fmt="o",
            ms=4,
            capsize=3,
            color=colours[name],
        )
        if law is not None:
            fine = np.linspace(inverse.min(), inverse.max(), 50)
            curve = law.prefactor * np.exp(-law.energy * fine / 1e4 / kB)
            label = f"{name}: {law.energy:.2f} ± {law.error:.2f} eV"
            axes.plot(fine, curve, color=colours[name], lw=1.0, label=label)
    axes.set_yscale("log")
    axes.set(xlabel="10⁴ K / T", ylabel="D (Å²/ps = 1e-8 m²/s)")
    if any(law is not None for law in laws.values()):
        axes.legend(fontsize=8, frameon=False)
