"""Results of ``voxpot melt`` as tables and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ase_voxpot.plotting.screen import console, table, value_with_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase_voxpot.properties.coexistence import Melting
    from ase_voxpot.properties.melting import Schedule

__all__ = ["plain", "plain_all", "show", "show_all"]


def plain(found: Melting) -> dict[str, Any]:
    """A run as a JSON object."""
    return {
        "melting_point": None if found.temperature is None else found.temperature.value,
        "error": None if found.temperature is None else found.temperature.error,
        "drift": {"value": found.drift.value, "error": found.drift.error},
        "guess": found.guess,
        "verdict": found.verdict,
        "sentence": found.sentence(),
        "frames": [found.counted.start, found.counted.stop],
        "times": found.times.tolist(),
        "temperatures": found.temperatures.tolist(),
        "pressure_along": found.along.tolist(),
        "pressure_across": found.across.tolist(),
        "crystalline": found.crystalline.tolist(),
        "order": {
            "crystal": found.boundary.crystal,
            "melt": found.boundary.melt,
            "boundary": found.boundary.value,
            "mistaken": found.boundary.mistaken,
        },
        "units": {"melting_point": "K", "temperatures": "K", "times": "ps", "pressures": "GPa"},
    }


def show(found: Melting, *, title: str) -> None:
    """Print temperature, pressure and phases of a run over time."""
    rows = table(title, "time\nps", "T\nK", "P along\nGPa", "P across\nGPa", "crystal\n%")
    edges = range(0, len(found.times), max(1, len(found.times) // 8))
    for start in edges:
        part = slice(start, start + edges.step)
        columns = (found.temperatures, found.along, found.across, 100 * found.crystalline)
        cells = [format(v[part].mean(), f) for v, f in zip(columns, (".0f", ".2f", ".2f", ".0f"), strict=True)]
        rows.add_row(f"{found.times[start]:.1f}", *cells)
    console().print(rows)


def plain_all(schedules: Sequence[Schedule], runs: Sequence[Melting | str]) -> dict[str, Any]:
    """Several runs as a JSON object, with the mean over those in which both phases remain."""
    mean = _mean(runs)
    return {
        "melting_point": None if mean is None else mean[0],
        "error": None if mean is None else mean[1],
        "units": {"melting_point": "K"},
        "runs": [
            {"guess": schedule.temperature, "seed": schedule.seed}
            | ({"sentence": run, "verdict": "failed", "melting_point": None} if isinstance(run, str) else plain(run))
            for schedule, run in zip(schedules, runs, strict=True)
        ],
    }


def show_all(schedules: Sequence[Schedule], runs: Sequence[Melting | str], *, title: str) -> None:
    """Print a line for every run, and the mean over those in which both phases remain."""
    out = console()
    rows = table(title, "guess\nK", "seed", "at the end", "time\nps", "melting point\nK")
    for schedule, run in zip(schedules, runs, strict=True):
        start = (f"{schedule.temperature:.0f}", str(schedule.seed))
        if isinstance(run, str):
            rows.add_row(*start, "failed", "–", "–")
        else:
            point = run.temperature
            cell = "–" if point is None else value_with_error(point.value, point.error, 0)
            rows.add_row(*start, run.verdict, f"{run.times[-1]:.1f}", cell)
    out.print(rows)
    for schedule, run in zip(schedules, runs, strict=True):
        text = run if isinstance(run, str) else run.sentence()
        out.print(f"{schedule.temperature:.0f} K, seed {schedule.seed}: {text}", soft_wrap=True, markup=False)
    mean = _mean(runs)
    if mean is not None:
        count = len(_points(runs))
        out.print(f"melting point {value_with_error(*mean, 0)} K, mean of {count} of {len(runs)} runs")


def _points(runs: Sequence[Melting | str]) -> list[tuple[float, float]]:
    """Melting points in K with errors, of runs that have one."""
    found = [run.temperature for run in runs if not isinstance(run, str)]
    return [(point.value, point.error) for point in found if point is not None]


def _mean(runs: Sequence[Melting | str]) -> tuple[float, float] | None:
    from ase_voxpot.properties.repeats import mean_of_runs

    points = _points(runs)
    return mean_of_runs(*zip(*points, strict=True)) if points else None
