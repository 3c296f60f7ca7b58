"""Panels of structure and motion in the dynamics of the model and of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.plotting.style import COLOURS, DASHED, INK
from ase_voxpot.validation.comparison import MILLI
from ase_voxpot.validation.strokes import MODEL, VASP, bins, both, times
from ase_voxpot.validation.structure import histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.axes import Axes

    from ase_voxpot.validation.strokes import Panel
    from ase_voxpot.validation.validate import Validation

__all__ = ["motion_panels"]


def motion_panels(v: Validation) -> Iterator[Panel]:
    """Name, group and drawing of every panel with data."""
    pairs = list(v.structures[0].whole.rdf)
    for pair in pairs[1:] if len(pairs) == 2 else pairs:  # of one element, all pairs are its own
        yield f"rdf-{pair}", "structure", _rdf(pair)
    yield "bonds", "structure", _bonds
    yield "angles", "structure", _angles
    if v.sampled is not None and v.scored.forces is not None:
        yield "force-distribution", "structure", _force_sizes
    if v.motions[0] is not None:
        yield "msd", "motion", _msd
        yield "vacf", "motion", _vacf
        yield "vdos", "motion", _vdos
    if v.sampled is not None:
        yield "temperature", "motion", _temperature


def _rdf(pair: str) -> Callable[[Axes, Validation], None]:
    def draw(axes: Axes, v: Validation) -> None:
        reference, mine = v.structures
        shells = reference.whole
        other = None if mine is None else (mine.whole.radius, mine.whole.rdf[pair])
        both(axes, shells.radius, shells.rdf[pair], other)
        axes.set(xlabel="r (Å)", ylabel=f"g(r), {'all pairs' if pair == 'all' else pair.replace('-', '–')}")
        axes.set_xlim(max(0.0, 0.6 * float(shells.radius[np.argmax(shells.rdf["all"] > 0)])), float(shells.radius[-1]))
        axes.set_ylim(bottom=0)

    return draw


def _bonds(axes: Axes, v: Validation) -> None:
    def density(k: int) -> tuple[np.ndarray, np.ndarray]:
        shells = v.structures[k]
        assert shells is not None  # noqa: S101
        near = shells.whole.radius < v.structures[0].whole.bond
        weight = (shells.whole.rdf["all"] * shells.whole.radius**2)[near]
        x = shells.whole.radius[near]
        return x, weight / max(float(np.trapezoid(weight, x)), 1e-12)

    x, reference = density(0)
    both(axes, x, reference, None if v.structures[1] is None else density(1))
    axes.set(xlabel="bond length (Å)", ylabel="density (1/Å)")
    first = x[np.argmax(reference > 0)]
    axes.set_xlim(first - 0.1, x[-1])
    axes.set_ylim(bottom=0)


def _angles(axes: Axes, v: Validation) -> None:
    reference, mine = v.structures

    def smooth(angles: np.ndarray) -> np.ndarray:
        return MILLI * np.convolve(angles, np.ones(3) / 3, mode="same")

    other = None if mine is None else (mine.whole.angle, smooth(mine.whole.angles))
    both(axes, reference.whole.angle, smooth(reference.whole.angles), other)
    axes.set(xlabel="angle between bonds (degrees)", ylabel="density (10⁻³/degree)", xlim=(20, 180))

    axes.set_ylim(bottom=0)


def _force_sizes(axes: Axes, v: Validation) -> None:
    assert v.sampled is not None  # noqa: S101
    reference = np.linalg.norm(np.asarray(v.scored.forces), axis=2)
    mine = np.linalg.norm(v.sampled.forces, axis=2)
    edges = np.linspace(0, max(float(np.quantile(reference, 0.999)), 1e-3), bins(reference.size) + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    both(axes, middle, histogram(reference, edges), (middle, histogram(mine, edges)))
    axes.set(xlabel="size of the force (eV/Å)", ylabel="density (Å/eV)")
    axes.set_ylim(bottom=0)


def _msd(axes: Axes, v: Validation) -> None:
    reference, mine = v.motions
    for motion, style in ((reference, "-"), (mine, (0, (3.5, 1.5)))):
        if motion is None:
            continue
        kinds = [k for k in motion.displacement if k != "all"]
        for k, s in enumerate(kinds):
            curve = motion.displacement[s][: len(motion.displacement[s]) // 2]
            who = "run" if motion is reference else "model"
            colour = (VASP if motion is reference else MODEL) if len(kinds) == 1 else COLOURS[k % len(COLOURS)]
            time = np.arange(len(curve)) * motion.interval / 1000
            axes.plot(time, curve, color=colour, linestyle=style, linewidth=1.4, label=f"{s}, {who}")
    axes.set(xlabel="time (ps)", ylabel="mean square displacement (Å²)")
    axes.set_ylim(bottom=0)


def _vacf(axes: Axes, v: Validation) -> None:
    curves = []
    for motion in v.motions:
        if motion is not None:
            shown = motion.correlation[: max(2, min(len(motion.correlation) // 2, round(600 / motion.interval)))]
            curves.append((np.arange(len(shown)) * motion.interval, shown))
    both(axes, *curves[0], curves[1] if len(curves) > 1 else None)
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.set(xlabel="time (fs)", ylabel="velocity autocorrelation")


def _vdos(axes: Axes, v: Validation) -> None:
    curves = [(m.frequency, m.density) for m in v.motions if m is not None]
    both(axes, *curves[0], curves[1] if len(curves) > 1 else None)
    frequency, density = curves[0]
    total = np.cumsum(density) / density.sum()
    axes.set(xlabel="frequency (THz)", ylabel="vibrational density (1/THz)")
    axes.set_xlim(0, 1.25 * float(frequency[np.searchsorted(total, 0.99)]))
    axes.set_ylim(bottom=0)


def _temperature(axes: Axes, v: Validation) -> None:
    assert v.sampled is not None  # noqa: S101
    assert v.plan is not None  # noqa: S101
    if v.run.temperatures is not None:
        time, _ = times(v.run)
        axes.plot(time, v.run.temperatures, color=VASP, linewidth=0.9, label="run")
    time = np.arange(len(v.sampled.temperatures)) * v.plan.interval / 1000
    axes.plot(time, v.sampled.temperatures, color=MODEL, linewidth=0.9, alpha=0.8, label="model")
    axes.axhline(v.plan.temperature, color=COLOURS[1], linewidth=1.2, linestyle=DASHED, label="asked for")
    axes.set(xlabel="time (ps)", ylabel="temperature (K)")
