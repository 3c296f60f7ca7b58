"""Plots of the benchmark, one line or bar per calculator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from ase_voxpot.physics.references import QUANTITIES, REFERENCES
from ase_voxpot.plotting.style import COLOURS, DASHED, GRID, INK, save, tidy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    Answers = Mapping[str, Mapping[tuple[str, str], Mapping[str, Any]]]
    """By calculator, then by workflow and subject."""

__all__ = ["draw_all"]


def draw_all(folder: Path, answers: Answers) -> list[Path]:
    """Draw all pictures for which there are results.

    Args:
        folder: where to.
        answers: by calculator, then by workflow and subject, as ``bench.run`` returns them.

    Returns:
        The files.
    """
    written = []
    for name, draw in PICTURES.items():
        figure = draw(answers)
        if figure is not None:
            path = folder / f"{name}.png"
            save(figure, path)
            written.append(path)
    return written


def _curves(answers: Answers, workflow: str) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Curves by subject and calculator."""
    out: dict[str, dict[str, Mapping[str, Any]]] = {}
    for name, kept in answers.items():
        for (which, subject), answer in kept.items():
            if which == workflow and answer.get("curves"):
                out.setdefault(subject, {})[name] = answer["curves"]
    return out


def _colours(answers: Answers) -> dict[str, str]:
    return {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(answers)}


def _rank(name: str, answers: Answers) -> dict[str, float]:
    """The first calculator is drawn above the others, and thicker."""
    return {"lw": 1.8, "zorder": 3} if name == next(iter(answers)) else {"lw": 0.9, "zorder": 2}


def _legend(figure: Figure, *panels: Axes) -> None:
    unique: dict[str, Any] = {}
    for axes in panels:
        handles, names = axes.get_legend_handles_labels()
        unique |= dict(zip(names, handles, strict=True))
    figure.legend(
        list(unique.values()),
        list(unique),
        loc="outside lower center",
        ncols=min(7, len(unique)),
        fontsize=8,
        frameon=False,
    )


