"""Figures of the inputs: slices through the voxels of a crystal, and its powder spectra.

python -m voxpot_crystals.regression.voxelnet.pictures rocksalt.cif zincblende.cif -o seen.png
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import numpy as np
import typer
from ase.data import chemical_symbols

from voxpot_crystals.regression.voxelnet.grids import Window, pairs_of, voxels_of
from voxpot_crystals.regression.voxelnet.reciprocal import spectrum_of
from voxpot_crystals.regression.voxelnet.shells import powder_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

    from voxpot_crystals.regression.voxelnet.reciprocal import Spectrum

__all__ = ["draw_crystals"]

COLOURS = ("#2f6db3", "#d9772b", "#3f9a5f", "#b8434e", "#7d5ba6", "#8a6d4f")
MOST = 3
"""Elements of a crystal that are drawn; six pairs fill a page."""


def draw_crystals(path: Path, crystals: Sequence[Atoms], names: Sequence[str]) -> None:
    """A row per crystal: moduli of its elements, cross-spectra of its pairs, both in the plane g_z = 0; powder spectra.

    Args:
        path: of the picture.
        crystals: with up to three elements each.
        names: their titles.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    window = Window(binning="soft")
    spectra = [spectrum_of(a, radius=window.radius, width=window.width) for a in crystals]
    elements = min(max(len(s.numbers) for s in spectra), MOST)
    pairs = elements * (elements + 1) // 2
    with mpl.rc_context({"font.size": 8, "axes.titlesize": 8}):
        width = 1.45 * (elements + pairs) + 4.2
        figure = Figure(figsize=(width, 2.15 * len(spectra) + 0.3), layout="constrained")
        rows = figure.subfigures(len(spectra), 1, squeeze=False, hspace=0.04)[:, 0]
        for row, spectrum, name in zip(rows, spectra, names, strict=True):
            _draw_one(row, spectrum, name, window, (elements, pairs))
        figure.savefig(path, dpi=150)


def _draw_one(figure: SubFigure, spectrum: Spectrum, name: str, window: Window, columns: tuple[int, int]) -> None:
    elements, pairs = columns
    panels = figure.subplots(1, elements + pairs + 1, width_ratios=[1] * (elements + pairs) + [2.2])
    figure.suptitle(name, x=0.01, ha="left", fontsize=9, fontweight="bold")
    symbols = [chemical_symbols[z] for z in spectrum.numbers[:MOST]]
    there = pairs_of(len(symbols))
    few = type(spectrum)(spectrum.numbers[:MOST], spectrum.g, spectrum.h[:MOST])
    for k in range(elements):
        _slice(panels[k], few, window, k if k < len(symbols) else None, f"|h| {symbols[k]}" if k < len(symbols) else "")
    cross = Window(binning="soft", field="cross")
    for k in range(pairs):
        title = "·".join(symbols[e] for e in there[k]) if k < len(there) else ""
        _slice(panels[elements + k], few, cross, k if k < len(there) else None, title)
    _powder(panels[-1], few, window)
    for panel in panels[1:-1]:
        panel.set_yticklabels([])


def _slice(axes: Axes, spectrum: Spectrum, window: Window, channel: int | None, title: str) -> None:
    """The two planes about g_z = 0 together, between which soft points lie."""
    if channel is None:
        axes.set_visible(False)
        return
    middle = window.n // 2
    plane = voxels_of(spectrum, window)[channel, :, :, middle - 1 : middle + 1].sum(-1).T
    most = np.sort(np.abs(plane).ravel())[-8]  # the peak at zero would hide the others
    limits, colours = ((-most, most), "RdBu_r") if window.field == "cross" else ((0, most), "Greys")
    reach = window.reach
    axes.imshow(
        plane, origin="lower", cmap=colours, vmin=limits[0], vmax=limits[1], extent=(-reach, reach, -reach, reach)
    )
    axes.set(title=title, xticks=[-5, 0, 5], yticks=[-5, 0, 5])
    axes.tick_params(labelsize=6, length=2)


def _powder(axes: Axes, spectrum: Spectrum, window: Window) -> None:
    """One curve per pair, each on a line of its own."""
    shells = 96
    powder = powder_of(spectrum, shells=shells, reach=window.reach, degree=0)
    middle = (np.arange(shells) + 0.5) * window.reach / shells
    step = 1.1 * np.abs(powder.scattered).max()
    for row, ((a, b), scattered) in enumerate(zip(powder.pair, powder.scattered[..., 0], strict=True)):
        colour, level = COLOURS[row % len(COLOURS)], -row * step
        axes.axhline(level, color="#c8cdd3", linewidth=0.6)
        axes.plot(middle, level + scattered, color=colour, linewidth=1)
        label = f"{chemical_symbols[powder.numbers[a]]}·{chemical_symbols[powder.numbers[b]]}"
        axes.text(0.1, level + 0.12 * step, label, color=colour, fontsize=7)
    axes.set(title="powder spectra S(|g|)", xlabel="|g| (1/Å)", yticks=[])
    axes.spines[["top", "right", "left"]].set_visible(False)


def main(
    files: Annotated[list[Path], typer.Argument(help="One crystal each, in any format of ASE.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="PNG, PDF or SVG.")] = Path("seen.png"),
) -> None:
    """Draw the inputs of the networks for crystals."""
    from ase.io import read

    crystals = [cast("Atoms", read(f, index=0)) for f in files]
    draw_crystals(output, crystals, [f.stem for f in files])
    typer.echo(f"wrote {output}")


if __name__ == "__main__":
    typer.run(main)
