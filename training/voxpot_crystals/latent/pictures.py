"""Figures of originals and reconstructions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from voxpot_crystals.structures.pictures import draw_crystal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms

    from voxpot_crystals.latent.decoded import Decoded

__all__ = ["draw_reconstructions"]

NARROWEST = 3.4
"""Inches, in which the heading fits."""


def draw_reconstructions(path: Path, originals: Sequence[Atoms], found: Sequence[Decoded]) -> None:
    """Some originals above their reconstructions."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    shown = [k for k in np.linspace(0, len(originals) - 1, min(6, len(originals))).astype(int)]
    with mpl.rc_context({"font.size": 8}):
        figure = Figure(figsize=(max(2.1 * len(shown) + 0.4, NARROWEST), 4.6), layout="constrained")
        panels = figure.subplots(2, len(shown), squeeze=False)
        for column, k in enumerate(shown):
            draw_crystal(panels[0, column], originals[k], originals[k].get_chemical_formula())
            decoded = found[k].atoms
            if decoded is None:
                panels[1, column].set(xticks=[], yticks=[], title=f"failed: {found[k].failure}")
            else:
                draw_crystal(panels[1, column], decoded, decoded.get_chemical_formula())
        figure.suptitle("originals (above), reconstructions (below)")
        figure.savefig(path, dpi=150)
