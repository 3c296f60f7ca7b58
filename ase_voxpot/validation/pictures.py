"""Pictures of a validation, one panel each, for a light or dark page.

A panel is saved as PNG and as SVG; colours of the SVG are variables of the page, and its texts
remain text.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from ase_voxpot.plotting.style import COLOURS, GRID, INK, save, tidy
from ase_voxpot.validation.comparison import MILLI
from ase_voxpot.validation.panels_of_errors import error_panels
from ase_voxpot.validation.panels_of_motion import motion_panels
from ase_voxpot.validation.strokes import cloud

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from matplotlib.axes import Axes

    from ase_voxpot.validation.validate import Validation

__all__ = ["VARIABLES", "panels", "save_png", "svg"]

SIZE = (4.4, 3.2)
TALL = (4.4, 4.2)
VARIABLES = {INK: "--ink", GRID: "--grid"} | {c: f"--c{k}" for k, c in enumerate(COLOURS)}
"""Variables of the page by colours of a picture."""


def panels(v: Validation) -> Iterator[tuple[str, str, Figure]]:
    """Name, group and picture of all panels with data."""
    for name, group, draw in (*error_panels(v), *motion_panels(v)):
        yield name, group, _framed(name, draw, v)


def _framed(name: str, draw: Callable[[Axes, Validation], None], v: Validation) -> Figure:
    parity = name.endswith("parity")
    figure = Figure(figsize=TALL if parity else SIZE, layout="constrained")
    every = figure.subplots(2, 1, sharex=True, height_ratios=(2.4, 1)) if parity else [figure.subplots()]
    draw(every[0], v)
    if parity:
        _errors_below(every[0], every[1])
    for axes in every:
        axes.locator_params(axis="x", nbins=6)
        axes.xaxis.label.set(size=9, color=INK)
        axes.yaxis.label.set(size=9, color=INK)
        tidy(axes)
        for spine in axes.spines.values():
            spine.set_color(INK)
    handles, names = every[0].get_legend_handles_labels()
    if names:
        # above the data, where nothing is hidden
        every[0].legend(
            markerscale=2.5 if handles[0] in every[0].collections else 1.0, handlelength=1.4, columnspacing=1.4,
            frameon=False, fontsize=8, labelcolor=INK, ncols=4, loc="lower left", bbox_to_anchor=(-0.02, 0.99),
            borderaxespad=0,
        )  # fmt: skip
    return figure


def _errors_below(upper: Axes, lower: Axes) -> None:
    """Errors of the points of the upper panel."""
    unit = str(upper.get_ylabel()).split("(")[-1].rstrip(")")
    factor, shown = (MILLI, "m" + unit) if unit.startswith("eV") else (1.0, unit)
    for points in upper.collections:
        x, y = np.asarray(points.get_offsets()).T
        lower.scatter(x, factor * (y - x), color=np.asarray(points.get_facecolor())[0, :3], **cloud(len(x)))
    lower.axhline(0, color=INK, linewidth=0.8, zorder=1)
    lower.set(xlabel=upper.get_xlabel(), ylabel=f"error ({shown})")
    upper.set_xlabel("")


def save_png(figure: Figure, path: Path) -> None:
    """Save a picture on white."""
    save(figure, path)


def svg(figure: Figure, name: str) -> str:
    """SVG to embed in a page: no header, no size, unique names, and the colours of the page.

    Args:
        figure: a panel.
        name: of letters and dashes, told apart from that of other pictures of the page.
    """
    text = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(text, format="svg", transparent=True, dpi=200, metadata={"Date": None})
    out = text.getvalue()
    out = out[out.index("<svg") :]
    out = re.sub(r"<metadata>.*?</metadata>", "", out, flags=re.DOTALL)
    out = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", out, count=1)
    out = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", out, count=1)
    out = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', out)
    out = re.sub(r'(xlink:href="#|url\(#)', rf"\1{name}-", out)
    out = re.sub(r"(font: [^'\";]*?px)[^;\"]*", r"\1 var(--sans)", out)
    for colour, variable in VARIABLES.items():
        out = out.replace(colour, f"var({variable})")
    return out
