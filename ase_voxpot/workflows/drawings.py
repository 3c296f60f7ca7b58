"""One picture for what one workflow found of one material."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import kB
from matplotlib.figure import Figure

from ase_voxpot.plots import COLOURS, INK, save, tidy
from ase_voxpot.workflows.moduli import young
from ase_voxpot.workflows.sites import mean_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from ase_voxpot.workflows.diffusion import Arrhenius, Diffusion
    from ase_voxpot.workflows.elastic import Ensemble
    from ase_voxpot.workflows.eos import VolumeCurve
    from ase_voxpot.workflows.phonons import Heat, Phonons
    from ase_voxpot.workflows.quasiharmonic import QuasiHarmonic
    from ase_voxpot.workflows.sites import Swaps, Vacancies

__all__ = ["draw_diffusion", "draw_elastic", "draw_eos", "draw_phonons", "draw_sites"]

DASHED: Any = (0, (4, 3))


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


def draw_elastic(path: Path, found: Ensemble, *, title: str, cubic: bool) -> None:
    """Young's modulus by direction, and the moduli with every decoration.

    Args:
        path: of the picture.
        found: one material.
        title: of the picture.
        cubic: whether C11, C12 and C44 say all.
    """
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    round_: Any = figure.add_subplot(1, 2, 1, projection="polar")
    angle = np.linspace(0, 2 * np.pi, 361)
    flat = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    steep = np.stack([np.cos(angle) / np.sqrt(2), np.cos(angle) / np.sqrt(2), np.sin(angle)], axis=1)
    compliance = np.linalg.inv(found.mean.tensor)
    planes = (("in (001), from [100]", flat), ("in (1$\\bar{1}$0), from [110]", steep))
    for (label, directions), colour in zip(planes, COLOURS, strict=False):
        round_.plot(angle, young(compliance, directions), color=colour, lw=1.6, label=label)
    round_.plot(angle, np.full_like(angle, found.mean.young), color=INK, lw=0.9, ls=DASHED, label="polycrystal (Hill)")
    round_.set_title("Young's modulus (GPa)", fontsize=9, color=INK)
    round_.set_ylim(bottom=0)
    round_.tick_params(labelsize=7, colors=INK)
    round_.grid(color="#e3e5e8", linewidth=0.6)
    round_.set_rlabel_position(22)
    round_.legend(fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.08), ncols=3)

    names = {"c11": "C11", "c12": "C12", "c44": "C44"} if cubic else {}
    names |= {"bulk": "K", "shear": "G", "young": "E"}
    bars = figure.add_subplot(1, 2, 2)
    for x, name in enumerate(names):
        value, error = getattr(found.mean, name), found.error(name)
        bars.bar(x, value, width=0.7, color=COLOURS[0] if name.startswith("c") else COLOURS[2], alpha=0.85)
        if error is not None:
            spread = np.linspace(-0.2, 0.2, len(found.members))
            bars.plot(x + spread, [getattr(m, name) for m in found.members], ".", ms=4, color=INK, alpha=0.7)
            bars.errorbar(x, value, yerr=error, color=INK, capsize=6, lw=1.4)
        bars.annotate(f"{value:.0f}", (x, 0), (0, 4), textcoords="offset points", ha="center", fontsize=9, color="w")
    bars.set_xticks(range(len(names)), list(names.values()))
    bars.set_ylabel("GPa", fontsize=9)
    bars.margins(y=0.08)
    count = len(found.members)
    bars.set_title(
        f"{count} decorations (dots), mean ± standard error" if count > 1 else "constants and moduli (Hill)",
        fontsize=9,
        color=INK,
    )
    tidy(bars)
    bars.grid(visible=False, axis="x")
    figure.suptitle(title, fontsize=11, color=INK)
    save(figure, path)


def draw_phonons(path: Path, found: Phonons, warm: Heat, expands: QuasiHarmonic | None, *, title: str) -> None:
    """Dispersion and states above, what they do at temperature below.

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


