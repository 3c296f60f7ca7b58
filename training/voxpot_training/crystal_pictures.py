"""Crystals as circles: what pictures of originals and reconstructions are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.data import covalent_radii
from ase.data.colors import jmol_colors

if TYPE_CHECKING:
    from ase import Atoms
    from matplotlib.axes import Axes

__all__ = ["ACCENT", "INK", "PALE", "draw_crystal"]

INK, ACCENT, PALE = "#2c3e50", "#c0392b", "#9aa5b1"


def draw_crystal(axes: Axes, atoms: Atoms, title: str) -> None:
    """A crystal seen along b: circles by covalent radius, those behind first, the cell's outline."""
    from matplotlib.patches import Circle

    for k in np.argsort(-atoms.positions[:, 1]):
        number = atoms.numbers[k]
        place = atoms.positions[k, [0, 2]]
        axes.add_patch(
            Circle(place, 0.45 * covalent_radii[number], facecolor=jmol_colors[number], edgecolor=INK, lw=0.6)
        )
        axes.text(*place, atoms.symbols[k], ha="center", va="center", fontsize=6, color=INK)
    corners = np.array([(0, 0, 0), (1, 0, 0), (1, 0, 1), (0, 0, 1), (0, 0, 0)]) @ atoms.cell[:]
    axes.plot(corners[:, 0], corners[:, 2], color=PALE, lw=0.8)
    axes.set(aspect="equal", xticks=[], yticks=[], title=title)
    axes.margins(0.12)
    axes.set_frame_on(False)
