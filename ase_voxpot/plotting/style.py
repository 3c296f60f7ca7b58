"""Style of figures: colours, lines, axes.

Figures are made without pyplot, so that no display is needed and no global state is changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ase_voxpot.storage.files import draft_of

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "DASHED", "GRID", "INK", "save", "tidy"]

INK, GRID = "#30343b", "#e3e5e8"
DASHED: Any = (0, (4, 3))
"""Colour of lines other than data."""
COLOURS = ("#2f6db3", "#d9772b", "#3f9a5f", "#b8434e", "#7d5ba6", "#8a6d4f", "#cc79a7", "#6f7680", "#a9a034", "#3aa6b9")
"""One per group; they repeat with another marker when there are more groups."""


def save(figure: Figure, path: Path) -> None:
    """Write a picture, whole or not at all; the suffix chooses the format."""
    with draft_of(path) as draft:
        figure.savefig(draft, dpi=160)


def tidy(axes: Axes) -> None:
    """A light grid behind the data, and no frame on the right and above."""
    axes.grid(visible=True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=8)