def draw_sites(
    path: Path,
    found: Vacancies,
    exchanged: Swaps | None,
    potentials: Mapping[str, Mapping[str, float]],
    barriers: Mapping[str, Sequence[float]],
    *,
    title: str,
) -> None:
    """Every vacancy, swap and jump as a dot, means with their standard errors beside them.

    Args:
        path: of the picture.
        found: vacancies.
        exchanged: swaps of an alloy.
        potentials: chemical potentials in eV, by name of their reservoir.
        barriers: eV, by element.
        title: of the picture.
    """
    panels: list[tuple[str, dict[str, Any]]] = []
    for name, mu in potentials.items():
        energies, species = found.formation(mu), np.array(found.species)
        panels.append(
            (f"vacancy formation, μ of the {name}", {s: energies[species == s] for s in dict.fromkeys(species)})
        )
    if exchanged is not None:
        pair, near = np.array(exchanged.species), np.array(exchanged.near)
        parts = {
            f"{p}\n{label}": exchanged.energies[(pair == p) & (near == flag)]
            for p in dict.fromkeys(pair)
            for label, flag in (("near", True), ("far", False))
        }
        panels.append(("exchange of two atoms", parts))
    if barriers:
        panels.append(("barrier of a jump", {s: np.array(v) for s, v in barriers.items()}))
    widths = [max(2, len(parts)) for _, parts in panels]
    figure = Figure(figsize=(1.2 + sum(widths) * 0.95, 4.0), layout="constrained")
    for axes, (label, parts) in zip(
        figure.subplots(1, len(panels), squeeze=False, width_ratios=widths)[0], panels, strict=True
    ):
        for x, values in enumerate(parts.values()):
            _draw_sample(axes, x, values)
        axes.set_xticks(range(len(parts)), list(parts), fontsize=8)
        axes.set_xlim(-0.5, len(parts) - 0.25)
        axes.set_title(label, fontsize=9, color=INK)
        tidy(axes)
        axes.grid(visible=False, axis="x")
        if min(v.min() for v in parts.values()) < 0:
            axes.axhline(0, color=INK, lw=0.8)
        axes.set_ylabel("eV", fontsize=9)
    figure.suptitle(title, fontsize=11, color=INK)
    save(figure, path)


def _draw_sample(axes: Axes, x: int, values: Any) -> None:
    colour = COLOURS[x % len(COLOURS)]
    axes.plot(x + np.linspace(-0.3, 0.0, len(values)), values, ".", color=colour, ms=5, alpha=0.7)
    mean, error = mean_error(values)
    axes.errorbar(x + 0.2, mean, yerr=error or 0.0, fmt="o", color=INK, ms=4, capsize=4, lw=1.2)
    text = f"{round(mean, 2) + 0.0:.2f}"  # no minus before a zero
    axes.annotate(text, (x + 0.2, mean), (6, -3), textcoords="offset points", fontsize=7.5)


def draw_diffusion(path: Path, runs: Sequence[Diffusion], laws: Mapping[str, Arrhenius | None], *, title: str) -> None:
    """Mean squared displacements, and coefficients against temperature if there are several.

    Args:
        path: of the picture.
        runs: one per temperature.
        laws: Arrhenius's law by element, where it could be told.
        title: of the picture.
    """
    several = len(runs) > 1
    figure = Figure(figsize=(9.6 if several else 5.6, 4.0), layout="constrained")
    grid = figure.subplots(1, 2 if several else 1, squeeze=False)[0]
    names = list(runs[0].coefficients)
    colours = {name: INK if name == "all" else COLOURS[k % len(COLOURS)] for k, name in enumerate(names)}
    for shade, run in zip(np.linspace(0.4, 1.0, len(runs)) if several else [1.0], runs, strict=True):
        half = len(run.times) // 2  # longer lags are few and loud
        for name in names:
            label = name if run is runs[-1] else None
            curve = run.displacements[name][:half]
            grid[0].plot(run.times[:half], curve, color=colours[name], alpha=float(shade), lw=1.3, label=label)
        grid[0].annotate(
            f"{run.temperature:.0f} K",
            (run.times[half - 1], run.displacements[names[-1]][half - 1]),
            (3, -3),
            textcoords="offset points",
            fontsize=7.5,
            color=INK,
        )
    grid[0].set(xlabel="time (ps)", ylabel="mean squared displacement (Å²)", xlim=0, ylim=0)
    grid[0].legend(fontsize=8, frameon=False)
    if several:
        _draw_arrhenius(grid[1], runs, laws, colours)
    for axes in grid:
        tidy(axes)
    figure.suptitle(title, fontsize=11, color=INK)
    save(figure, path)


def _draw_arrhenius(
    axes: Axes, runs: Sequence[Diffusion], laws: Mapping[str, Arrhenius | None], colours: Mapping[str, str]
) -> None:
    inverse = np.array([1e4 / r.temperature for r in runs])
    apart = 0.02 * np.ptp(inverse)  # so that errors do not hide each other
    for k, (name, law) in enumerate(laws.items()):
        values = np.array([r.coefficients[name] for r in runs])
        errors = np.array([r.errors[name] for r in runs])
        known = values > 0
        axes.errorbar(
            (inverse + apart * (k - (len(laws) - 1) / 2))[known],
            values[known],
            yerr=np.minimum(errors, 0.9 * np.abs(values))[known],
            fmt="o",
            ms=4,
            capsize=3,
            color=colours[name],
        )
        if law is not None:
            fine = np.linspace(inverse.min(), inverse.max(), 50)
            curve = law.prefactor * np.exp(-law.energy * fine / 1e4 / kB)
            label = f"{name}: {law.energy:.2f} ± {law.error:.2f} eV"
            axes.plot(fine, curve, color=colours[name], lw=1.0, label=label)
    axes.set_yscale("log")
    axes.set(xlabel="10⁴ K / T", ylabel="D (Å²/ps = 1e-8 m²/s)")
    if any(law is not None for law in laws.values()):
        axes.legend(fontsize=8, frameon=False)
