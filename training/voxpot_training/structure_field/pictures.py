"""Pictures of structure fields: how they are learned, what they look like, what comes back."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import covalent_radii
from ase.data.colors import jmol_colors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms

    from voxpot_training.structure_field.codec import Codec, Decoded

__all__ = ["draw_field", "draw_learning", "draw_reconstructions"]

INK, ACCENT, PALE = "#2c3e50", "#c0392b", "#9aa5b1"


def draw_learning(path: Path, log: Path, *, title: str) -> None:
    """Errors in training and validation against the epoch."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    labels = {"position": "position field, mean error (Å)", "species": "species, share wrong", "lattice": "lattice"}
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(11, 3.4), layout="constrained")
        for axes, (name, label) in zip(figure.subplots(1, 3), labels.items(), strict=True):
            for key, colour in ((name, PALE), (f"valid_{name}", ACCENT)):
                points = [(int(r["epoch"]) + 1, float(r[key])) for r in rows if r.get(key)]
                if points:
                    caption = "validation, averaged weights" if key != name else "training"
                    axes.plot(*zip(*points, strict=True), color=colour, label=caption)
            axes.set(xlabel="epoch", ylabel=label, yscale="log")
            axes.grid(alpha=0.3, which="both")
            axes.legend(frameon=False)
        figure.suptitle(title)
        figure.savefig(path, dpi=150)


def _atoms(axes: Any, atoms: Atoms, title: str) -> None:
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


def draw_reconstructions(path: Path, codec: Codec, originals: Sequence[Atoms], found: Sequence[Decoded]) -> None:
    """Some originals above what came back; the field of the first below."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    shown = [k for k in np.linspace(0, len(originals) - 1, min(6, len(originals))).astype(int)]
    with mpl.rc_context({"font.size": 8}):
        figure = Figure(figsize=(2.1 * len(shown) + 0.4, 4.6), layout="constrained")
        panels = figure.subplots(2, len(shown), squeeze=False)
        for column, k in enumerate(shown):
            home = originals[k].copy()
            home.wrap(eps=1e-4)
            _atoms(panels[0, column], home, home.get_chemical_formula())
            decoded = found[k].atoms
            if decoded is None:
                panels[1, column].set(xticks=[], yticks=[], title=f"failed: {found[k].failure}")
            else:
                _atoms(panels[1, column], decoded, decoded.get_chemical_formula())
        figure.suptitle("originals (above) and their reconstructions from latent vectors (below)")
        figure.savefig(path, dpi=150)


def draw_field(path: Path, codec: Codec, atoms: Atoms, *, points: int = 60) -> None:
    """A slice through a decoded position field, and particles on their way to the atoms."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from voxpot_training.structure_field.flow import particle_grid, trajectory

    (seen,) = codec.see([atoms])
    cell, field = seen.cell, codec.field_of(codec.encode([seen])[0], seen.cell)
    axis = (np.arange(points) + 0.5) / points
    u, w = np.meshgrid(axis, axis, indexing="ij")
    height = seen.positions[np.argmin(np.abs(seen.positions @ np.linalg.inv(cell))[:, 1]), 1]
    flat = np.stack([u.ravel(), np.zeros(u.size), w.ravel()], axis=1) @ cell + [0, height, 0]
    said = field(flat)
    true = seen.sources.nearest(flat)[0]
    space = codec.view.space(cell)
    box = (np.zeros(3), cell.sum(0))
    start = particle_grid(space, codec.spec.flow, box)[::7]
    ways = trajectory(field, start, space, codec.spec.flow)
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(12.5, 3.9), layout="constrained")
        for axes, (vectors, title) in zip(
            figure.subplots(1, 3), ((true, "|p|, exact"), (said, "|p|, decoded"), (None, "particles")), strict=True
        ):
            if vectors is None:
                jumps = np.linalg.norm(np.diff(ways, axis=0), axis=2) > 2  # across a face of the cell
                for k in range(ways.shape[1]):
                    line = ways[:, k, [0, 2]].copy()
                    line[1:][jumps[:, k]] = np.nan
                    axes.plot(*line.T, color=PALE, lw=0.5)
                axes.plot(*ways[-1][:, [0, 2]].T, "o", color=ACCENT, markersize=3, label="where they rest")
                axes.plot(*seen.positions[:, [0, 2]].T, "x", color=INK, markersize=7, label="atoms")
                axes.legend(frameon=False, loc="upper right")
            else:
                size = np.linalg.norm(vectors, axis=1).reshape(u.shape)
                x, z = flat[:, 0].reshape(u.shape), flat[:, 2].reshape(u.shape)
                mesh = axes.pcolormesh(x, z, size, cmap="viridis", vmin=0, vmax=np.linalg.norm(true, axis=1).max())
                some = (slice(None, None, 5), slice(None, None, 5))
                arrows = vectors.reshape(*u.shape, 3)
                axes.quiver(x[some], z[some], arrows[..., 0][some], arrows[..., 2][some], color="white", width=0.003)
                figure.colorbar(mesh, ax=axes, label="Å")
            axes.set(aspect="equal", xlabel="x (Å)", ylabel="z (Å)", title=title)
        figure.suptitle(f"{atoms.get_chemical_formula()}: position field through an atom, seen along y")
        figure.savefig(path, dpi=150)
