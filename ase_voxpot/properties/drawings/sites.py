"""Figure of vacancies, swaps and jumps, site by site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from ase_voxpot.plotting.style import COLOURS, INK, save, tidy
from ase_voxpot.properties.sites import mean_error

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from ase_voxpot.properties.samples import Pool

__all__ = ["draw_sites"]


def draw_sites(path: Path, found: Pool, *, title: str) -> None:
    """Every vacancy, swap and jump as a dot, means with their standard errors beside them.

    Args:
        path: of the picture.
        found: defects.
        title: of the picture.
    """
    panels: list[tuple[str, dict[str, Any]]] = []
    species = np.array([symbol for _, _, symbol in found.vacant])
    for name, energies in found.formation.items():
        panels.append(
            (f"vacancy formation, μ of the {name}", {s: energies[species == s] for s in dict.fromkeys(species)})
        )
    exchanged, barriers = found.swaps, found.barriers
    if exchanged is not None:
        pair, near = np.array(exchanged.species), np.array(exchanged.near)
        parts = {
            f"{p}\n{label}": exchanged.energies[(pair == p) & (near == flag)]
            for p in dict.fromkeys(pair)
            for label, flag in (("near", True), ("far", False))
        }
        panels.append(("exchange of two atoms", parts))
    if barriers:
        panels.append(("barrier of a jump", {s: np.array(v) for s, v in barriers.items()}))
    widths = [max(2, len(parts)) for _, parts in panels]
    figure = Figure(figsize=(1.2 + sum(widths) * 0.95, 4.0), layout="constrained")
    for axes, (label, parts) in zip(
        figure.subplots(1, len(panels), squeeze=False, width_ratios=widths)[0], panels, strict=True
    ):
        for x, values in enumerate(parts.values()):
            _draw_sample(axes, x, values)
        axes.set_xticks(range(len(parts)), list(parts), fontsize=8)
        axes.set_xlim(-0.5, len(parts) - 0.25)
        axes.set_title(label, fontsize=9, color=INK)
        tidy(axes)
        axes.grid(visible=False, axis="x")
        if min(v.min() for v in parts.values()) < 0:
            axes.axhline(0, color=INK, lw=0.8)
        axes.set_ylabel("eV", fontsize=9)
    figure.suptitle(title, fontsize=11, color=INK)
    save(figure, path)


def _draw_sample(axes: Axes, x: int, values: Any) -> None:
    colour = COLOURS[x % len(COLOURS)]
    axes.plot(x + np.linspace(-0.3, 0.0, len(values)), values, ".", color=colour, ms=5, alpha=0.7)
    mean, error = mean_error(values)
    axes.errorbar(x + 0.2, mean, yerr=error or 0.0, fmt="o", color=INK, ms=4, capsize=4, lw=1.2)
    text = f"{round(mean, 2) + 0.0:.2f}"  # no minus before a zero
    axes.annotate(text, (x + 0.2, mean), (6, -3), textcoords="offset points", fontsize=7.5)
