"""Figures of a generator: learning curves and maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from voxpot_training.colours import INK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms

    from voxpot_crystals.latent.voxel_vae.codec import Codec

__all__ = ["draw_slices"]


def draw_slices(path: Path, codec: Codec, crystals: Sequence[Atoms]) -> None:
    """Planes through the origin of some crystals: occupancy and elements, of the crystal and decoded."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    seen = codec.see(crystals)
    latent, viewer = codec.encode(seen), codec.viewer
    columns = ("occupancy, painted", "decoded", "difference", "elements, painted", "decoded")
    with mpl.rc_context({"font.size": 8}):
        figure = Figure(figsize=(11, 2.1 * len(seen) + 0.3), layout="constrained")
        panels = figure.subplots(len(seen), len(columns), squeeze=False)
        for row, (atoms, crystal, code) in enumerate(zip(crystals, seen, latent, strict=True)):
            true = viewer.paint(viewer.bumps(crystal), crystal.kinds)
            result, _ = codec.picture(code)
            shown = (true[0, 0], result[0, 0], (result - true)[0, 0])
            for axes, values, (low, high, colours) in zip(
                panels[row], shown, ((0, 1, "magma"), (0, 1, "magma"), (-0.2, 0.2, "RdBu_r")), strict=False
            ):
                image = axes.imshow(_closed(values).T, origin="lower", vmin=low, vmax=high, cmap=colours)
            figure.colorbar(image, ax=panels[row, 2])
            for axes, maps in zip(panels[row, 3:], (true, result), strict=True):
                _draw_elements(axes, codec, maps)
            panels[row, 0].set_ylabel(atoms.get_chemical_formula())
        for axes, title in zip(panels[0], columns, strict=True):
            axes.set_title(title)
        for axes in panels.flat:
            axes.set(xticks=[], yticks=[])
        figure.suptitle("planes through the origin, along the second and third axis of the cell")
        figure.savefig(path, dpi=150)


def _closed(values: np.ndarray) -> np.ndarray:
    """The array with its first row and column repeated at the end (periodic)."""
    return np.pad(values, (0, 1), mode="wrap")


def _draw_elements(axes: object, codec: Codec, maps: np.ndarray) -> None:
    """Elements of a plane by the label network, in colours."""
    from ase.data import atomic_numbers
    from ase.data.colors import jmol_colors

    with torch.no_grad():
        result = codec.labels(torch.from_numpy(maps[None]).float())[0, :, 0].argmax(0).numpy()
    colours = np.array([jmol_colors[atomic_numbers[s]] for s in codec.spec.species] + [(1.0, 1.0, 1.0)])
    axes.imshow(colours[_closed(result)].transpose(1, 0, 2), origin="lower")  # type: ignore[attr-defined]
    for kind in sorted(set(result.ravel()) - {len(codec.spec.species)}):
        rows, cols = np.nonzero(result == kind)
        axes.text(rows[0], cols[0], codec.spec.species[kind], fontsize=7, color=INK)  # type: ignore[attr-defined]
