"""Figure of elastic constants by direction and decoration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from ase_voxpot.plotting.style import COLOURS, DASHED, GRID, INK, save, tidy
from ase_voxpot.properties.moduli import young

if TYPE_CHECKING:
    from pathlib import Path

    from ase_voxpot.properties.elastic import Ensemble

__all__ = ["draw_elastic"]


def draw_elastic(path: Path, found: Ensemble, *, title: str, cubic: bool) -> None:
    """Young's modulus by direction, and the moduli with every decoration.

    Args:
        path: of the picture.
        found: one material.
        title: of the picture.
        cubic: whether to draw only C11, C12 and C44.
    """
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    round_: Any = figure.add_subplot(1, 2, 1, projection="polar")
    angle = np.linspace(0, 2 * np.pi, 361)
    flat = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    steep = np.stack([np.cos(angle) / np.sqrt(2), np.cos(angle) / np.sqrt(2), np.sin(angle)], axis=1)
    compliance = np.linalg.inv(found.mean.tensor)
    planes = (("in (001), from [100]", flat), ("in (1$\\bar{1}$0), from [110]", steep))
    for (label, directions), colour in zip(planes, COLOURS, strict=False):
        round_.plot(angle, young(compliance, directions), color=colour, lw=1.6, label=label)
    round_.plot(angle, np.full_like(angle, found.mean.young), color=INK, lw=0.9, ls=DASHED, label="polycrystal (Hill)")
    round_.set_title("Young's modulus (GPa)", fontsize=9, color=INK)
    round_.set_ylim(bottom=0)
    round_.tick_params(labelsize=7, colors=INK)
    round_.grid(color=GRID, linewidth=0.6)
    round_.set_rlabel_position(22)
    round_.legend(fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=3)

    names = {"c11": "C11", "c12": "C12", "c44": "C44"} if cubic else {}
    names |= {"bulk": "K", "shear": "G", "young": "E"}
    bars = figure.add_subplot(1, 2, 2)
    for x, name in enumerate(names):
        value, error = getattr(found.mean, name), found.error(name)
        bars.bar(x, value, width=0.7, color=COLOURS[0] if name.startswith("c") else COLOURS[2], alpha=0.85)
        if error is not None:
            spread = np.linspace(-0.2, 0.2, len(found.members))
            bars.plot(x + spread, [getattr(m, name) for m in found.members], ".", ms=4, color=INK, alpha=0.7)
            bars.errorbar(x, value, yerr=error, color=INK, capsize=6, lw=1.4)
        bars.annotate(f"{value:.0f}", (x, 0), (0, 4), textcoords="offset points", ha="center", fontsize=9, color="w")
    bars.set_xticks(range(len(names)), list(names.values()))
    bars.set_ylabel("GPa", fontsize=9)
    bars.margins(y=0.08)
    count = len(found.members)
    bars.set_title(
        f"{count} decorations (dots), mean ± standard error" if count > 1 else "constants and moduli (Hill)",
        fontsize=9,
        color=INK,
    )
    tidy(bars)
    bars.grid(visible=False, axis="x")
    figure.suptitle(title, fontsize=11, color=INK)
    save(figure, path)