def _grid(
    columns: int, rows: int = 1, *, width: float = 3.6, height: float = 3.2, **options: Any
) -> tuple[Figure, Any]:
    figure = Figure(figsize=(max(width * columns, 4.5), height * rows + 0.4), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def _draw_eos(answers: Answers) -> Figure | None:
    found, colours = _curves(answers, "eos"), _colours(answers)
    if not found:
        return None
    figure, grid = _grid(len(found))
    for axes, (subject, curves) in zip(grid[0], found.items(), strict=True):
        for name, curve in curves.items():
            energies = 1000 * np.array(curve["energy"])
            axes.plot(curve["volume"], energies, "o-", ms=3, lw=1.2, color=colours[name], label=name)
        reference = REFERENCES.get(subject, {}).get("a0")
        if reference is not None:
            axes.axvline(reference.value**3 / 2, color=INK, lw=0.9, ls=DASHED, label="PBE")
        axes.set_title(subject, fontsize=10, color=INK)
        axes.set_xlabel("volume (Å³/atom)", fontsize=9)
        tidy(axes)
    grid[0, 0].set_ylabel("energy above the minimum (meV/atom)", fontsize=9)
    _legend(figure, grid[0, 0])
    return figure


def _draw_phonons(answers: Answers) -> Figure | None:
    found, colours = _curves(answers, "phonons"), _colours(answers)
    if not found:
        return None
    figure, grid = _grid(2, len(found), width=4.6, height=2.9, sharey="row", width_ratios=(3.4, 1))
    for (way, states), (subject, curves) in zip(grid, found.items(), strict=True):
        for name, curve in curves.items():
            # paths of different lattice constants are stretched over each other
            path = np.array(curve["path"]) / curve["path"][-1]
            branches = np.array(curve["branches"])
            branches[1:][np.diff(path) == 0] = np.nan  # where the way jumps
            for branch in branches.T:
                way.plot(path, branch, color=colours[name], label=name, **_rank(name, answers))
            states.plot(curve["density"], curve["grid"], color=colours[name], **_rank(name, answers))
        first = next(iter(curves.values()))
        places = np.array(first["places"]) / first["path"][-1]
        way.set_xticks(places, first["names"])
        for place in places:
            way.axvline(place, color="#c9ccd1", lw=0.7, zorder=0)
        reference = REFERENCES.get(subject, {}).get("nu_max")
        if reference is not None:
            for axes in (way, states):
                axes.axhline(reference.value, color=INK, lw=0.9, ls=DASHED, label="highest, experiment")
        way.axhline(0, color=INK, lw=0.7)
        way.set_xlim(0, 1)
        way.set_ylim(bottom=min(0.0, *(1.05 * np.min(curve["branches"]) for curve in curves.values())))
        states.set_xlim(left=0)
        way.set_ylabel(f"{subject}\nfrequency (THz)", fontsize=9)
        tidy(way)
        tidy(states)
    grid[-1, 1].set_xlabel("states per THz", fontsize=9)
    _legend(figure, grid[0, 0])
    return figure


def _draw_squeezed(answers: Answers) -> Figure | None:
    panels = [("dimer", s, c) for s, c in _curves(answers, "dimer").items()]
    panels += [("lattice", s, c) for s, c in _curves(answers, "lattice").items()]
    colours = _colours(answers)
    if not panels:
        return None
    columns = min(3, len(panels))
    figure, grid = _grid(columns, -(-len(panels) // columns), height=2.7, sharex=True)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (kind, subject, curves) in zip(grid.flat, panels, strict=False):
        for name, curve in curves.items():
            axes.plot(curve["distance"], curve["energy"], color=colours[name], label=name, **_rank(name, answers))
        axes.axhline(0, color=INK, lw=0.6)
        axes.set_yscale("symlog", linthresh=10, linscale=2.0)
        axes.set_ylim(-20, 3e4)
        axes.set_title(f"{subject} {kind}", fontsize=9, color=INK)
        axes.set_yticks([-10, -5, 0, 5, 10, 100, 1000, 10000], ["-10", "-5", "0", "5", "10", "10²", "10³", "10⁴"])
        axes.minorticks_off()
        tidy(axes)
    for axes in grid[:, 0]:
        axes.set_ylabel("energy (eV)", fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel("distance of neighbours (Å)", fontsize=9)
    _legend(figure, grid[0, 0])
    return figure


def _bars(workflows: Sequence[str], quantities: Sequence[str], label: str) -> Callable[[Answers], Figure | None]:
    """A picture of figures as bars, references as lines across them."""

    def draw(answers: Answers) -> Figure | None:
        found: dict[str, dict[str, dict[str, float]]] = {}
        for name, kept in answers.items():
            for (which, subject), answer in kept.items():
                if which in workflows and "figures" in answer:
                    found.setdefault(subject, {}).setdefault(name, {}).update(answer["figures"])
        shown = {s: [q for q in quantities if any(q in f for f in by.values())] for s, by in found.items()}
        if not found:
            return None
        figure, grid = _grid(1, len(found), width=8.0, height=1.9)
        for axes, subject in zip(grid[:, 0], found, strict=True):
            _draw_bars(axes, subject, shown[subject], found[subject], _colours(answers))
            axes.set_xlim(-0.6, max(len(s) for s in shown.values()) - 0.4)
            axes.set_ylabel(f"{subject}\n{label}", fontsize=9)
        _legend(figure, grid[0, 0])
        return figure

    return draw


def _draw_bars(
    axes: Axes,
    subject: str,
    quantities: Sequence[str],
    figures: Mapping[str, Mapping[str, float]],
    colours: Mapping[str, str],
) -> None:
    width = 0.8 / len(colours)
    for k, name in enumerate(colours):
        at = [(x, figures[name][q]) for x, q in enumerate(quantities) if figures.get(name, {}).get(q) is not None]
        places = [x - 0.4 + width * (k + 0.5) for x, _ in at]
        axes.bar(places, [v for _, v in at], width=0.92 * width, color=colours[name], label=name)
    lines = [(x, REFERENCES.get(subject, {}).get(q)) for x, q in enumerate(quantities)]
    for x, reference in lines:
        if reference is not None:
            axes.plot([x - 0.45, x + 0.45], [reference.value] * 2, color=INK, lw=1.4, label="reference")
    axes.set_xticks(range(len(quantities)), [_short(q) for q in quantities], fontsize=8)
    axes.axhline(0, color=INK, lw=0.7)
    tidy(axes)
    axes.grid(visible=False, axis="x")


def _short(quantity: str) -> str:
    """The name of a quantity on two or three lines."""
    return QUANTITIES[quantity].label.replace(", ", "\n").replace(" ", "\n", 1)


def _draw_against_frames(answers: Answers) -> Figure | None:
    found, colours = _curves(answers, "dft-mixing"), _colours(answers)
    if not found:
        return None
    figure, grid = _grid(len(found), 2, height=2.7, sharex=True, height_ratios=(1.25, 1))
    for (upper, lower), (subject, curves) in zip(grid.T, found.items(), strict=True):
        # two clouds can be told apart, more cannot: frame by frame only the first calculator is shown
        first_name, first = next(iter(curves.items()))
        style: dict[str, Any] = {"s": 9, "linewidths": 0, "alpha": 0.6, "rasterized": True}
        upper.scatter(np.array(first["fraction"]) - 0.008, first["reference"], color=INK, label="DFT", **style)
        upper.scatter(np.array(first["fraction"]) + 0.008, first["found"], color=colours[first_name], **style)
        for name, curve in curves.items():
            lower.plot(curve["compositions"], curve["deviations"], "o-", ms=3, lw=1.2, color=colours[name], label=name)
        lower.axhspan(-5, 5, color=GRID, zorder=0)
        lower.axhline(0, color=INK, lw=0.8)
        upper.set_title(subject, fontsize=10, color=INK)
        lower.set_xlabel(f"fraction of the second element in {subject}", fontsize=8)
        tidy(upper)
        tidy(lower)
    grid[0, 0].set_ylabel("mixing energy\n(meV/atom)", fontsize=9)
    grid[1, 0].set_ylabel("mean deviation\n(meV/atom)", fontsize=9)
    _legend(figure, grid[0, 0], grid[1, 0])
    return figure


def _draw_stability(answers: Answers) -> Figure | None:
    found, colours = _curves(answers, "stability"), _colours(answers)
    if not found:
        return None
    rows = (("temperatures", "temperature (K)"), ("energies", "energy (eV/atom)"), ("distances", "least distance (Å)"))
    figure, grid = _grid(len(found), 3, width=7.0, height=1.7, sharex=True)
    for column, (subject, curves) in zip(grid.T, found.items(), strict=True):
        for axes, (key, label) in zip(column, rows, strict=True):
            for name, curve in curves.items():
                values = np.array(curve[key], dtype=float)
                shown = values - values[0] if key == "energies" else values
                axes.plot(curve["times"], shown, lw=0.7, color=colours[name], label=name)
            axes.set_ylabel(label.replace("energy", "energy gained") if key == "energies" else label, fontsize=8)
            tidy(axes)
        column[0].set_title(subject, fontsize=10, color=INK)
        column[-1].set_xlabel("time (ps)", fontsize=9)
    _legend(figure, grid[0, 0])
    return figure


def _draw_expansion(answers: Answers) -> Figure | None:
    found, colours = _curves(answers, "thermal"), _colours(answers)
    if not found:
        return None
    figure, grid = _grid(len(found), sharey=True, height=2.8)
    for axes, (subject, curves) in zip(grid[0], found.items(), strict=True):
        for name, curve in curves.items():
            axes.plot(curve["temperature"], curve["expansion"], color=colours[name], label=name, **_rank(name, answers))
        reference = REFERENCES.get(subject, {}).get("alpha_300")
        if reference is not None:
            axes.plot(300, reference.value, "x", color=INK, label="experiment")
        axes.set_title(subject, fontsize=10, color=INK)
        axes.set_xlabel("temperature (K)", fontsize=9)
        tidy(axes)
    grid[0, 0].set_ylabel("expansion of lengths (1e-6/K)", fontsize=9)
    _legend(figure, grid[0, 0])
    return figure


def _draw_faults(answers: Answers) -> Figure | None:
    by_subject = _curves(answers, "faults")
    if not by_subject:
        return None
    figure, grid = _grid(len(by_subject))
    colours = _colours(answers)
    for axes, (subject, curves) in zip(grid[0], by_subject.items(), strict=True):
        for name, curve in curves.items():
            options = {"color": colours[name], **_rank(name, answers)}
            axes.plot(curve["shift"], curve["110"], label=name, **options)
            axes.plot(curve["shift"], curve["112"], ls=DASHED, **options)
        axes.set_title(subject, fontsize=10, color=INK)
        axes.set_xlabel("shift (½⟨111⟩)", fontsize=9)
        tidy(axes)
    grid[0, 0].set_ylabel("{110}, and dashed {112} (J/m²)", fontsize=9)
    _legend(figure, grid[0, 0])
    return figure


def _draw_screw(answers: Answers) -> Figure | None:
    by_subject, colours = _curves(answers, "screw"), _colours(answers)
    if not by_subject:
        return None
    figure, grid = _grid(len(by_subject), sharey=True)
    for axes, (subject, curves) in zip(grid[0], by_subject.items(), strict=True):
        for name, curve in curves.items():
            axes.plot(curve["place"], curve["path"], color=colours[name], label=name, **_rank(name, answers))
        if reference := REFERENCES.get(subject, {}).get("E_Peierls"):
            axes.plot(0.5, reference.value, "x", color=INK, label="first principles")
        axes.set_title(subject, fontsize=10, color=INK)
        axes.set_xlabel("path to the next valley", fontsize=9)
        tidy(axes)
    grid[0, 0].set_ylabel("screw dislocation (meV/b)", fontsize=9)
    _legend(figure, grid[0, 0])
    return figure


PICTURES: dict[str, Callable[[Answers], Figure | None]] = {
    "eos": _draw_eos,
    "elastic": _bars(
        ("eos", "elastic", "finite-strain"),
        ("B", "C11", "C12", "C44", "C11_finite", "C12_finite", "C44_finite"),
        "GPa",
    ),
    "defects": _bars(
        ("vacancy", "interstitial"),
        ("E_vac", "E_mig", "SIA_111", "SIA_110", "SIA_100", "SIA_tetrahedral", "SIA_octahedral"),
        "eV",
    ),
    "surfaces": _bars(("surfaces",), ("gamma_110", "gamma_100", "gamma_111"), "J/m²"),
    "faults": _draw_faults,
    "boundaries": _bars(("boundaries",), ("GB_S3_112", "GB_S5_310"), "J/m²"),
    "screw": _draw_screw,
    "mixing": _bars(("mixing",), ("E_B2", "E_B32", "E_D0_3", "E_D0_3_reverse", "E_random"), "meV/atom"),
    "phonons": _draw_phonons,
    "expansion": _draw_expansion,
    "mixing_against_dft": _draw_against_frames,
    "squeezed": _draw_squeezed,
    "stability": _draw_stability,
}
"""What is drawn, by the name of the file."""
