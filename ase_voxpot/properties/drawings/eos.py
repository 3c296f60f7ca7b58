"""Figure of an equation of state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from ase_voxpot.plotting.style import COLOURS, DASHED, INK, save, tidy

if TYPE_CHECKING:
    from pathlib import Path

    from ase_voxpot.properties.eos import VolumeCurve

__all__ = ["draw_eos"]


def draw_eos(path: Path, found: VolumeCurve, *, title: str) -> None:
    """Energy and pressure against volume, with the equation of state through the energies.

    Args:
        path: of the picture.
        found: the curve.
        title: of the picture.
    """
    figure = Figure(figsize=(9.0, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    fine = np.linspace(found.volumes.min(), found.volumes.max(), 200)
    left.plot(fine, 1000 * (found.fitted_energy(fine) - found.energy), color=COLOURS[0], lw=1.4)
    left.plot(found.volumes, 1000 * (found.energies - found.energy), "o", ms=4.5, color=INK)
    left.axvline(found.volume, color=INK, lw=0.8, ls=DASHED)
    left.set_ylabel("energy above the minimum (meV/atom)", fontsize=9)
    right.plot(fine, found.fitted_pressure(fine), color=COLOURS[0], lw=1.4, label="slope of the fit to energies")
    right.plot(found.volumes, found.pressures, "o", ms=4.5, color=INK, label="from stresses")
    right.axhline(0, color=INK, lw=0.8, ls=DASHED)
    right.set_ylabel("pressure (GPa)", fontsize=9)
    right.legend(fontsize=8, frameon=False)
    left.set_title(
        f"$V_0$ = {found.volume:.3f} Å³/atom,  $B_0$ = {found.bulk_modulus:.1f} GPa,  $B_0'$ = {found.derivative:.2f}",
        fontsize=9,
        color=INK,
    )
    for axes in (left, right):
        axes.set_xlabel("volume (Å³/atom)", fontsize=9)
        tidy(axes)
    figure.suptitle(f"{title}, Birch-Murnaghan", fontsize=11, color=INK)
    save(figure, path)
