"""Pictures of a validation, one panel each, for a page that is light or dark.

A panel is drawn once.  As PNG it is for slides; as SVG its ink and its colours become
variables of the page, and its numbers stay text.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from ase.units import GPa
from matplotlib.figure import Figure

from ase_voxpot.plots import COLOURS, INK, save, tidy
from ase_voxpot.validation.comparison import MILLI
from ase_voxpot.validation.structure import histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from matplotlib.axes import Axes

    from ase_voxpot.validation.validate import Validation

__all__ = ["GRID", "VARIABLES", "panels", "save_png", "svg"]

GRID = "#e3e5e8"
SIZE = (4.4, 3.2)
TALL = (4.4, 4.2)
POINTS = 20_000
"""Most points of a cloud; more would only hide each other."""
VASP, MODEL = INK, COLOURS[0]
VARIABLES = {INK: "--ink", GRID: "--grid"} | {c: f"--c{k}" for k, c in enumerate(COLOURS)}
"""Which colour of a picture is which variable of the page."""


def panels(v: Validation) -> Iterator[tuple[str, str, Figure]]:
    """Name, group and picture of everything there is to see."""
    for group, known, draws in (
        ("energies", bool(v.energies), {"energy-parity": _energy_parity, "energy-along-the-run": _energy_along}),
        (
            "forces",
            v.forces is not None,
            {"force-parity": _force_parity, "force-errors": _force_errors, "force-by-magnitude": _force_magnitude},
        ),
        ("stress", v.stress is not None, {"stress-parity": _stress_parity}),
        ("trust", v.trust is not None, {"uncertainty-and-error": _trust}),
        ("trust", v.predicted.extrapolation is not None, {"known-ground": _ground}),
        ("structure", True, {"angles": _angles}),
        ("structure", v.sampled is not None and v.run.forces is not None, {"force-distribution": _force_sizes}),
        ("motion", v.motions[0] is not None, {"msd": _msd, "vacf": _vacf, "vdos": _vdos}),
        ("motion", v.sampled is not None, {"temperature": _temperature}),
    ):
        if group == "structure" and known and "angles" in draws:
            yield from (_panel(f"rdf-{p}", "structure", _rdf(p), v) for p in _pairs(v))
            yield _panel("bonds", "structure", _bonds, v)
        if known:
            yield from (_panel(name, group, draw, v) for name, draw in draws.items())


def _pairs(v: Validation) -> list[str]:
    pairs = list(v.structures[0].whole.rdf)
    return pairs[1:] if len(pairs) == 2 else pairs


def _panel(name: str, group: str, draw: Callable[[Axes, Validation], None], v: Validation) -> tuple[str, str, Figure]:
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
    return name, group, figure


def _errors_below(upper: Axes, lower: Axes) -> None:
    """What the clouds of the upper panel are off the line."""
    unit = str(upper.get_ylabel()).split("(")[-1].rstrip(")")
    factor, shown = (MILLI, "m" + unit) if unit.startswith("eV") else (1.0, unit)
    for cloud in upper.collections:
        x, y = np.asarray(cloud.get_offsets()).T
        lower.scatter(x, factor * (y - x), color=np.asarray(cloud.get_facecolor())[0, :3], **_cloud(len(x)))
    lower.axhline(0, color=INK, linewidth=0.8, zorder=1)
    lower.set(xlabel=upper.get_xlabel(), ylabel=f"error ({shown})")
    upper.set_xlabel("")


def _line(axes: Axes) -> None:
    """Where both sides agree."""
    span = (min(axes.get_xlim()[0], axes.get_ylim()[0]), max(axes.get_xlim()[1], axes.get_ylim()[1]))
    axes.plot(span, span, color=INK, linewidth=0.8, zorder=1)
    axes.set(xlim=span, ylim=span)


def _cloud(points: int) -> dict[str, Any]:
    """How to draw so many points: small and transparent when they are many."""
    size = float(np.clip(4000 / max(points, 1), 3, 16))
    return {"s": size, "alpha": 0.45 if points > 2000 else 0.8, "linewidths": 0, "rasterized": True, "zorder": 2}


def _bins(count: int) -> int:
    """Bins that are not mostly noise."""
    return int(np.clip(count**0.5 / 2, 15, 80))


def _some(*arrays: np.ndarray) -> list[np.ndarray]:
    """The same points of flat arrays, spread evenly, no more than can be seen."""
    flat = [a.ravel() for a in arrays]
    chosen = np.linspace(0, len(flat[0]) - 1, min(len(flat[0]), POINTS)).round().astype(int)
    return [a[chosen] for a in flat]


def _energy_parity(axes: Axes, v: Validation) -> None:
    errors = next(iter(v.energies.values()))
    atoms = len(v.run.symbols)
    reference = v.run.energies[errors.name] / atoms
    mine = v.predicted.energies / atoms
    axes.scatter(reference, mine, color=COLOURS[1], label="as it is", **_cloud(len(mine)))
    axes.scatter(
        reference, mine - errors.offset / MILLI, color=MODEL, label="one constant taken off", **_cloud(len(mine))
    )
    axes.set(xlabel="run (eV/atom)", ylabel="model (eV/atom)")
    axes.ticklabel_format(useOffset=False)
    _line(axes)


def _time(v: Validation, frames: int) -> tuple[np.ndarray, str]:
    if v.run.interval is None:
        return np.arange(frames), "frame"
    return np.arange(frames) * v.run.interval / 1000, "time (ps)"


def _energy_along(axes: Axes, v: Validation) -> None:
    errors = next(iter(v.energies.values()))
    scale = MILLI / len(v.run.symbols)
    time, label = _time(v, len(v.run))
    error = scale * (v.predicted.energies - v.run.energies[errors.name]) - errors.offset
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
    forces, kinds = np.asarray(v.run.forces), np.array(v.run.symbols)
    for k, s in enumerate(v.by_element):
        chosen = kinds == s
        x, y = _some(forces[:, chosen], v.predicted.forces[:, chosen])
        axes.scatter(x, y, color=COLOURS[k % len(COLOURS)], label=s, **_cloud(len(x)))
    axes.set(xlabel="run (eV/Å)", ylabel="model (eV/Å)")
    _line(axes)


def _force_errors(axes: Axes, v: Validation) -> None:
    error = MILLI * (v.predicted.forces - np.asarray(v.run.forces))
    limit = max(float(np.quantile(np.abs(error), 0.998)), 1e-3)
    edges = np.linspace(-limit, limit, _bins(error.size) + 1)
    kinds = np.array(v.run.symbols)
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
    reference, mine = np.asarray(v.run.stress) / GPa, v.predicted.stress / GPa
    for part, name, colour in ((slice(0, 3), "xx yy zz", MODEL), (slice(3, 6), "yz xz xy", COLOURS[1])):
        x, y = _some(reference[:, part], mine[:, part])
        axes.scatter(x, y, color=colour, label=name, **_cloud(len(x)))
    axes.set(xlabel="run (GPa, positive under tension)", ylabel="model (GPa)")
    _line(axes)


def _trust(axes: Axes, v: Validation) -> None:
    sigma = np.asarray(v.predicted.force_sigma)
    error = MILLI * np.sqrt(((v.predicted.forces - np.asarray(v.run.forces)) ** 2).mean(axis=2))
    said = MILLI * sigma
    x, y = _some(said, error)
    axes.scatter(x, y, color=MODEL, **_cloud(len(x)) | {"alpha": 0.3})
    groups = np.array_split(np.argsort(said, axis=None), min(10, said.size))
    means = [[np.sqrt((values.ravel()[g] ** 2).mean()) for g in groups] for values in (said, error)]
    axes.plot(*means, "o-", color=COLOURS[1], markersize=4, label="RMS of a tenth each", zorder=3)
    right, top = float(np.quantile(said, 0.999)), float(np.quantile(error, 0.998))
    axes.plot([0, max(right, top)], [0, max(right, top)], color=INK, linewidth=0.8, label="as expected")
    axes.set(xlabel="uncertainty of a component (meV/Å)", ylabel="error of an atom (meV/Å)")
    axes.set(xlim=(0, 1.05 * right), ylim=(0, 1.05 * top))


def _ground(axes: Axes, v: Validation) -> None:
    values = np.asarray(v.predicted.extrapolation)
    time, label = _time(v, len(values))
    axes.plot(time, values, color=MODEL, linewidth=0.9, marker="." if len(time) < 60 else "")
    axes.axhline(1, color=COLOURS[1], linewidth=1.2, linestyle=(0, (4, 3)), label="least certain in validation")
    axes.set(xlabel=label, ylabel="uncertainty over that")
    axes.set_ylim(bottom=0)


def _both(axes: Axes, x: np.ndarray, reference: np.ndarray, other: tuple[np.ndarray, np.ndarray] | None) -> None:
    axes.plot(x, reference, color=VASP, linewidth=1.6, label="run")
    if other is not None:
        axes.plot(*other, color=MODEL, linewidth=1.3, linestyle=(0, (3.5, 1.5)), label="model")


def _rdf(pair: str) -> Callable[[Axes, Validation], None]:
    def draw(axes: Axes, v: Validation) -> None:
        reference, mine = v.structures
        shells = reference.whole
        other = None if mine is None else (mine.whole.radius, mine.whole.rdf[pair])
        _both(axes, shells.radius, shells.rdf[pair], other)
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
    _both(axes, x, reference, None if v.structures[1] is None else density(1))
    axes.set(xlabel="bond length (Å)", ylabel="density (1/Å)")
    first = x[np.argmax(reference > 0)]
    axes.set_xlim(first - 0.1, x[-1])
    axes.set_ylim(bottom=0)


def _angles(axes: Axes, v: Validation) -> None:
    reference, mine = v.structures

    def smooth(angles: np.ndarray) -> np.ndarray:
        return MILLI * np.convolve(angles, np.ones(3) / 3, mode="same")

    other = None if mine is None else (mine.whole.angle, smooth(mine.whole.angles))
    _both(axes, reference.whole.angle, smooth(reference.whole.angles), other)
    axes.set(xlabel="angle between bonds (degrees)", ylabel="density (10⁻³/degree)", xlim=(20, 180))

    axes.set_ylim(bottom=0)


def _force_sizes(axes: Axes, v: Validation) -> None:
    assert v.sampled is not None  # noqa: S101
    reference = np.linalg.norm(np.asarray(v.run.forces), axis=2)
    mine = np.linalg.norm(v.sampled.forces, axis=2)
    edges = np.linspace(0, max(float(np.quantile(reference, 0.999)), 1e-3), _bins(reference.size) + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    _both(axes, middle, histogram(reference, edges), (middle, histogram(mine, edges)))
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
    _both(axes, *curves[0], curves[1] if len(curves) > 1 else None)
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.set(xlabel="time (fs)", ylabel="velocity autocorrelation")


def _vdos(axes: Axes, v: Validation) -> None:
    curves = [(m.frequency, m.density) for m in v.motions if m is not None]
    _both(axes, *curves[0], curves[1] if len(curves) > 1 else None)
    frequency, density = curves[0]
    total = np.cumsum(density) / density.sum()
    axes.set(xlabel="frequency (THz)", ylabel="vibrational density (1/THz)")
    axes.set_xlim(0, 1.25 * float(frequency[np.searchsorted(total, 0.99)]))
    axes.set_ylim(bottom=0)


def _temperature(axes: Axes, v: Validation) -> None:
    assert v.sampled is not None  # noqa: S101
    assert v.plan is not None  # noqa: S101
    if v.run.temperatures is not None:
        time, _ = _time(v, len(v.run))
        axes.plot(time, v.run.temperatures, color=VASP, linewidth=0.9, label="run")
    time = np.arange(len(v.sampled.temperatures)) * v.plan.interval / 1000
    axes.plot(time, v.sampled.temperatures, color=MODEL, linewidth=0.9, alpha=0.8, label="model")
    axes.axhline(v.plan.temperature, color=COLOURS[1], linewidth=1.2, linestyle=(0, (4, 3)), label="asked for")
    axes.set(xlabel="time (ps)", ylabel="temperature (K)")


def save_png(figure: Figure, path: Path) -> None:
    """On white, for slides."""
    save(figure, path)


def svg(figure: Figure, name: str) -> str:
    """To stand in a page: no header, no size, own names, and the colours of the page.

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
