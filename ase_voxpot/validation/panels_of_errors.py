"""Panels of errors per frame in energies, forces and stress, and of uncertainties."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.units import GPa

from ase_voxpot.plotting.style import COLOURS, DASHED, INK
from ase_voxpot.validation.comparison import MILLI
from ase_voxpot.validation.strokes import MODEL, agreement, bins, cloud, some, times
from ase_voxpot.validation.structure import histogram

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

    from ase_voxpot.validation.strokes import Panel
    from ase_voxpot.validation.validate import Validation

__all__ = ["error_panels"]


def error_panels(v: Validation) -> Iterator[Panel]:
    """Name, group and drawing of every panel with data."""
    if v.energies:
        yield "energy-parity", "energies", _energy_parity
        yield "energy-along-the-run", "energies", _energy_along
    if v.forces is not None:
        yield "force-parity", "forces", _force_parity
        yield "force-errors", "forces", _force_errors
        yield "force-by-magnitude", "forces", _force_magnitude
    if v.stress is not None:
        yield "stress-parity", "stress", _stress_parity
    if v.trust is not None:
        yield "uncertainty-and-error", "trust", _trust
    if v.predicted.extrapolation is not None:
        yield "known-ground", "trust", _ground


def _energy_parity(axes: Axes, v: Validation) -> None:
    errors = next(iter(v.energies.values()))
    atoms = len(v.scored.symbols)
    reference = v.scored.energies[errors.name] / atoms
    mine = v.predicted.energies / atoms
    axes.scatter(reference, mine, color=COLOURS[1], label="as it is", **cloud(len(mine)))
    axes.scatter(
        reference, mine - errors.offset / MILLI, color=MODEL, label="one constant taken off", **cloud(len(mine))
    )
    axes.set(xlabel="run (eV/atom)", ylabel="model (eV/atom)")
    axes.ticklabel_format(useOffset=False)
    agreement(axes)


def _energy_along(axes: Axes, v: Validation) -> None:
    errors = next(iter(v.energies.values()))
    scale = MILLI / len(v.scored.symbols)
    time, label = times(v.scored)
    error = scale * (v.predicted.energies - v.scored.energies[errors.name]) - errors.offset
    if v.predicted.energy_sigma is not None:
        sigma = scale * v.predicted.energy_sigma
        axes.fill_between(time, -sigma, sigma, color=MODEL, alpha=0.15, linewidth=0, label="expected, 1 σ")
    axes.plot(time, error, color=MODEL, linewidth=0.9 if len(time) > 60 else 1.2, marker="." if len(time) < 60 else "")
    if len(time) >= 3:
        slope, start = np.polyfit(time, error, 1)
        axes.plot(time[[0, -1]], start + slope * time[[0, -1]], color=COLOURS[1], linewidth=1.6, label="drift")
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set(xlabel=label, ylabel="error, constant taken off (meV/atom)")


def _force_parity(axes: Axes, v: Validation) -> None:
    forces, kinds = np.asarray(v.scored.forces), np.array(v.scored.symbols)
    for k, s in enumerate(v.by_element):
        chosen = kinds == s
        x, y = some(forces[:, chosen], v.predicted.forces[:, chosen])
        axes.scatter(x, y, color=COLOURS[k % len(COLOURS)], label=s, **cloud(len(x)))
    axes.set(xlabel="run (eV/Å)", ylabel="model (eV/Å)")
    agreement(axes)


def _force_errors(axes: Axes, v: Validation) -> None:
    error = MILLI * (v.predicted.forces - np.asarray(v.scored.forces))
    limit = max(float(np.quantile(np.abs(error), 0.998)), 1e-3)
    edges = np.linspace(-limit, limit, bins(error.size) + 1)
    kinds = np.array(v.scored.symbols)
    for k, (s, e) in enumerate(v.by_element.items()):
        axes.stairs(
            histogram(error[:, kinds == s], edges),
            edges,
            color=COLOURS[k % len(COLOURS)],
            linewidth=1.3,
            label=f"{s}: RMSE {e.rmse:.0f}",
        )
    axes.set(xlabel="error of force components (meV/Å)", ylabel="density (Å/meV)", xlim=(-limit, limit))
    axes.set_ylim(bottom=0)


def _force_magnitude(axes: Axes, v: Validation) -> None:
    middle = [(low + high) / 2 for low, high, _ in v.by_magnitude]
    axes.plot(middle, [e.rmse for _, _, e in v.by_magnitude], "o-", color=MODEL, markersize=4, label="RMSE")
    axes.plot(middle, [e.mae for _, _, e in v.by_magnitude], "s-", color=COLOURS[1], markersize=3.5, label="MAE")
    axes.set(xlabel="size of the force in the run (eV/Å)", ylabel="error (meV/Å)")
    axes.set_ylim(bottom=0)


def _stress_parity(axes: Axes, v: Validation) -> None:
    known = np.isfinite(np.asarray(v.scored.stress)).all(axis=1)
    reference, mine = np.asarray(v.scored.stress)[known] / GPa, v.predicted.stress[known] / GPa
    for part, name, colour in ((slice(0, 3), "xx yy zz", MODEL), (slice(3, 6), "yz xz xy", COLOURS[1])):
        x, y = some(reference[:, part], mine[:, part])
        axes.scatter(x, y, color=colour, label=name, **cloud(len(x)))
    axes.set(xlabel="run (GPa, positive under tension)", ylabel="model (GPa)")
    agreement(axes)


def _trust(axes: Axes, v: Validation) -> None:
    sigma = np.asarray(v.predicted.force_sigma)
    error = MILLI * np.sqrt(((v.predicted.forces - np.asarray(v.scored.forces)) ** 2).mean(axis=2))
    reported = MILLI * sigma
    x, y = some(reported, error)
    axes.scatter(x, y, color=MODEL, **cloud(len(x)) | {"alpha": 0.3})
    groups = np.array_split(np.argsort(reported, axis=None), min(10, reported.size))
    means = [[np.sqrt((values.ravel()[g] ** 2).mean()) for g in groups] for values in (reported, error)]
    axes.plot(*means, "o-", color=COLOURS[1], markersize=4, label="RMS of a tenth each", zorder=3)
    right, top = float(np.quantile(reported, 0.999)), float(np.quantile(error, 0.998))
    axes.plot([0, max(right, top)], [0, max(right, top)], color=INK, linewidth=0.8, label="as expected")
    axes.set(xlabel="uncertainty of a component (meV/Å)", ylabel="error of an atom (meV/Å)")
    axes.set(xlim=(0, 1.05 * right), ylim=(0, 1.05 * top))


def _ground(axes: Axes, v: Validation) -> None:
    values = np.asarray(v.predicted.extrapolation)
    time, label = times(v.scored)
    axes.plot(time, values, color=MODEL, linewidth=0.9, marker="." if len(time) < 60 else "")
    axes.axhline(1, color=COLOURS[1], linewidth=1.2, linestyle=DASHED, label="least certain in validation")
    axes.set(xlabel=label, ylabel="uncertainty over that")
    axes.set_ylim(bottom=0)
