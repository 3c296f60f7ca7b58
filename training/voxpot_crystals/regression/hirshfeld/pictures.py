"""Pictures of Hirshfeld surfaces and of fingerprints, and of errors by element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import chemical_symbols

from voxpot_crystals.regression.hirshfeld.fingerprint import Bins, fingerprint
from voxpot_crystals.regression.hirshfeld.surface import find_surfaces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ase import Atoms
    from jaxtyping import Float
    from matplotlib.axes import Axes

    from voxpot_crystals.regression.hirshfeld.fingerprint import Fingerprint
    from voxpot_crystals.regression.hirshfeld.surface import Surfaces

__all__ = ["draw_fingerprints", "draw_residuals", "draw_surfaces"]

INK = "#30343b"
COLOURS = "RdYlBu"
"""Red where the nucleus is near, blue where it is far, as crystallographers draw it."""
LIGHT = np.array([0.45, -0.55, 0.7])
FINE = 6000
"""Rays per site of a drawn surface."""


def _shell(surfaces: Surfaces, site: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of one surface and triangles between them; of rays that meet it twice, the first point."""
    from scipy.spatial import ConvexHull

    mine = np.flatnonzero(surfaces.site == site)
    direction = np.round(surfaces.offset[mine] / surfaces.inside[mine][:, None], 6)
    first = np.sort(np.unique(direction, axis=0, return_index=True)[1])
    hull = ConvexHull(direction[first])
    corners = direction[first][hull.simplices]
    inward = np.einsum(
        "ti,ti->t", np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), corners[:, 0]
    )
    triangles = np.where((inward < 0)[:, None], hull.simplices[:, ::-1], hull.simplices)
    return mine[first], triangles


def _paint(axes: Any, points: np.ndarray, triangles: np.ndarray, value: np.ndarray, ends: tuple[float, float]) -> None:
    """One surface, coloured by a distance and lit from one side."""
    import matplotlib as mpl
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    corners = points[triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    light = 0.72 + 0.28 * np.clip(normal @ (LIGHT / np.linalg.norm(LIGHT)), -0.6, 1)
    colour = mpl.colormaps[COLOURS]((value[triangles].mean(1) - ends[0]) / (ends[1] - ends[0]))
    colour[:, :3] *= light[:, None]
    axes.add_collection3d(Poly3DCollection(corners, facecolors=colour, edgecolors=colour, linewidths=0.2))
    size = np.linalg.norm(points, axis=1).max() * 0.72
    axes.set(xlim=(-size, size), ylim=(-size, size), zlim=(-size, size))
    axes.set_box_aspect((1, 1, 1))
    axes.set_axis_off()
    axes.view_init(elev=22, azim=-52)


def draw_surfaces(path: Path, atoms: Atoms, *, title: str = "") -> None:
    """The surface of every kind of site, coloured by d_i and by d_e, each to its own size.

    Args:
        path: the picture.
        atoms: a crystal.
        title: above it; the formula if left out.

    Raises:
        StructureError: of crystals without surfaces.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    sites = [site for site in find_surfaces(atoms).sites]
    found = find_surfaces(atoms, rays=FINE, symmetry=False)
    shown = [site for site in sites if (found.site == site.index).any()]
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(2.7 * len(shown) + 1.2, 5.6), layout="constrained")
        grid = figure.subplots(2, len(shown), subplot_kw={"projection": "3d"}, squeeze=False)
        for row, (name, distance) in zip(grid, (("$d_i$", found.inside), ("$d_e$", found.outside)), strict=True):
            ends = (float(distance.min()), float(distance.max()))
            for axes, site in zip(row, shown, strict=True):
                rows, triangles = _shell(found, site.index)
                _paint(axes, found.offset[rows], triangles, distance[rows], ends)
                if name == "$d_i$":
                    axes.set_title(f"{chemical_symbols[site.number]} ({site.multiplicity} of {len(atoms)})", color=INK)
            scale = mpl.cm.ScalarMappable(mpl.colors.Normalize(*ends), COLOURS)
            figure.colorbar(scale, ax=list(row), label=f"{name} (Å)", shrink=0.7)
        figure.suptitle(title or f"{atoms.get_chemical_formula()}: Hirshfeld surfaces", color=INK)
        _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    from ase_voxpot.plotting.style import save

    save(figure, path)


def _image(axes: Axes, found: Fingerprint) -> Any:
    """One fingerprint, empty bins white."""
    bins = found.bins
    ends = (bins.low, bins.high)
    shown = np.ma.masked_less_equal(found.image.T, 0)
    drawn = axes.imshow(shown, origin="lower", extent=(*ends, *ends), cmap="viridis", interpolation="nearest")
    axes.plot(ends, ends, color="#b9bfc6", linewidth=0.7, zorder=0)
    axes.set(xlabel="$d_i$ (Å)", ylabel="$d_e$ (Å)")
    return drawn


def draw_fingerprints(path: Path, crystals: Mapping[str, Atoms], *, bins: Bins | None = None) -> None:
    """Fingerprints side by side, with the area that lies beyond the bins.

    Args:
        path: the picture.
        crystals: by the name that stands above each.
        bins: range and number; those of Williams et al. by default.

    Raises:
        StructureError: of crystals without surfaces.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    columns = min(len(crystals), 3)
    rows = -(-len(crystals) // columns)
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(3.7 * columns, 3.2 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (name, atoms) in zip(grid, crystals.items(), strict=False):
            found = fingerprint(find_surfaces(atoms), bins)
            figure.colorbar(_image(axes, found), ax=axes, label="area per atom and bin (Å²)")
            axes.set_title(name, color=INK, fontsize=9)
            beyond = 100 * found.missed / found.area
            axes.text(
                0.97, 0.03, f"{beyond:.1f} % beyond", ha="right", va="bottom", transform=axes.transAxes, color=INK
            )
        for axes in grid[len(crystals) :]:
            axes.set_visible(False)
        _save(figure, path)


def draw_residuals(
    path: Path, sites: Sequence[tuple[str, str]], error: Float[np.ndarray, " crystal"], *, unit: str = "Å"
) -> None:
    """Errors by the element on A and on B.

    Args:
        path: the picture.
        sites: elements on A and on B, crystal by crystal.
        error: predicted minus true.
        unit: of the error.
    """
    import matplotlib as mpl
    from ase.data import atomic_numbers
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(12, 5.2), layout="constrained")
        for axes, place, name in zip(figure.subplots(2, 1, sharey=True), (0, 1), "AB", strict=True):
            symbols = sorted({pair[place] for pair in sites}, key=atomic_numbers.__getitem__)
            groups = [error[[pair[place] == symbol for pair in sites]] for symbol in symbols]
            axes.axhline(0, color="#b8434e", linewidth=0.8)
            for x, group in enumerate(groups):
                axes.plot(np.full(len(group), x), group, "o", color="#2f6db3", markersize=2, alpha=0.5)
                axes.plot([x - 0.35, x + 0.35], [np.median(group)] * 2, color=INK, linewidth=1.2)
            axes.set_xticks(range(len(symbols)), symbols, fontsize=7)
            axes.set(ylabel=f"predicted − true ({unit})", xlim=(-1, len(symbols)), title=f"by the element on {name}")
            axes.grid(axis="y", alpha=0.3)
        _save(figure, path)
