"""Figure of phonons: dispersion, density of states and thermal properties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import kB
from matplotlib.figure import Figure

from ase_voxpot.plotting.style import COLOURS, DASHED, INK, save, tidy

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from ase_voxpot.properties.phonons import Heat, Phonons
    from ase_voxpot.properties.quasiharmonic import QuasiHarmonic

__all__ = ["draw_phonons"]


def draw_phonons(path: Path, found: Phonons, warm: Heat, expands: QuasiHarmonic | None, *, title: str) -> None:
    """Dispersion and density of states above, thermal properties below.

    Args:
        path: of the picture.
        found: the spectrum; the dispersion is left out where there is none.
        warm: at constant volume.
        expands: at constant pressure, if computed.
        title: of the picture.
    """
    figure = Figure(figsize=(9.6, 6.4), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.25, 1))
    upper, lower = parts
    if len(found.path):
        way, states = upper.subplots(1, 2, sharey=True, width_ratios=(3.2, 1))
        _draw_dispersion(way, found)
        _draw_states(states, found.density, found, across=False)
    else:
        _draw_states(upper.subplots(), found.density, found, across=True)
    panels = lower.subplots(1, 2 if expands is None else 3)
    heat, energy = panels[:2]
    heat.plot(warm.temperatures, warm.capacity, color=COLOURS[0], label="$C_V$")
    if expands is not None:
        # the first point has no neighbour below
        heat.plot(expands.temperatures[1:], expands.capacity[1:], color=COLOURS[1], label="$C_P$")
    heat.axhline(3, color=INK, lw=0.8, ls=DASHED, label="Dulong-Petit")
    heat.set_ylabel("heat capacity ($k_B$/atom)", fontsize=9)
    heat.set_ylim(bottom=0)
    energy.plot(warm.temperatures, 1000 * warm.free_energy, color=COLOURS[3], label="free energy $F$")
    product = 1000 * kB * warm.temperatures * warm.entropy
    energy.plot(warm.temperatures, product, color=COLOURS[2], label="$T\\,S$")
    energy.set_ylabel("vibrations (meV/atom)", fontsize=9)
    if expands is not None:
        growth, stiff = panels[2], panels[2].twinx()
        growth.plot(expands.temperatures[1:], 1e6 * expands.expansion[1:], color=COLOURS[0], label="expansion")
        growth.set_ylabel("expansion of lengths (1e-6/K)", fontsize=9, color=COLOURS[0])
        growth.set_ylim(bottom=min(0.0, 1.1e6 * expands.expansion.min()))
        stiff.plot(expands.temperatures, expands.bulk_modulus, color=COLOURS[1])
        stiff.set_ylabel("bulk modulus (GPa)", fontsize=9, color=COLOURS[1])
        stiff.tick_params(labelsize=8)
        stiff.spines["top"].set_visible(False)
    for axes in panels:
        axes.set_xlabel("temperature (K)", fontsize=9)
        tidy(axes)
    for axes in (heat, energy):
        axes.legend(fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=11, color=INK)
    save(figure, path)


def _draw_dispersion(axes: Axes, found: Phonons) -> None:
    jumps = np.flatnonzero(np.diff(found.path) == 0) + 1
    for part in np.split(np.arange(len(found.path)), jumps):
        axes.plot(found.path[part], found.branches[part], color=COLOURS[0], lw=1.3)
    axes.set_xticks(list(found.ticks), list(found.ticks.values()))
    for place in found.ticks:
        axes.axvline(place, color="#c9ccd1", lw=0.7, zorder=0)
    axes.axhline(0, color=INK, lw=0.7)
    axes.set_xlim(0, found.path[-1])
    axes.set_ylim(bottom=min(0.0, 1.05 * found.branches.min()))
    axes.set_ylabel("frequency (THz)", fontsize=9)
    lowest = round(found.lowest, 2) + 0.0  # no minus before a zero
    axes.set_title(f"highest {found.highest:.2f} THz, lowest {lowest:.2f} THz", fontsize=9, color=INK)
    tidy(axes)


def _draw_states(axes: Axes, density: Any, found: Phonons, *, across: bool) -> None:
    """States against frequencies, or the other way round beside a dispersion."""
    curves = {"all": density} | found.partial
    for k, (name, states) in enumerate(curves.items()):
        style: dict[str, Any] = {"color": INK if name == "all" else COLOURS[k - 1], "lw": 1.2, "label": name}
        per_atom = states / found.atoms
        axes.plot(found.grid, per_atom, **style) if across else axes.plot(per_atom, found.grid, **style)
    if across:
        axes.set_xlabel("frequency (THz)", fontsize=9)
        axes.set_ylabel("states per THz and atom", fontsize=9)
        axes.set_ylim(bottom=0)
        axes.set_xlim(min(0.0, 1.05 * found.lowest), 1.05 * found.highest)
    else:
        axes.set_xlabel("states per THz and atom", fontsize=9)
        axes.set_xlim(left=0)
    if found.partial:
        axes.legend(fontsize=8, frameon=False)
    tidy(axes)
