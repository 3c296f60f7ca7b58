"""Drawing of crystals, for figures of originals, reconstructions and new crystals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import chemical_symbols, covalent_radii
from ase.data.colors import jmol_colors

from voxpot_training.colours import ACCENT, INK, PALE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["draw_crystal", "draw_gallery", "draw_map"]

TURNS = np.radians((-18.0, 12.0))
"""About the vertical axis and then about the horizontal one, so that atoms do not hide each other."""
FACE = 0.03
"""In fractions: an atom so near a face is drawn on the opposite one too."""


def _view() -> Float[np.ndarray, "3 3"]:
    """Columns: to the right, up, and towards the eye, for a crystal seen about along b."""
    (c, d), (s, e) = np.cos(TURNS), np.sin(TURNS)
    right, away, up = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    return np.column_stack([right, d * up + e * away, e * up - d * away])


def _whole(atoms: Atoms) -> tuple[np.ndarray, np.ndarray]:
    """Places and atomic numbers, with those on a face on the opposite one too."""
    fractions = atoms.get_scaled_positions(wrap=True)
    fractions -= fractions > 1 - FACE / 3
    places, numbers = [], []
    for shift in np.ndindex(2, 2, 2):
        there = (fractions + shift < 1 + FACE).all(1)
        places.append(fractions[there] + shift)
        numbers.append(atoms.numbers[there])
    return np.concatenate(places) @ atoms.cell[:], np.concatenate(numbers)


def draw_crystal(axes: Any, atoms: Atoms, title: str) -> None:
    """A crystal seen about along b: circles by covalent radius in the colours of Jmol, paler behind; the cell."""
    from matplotlib.patches import Circle

    view = _view()
    corners = np.array(list(np.ndindex(2, 2, 2))) @ atoms.cell[:] @ view
    for a in range(8):
        for b in (a ^ 1, a ^ 2, a ^ 4):
            if a < b:
                axes.plot(*corners[[a, b], :2].T, color=PALE, lw=0.8, zorder=0)
    places, numbers = _whole(atoms)
    seen = places @ view
    depth = (seen[:, 2] - corners[:, 2].min()) / max(np.ptp(corners[:, 2]), 1e-9)
    for k in np.argsort(seen[:, 2]):
        colour = (1 - 0.35 * (1 - depth[k])) * jmol_colors[numbers[k]] + 0.35 * (1 - depth[k])
        radius = 0.45 * covalent_radii[numbers[k]]
        layer = 1 + depth[k]
        axes.add_patch(
            Circle(seen[k, :2], radius, facecolor=np.clip(colour, 0, 1), edgecolor=INK, lw=0.5, zorder=layer)
        )
        symbol = chemical_symbols[numbers[k]]
        axes.text(*seen[k, :2], symbol, ha="center", va="center", fontsize=6, color=INK, zorder=layer)
    axes.set(aspect="equal", xticks=[], yticks=[], title=title)
    axes.margins(0.12)
    axes.set_frame_on(False)


def draw_gallery(
    path: Path, crystals: Sequence[Atoms | None], *, titles: Sequence[str], heading: str, columns: int = 6
) -> None:
    """Crystals in rows; None leaves its place empty."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    columns = min(columns, max(len(crystals), 1))
    rows = -(-max(len(crystals), 1) // columns)
    with mpl.rc_context({"font.size": 8}):
        figure = Figure(figsize=(1.9 * columns + 0.4, 2.1 * rows + 0.5), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in panels:
            axes.set_axis_off()
        for axes, atoms, title in zip(panels, crystals, titles, strict=False):
            axes.set_axis_on()
            if atoms is None:
                axes.set(xticks=[], yticks=[], title=title)
                axes.set_frame_on(False)
            else:
                draw_crystal(axes, atoms, title)
        figure.suptitle(heading)
        figure.savefig(path, dpi=150)


def draw_map(
    path: Path,
    latent: Float[np.ndarray, "crystal latent"],
    colours: Mapping[str, Float[np.ndarray, " crystal"]],
    drawn: Mapping[str, Float[np.ndarray, "sample latent"]],
) -> None:
    """Latent vectors in their first two principal directions: once per colour, once per prior under its draws.

    Args:
        path: of the picture.
        latent: of known crystals.
        colours: what to colour them by, and its label.
        drawn: latent vectors of new crystals, by the name of their prior.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mean = latent.mean(0)
    value, vector = np.linalg.eigh(np.atleast_2d(np.cov(latent.T)))
    plane, share = vector[:, ::-1][:, :2], value[::-1][:2] / value.sum()
    known = (latent - mean) @ plane
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(4.1 * (len(colours) + len(drawn)), 3.9), layout="constrained")
        panels = figure.subplots(1, len(colours) + len(drawn), squeeze=False, sharex=True, sharey=True)[0]
        dots = {"s": 4, "linewidths": 0, "rasterized": True}
        for axes, (label, values) in zip(panels, colours.items(), strict=False):
            low, high = np.percentile(values, [1, 99])
            order = np.argsort(values)
            mesh = axes.scatter(*known[order].T, c=values[order], cmap="viridis", vmin=low, vmax=high, **dots)
            figure.colorbar(mesh, ax=axes, label=label)
        for axes, (name, rows) in zip(panels[len(colours) :], drawn.items(), strict=True):
            axes.scatter(*known.T, color=PALE, label="training crystals", **dots)
            axes.scatter(*((rows - mean) @ plane).T, color=ACCENT, label=f"drawn, {name}", alpha=0.6, **dots)
            axes.legend(frameon=False, markerscale=3, loc="best")
        for axes in panels:
            axes.set(xlabel=f"first direction, {share[0]:.0%} of the variance")
            axes.grid(alpha=0.3)
            axes.set_axisbelow(True)
        panels[0].set(ylabel=f"second direction, {share[1]:.0%}")
        figure.savefig(path, dpi=150)
