"""``voxpot diffusion``: diffusion coefficients from molecular dynamics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ase_voxpot.cli.material import decoration_of, find_method, open_work
from ase_voxpot.cli.options import (
    Calculator,
    Decorate,
    Device,
    Dtype,
    Json,
    Lattice,
    Model,
    Prefix,
    Restart,
    Seed,
    Structure,
    Supercell,
    Timestep,
    Vacant,
)
from ase_voxpot.cli.refusals import check_targets
from ase_voxpot.plotting.screen import console, progress_bar, table, value_with_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from ase_voxpot.md.records import Sample
    from ase_voxpot.properties.diffusion import Arrhenius, Diffusion, Schedule

__all__ = ["diffusion"]


def diffusion(
    structure: Structure,
    model: Model = "motaw",
    calculator: Calculator = None,
    temperature: Annotated[
        str, typer.Option("--temperature", "-T", help="K; several with commas between for Arrhenius's law.")
    ] = "4000",
    liquid: Annotated[bool, typer.Option("--liquid", help="Melt first, at twice the temperature.")] = False,
    vacancies: Annotated[int, typer.Option(help="Number of vacancies.")] = 0,
    steps: Annotated[int, typer.Option("--steps", "-n", help="Steps of production, per temperature.")] = 5000,
    equilibration: Annotated[int, typer.Option(help="Steps before them, at zero pressure.")] = 1000,
    timestep: Timestep = 2.0,
    viscosity: Annotated[
        float | None,
        typer.Option(
            help="mPa s, of the liquid at a single temperature, for the correction of its coefficients to an endless "
            "cell; from the stress of the run if not given.",
            show_default=False,
        ),
    ] = None,
    output: Prefix = Path("diffusion"),
    restart: Restart = False,
    plot: Annotated[Path, typer.Option("--plot", help="Draw displacements here.")] = Path("diffusion.png"),
    json: Json = None,
    repeat: Supercell = None,
    seed: Seed = 0,
    decorate: Decorate = False,
    vacant: Vacant = False,
    lattice: Lattice = None,
    device: Device = "auto",
    dtype: Dtype = "float32",
) -> None:
    """Measure how fast atoms diffuse, by element, with errors from blocks of the run.

    A crystal needs vacancies and hot, long runs; its coefficients belong to the
    concentration of vacancies in the cell.  A liquid needs no more than --liquid; in a cubic
    cell its coefficients are also given as they would be in an endless one (Yeh and Hummer).
    A run that was stopped goes on with --restart, and with more --steps for smaller errors.

    voxpot diffusion bcc:MoTaW --liquid -T 4500
    voxpot diffusion bcc:Ta --repeat 4 --vacancies 2 -T 2600,2900,3200 --steps 50000
    voxpot diffusion fcc:Cu --repeat 3 -c ase.calculators.emt:EMT --liquid -T 2000 --json cu.json
    """
    from dataclasses import replace

    import numpy as np

    from ase_voxpot.errors import ConfigError
    from ase_voxpot.properties.diffusion import Schedule, arrhenius, without_atoms
    from ase_voxpot.properties.drawings import draw_diffusion
    from ase_voxpot.properties.viscosity import Viscosity
    from ase_voxpot.storage.files import write_json

    schedules = [
        Schedule(
            temperature=kelvin,
            steps=steps,
            equilibration=equilibration,
            timestep=timestep,
            liquid=liquid,
            seed=seed,
        )
        for kelvin in _temperatures(temperature)
    ]
    if viscosity is not None and not (liquid and len(schedules) == 1 and 0 < viscosity < 1e6):
        raise ConfigError(
            f"viscosity: expected one between 0 and 1e6 mPa s, of a --liquid at a single temperature, got {viscosity:g}"
        )
    check_targets(json, plot=plot)
    method = find_method(model, calculator, device=device, dtype=dtype)
    work = open_work(
        structure, method, repeat=repeat, seed=seed, lattice=lattice, decoration=decoration_of(decorate, vacant)
    )
    atoms = without_atoms(work.build(0), vacancies, np.random.default_rng([seed, 1]))
    runs = _run_all(atoms, work.calculator, schedules, output, restart=restart)
    if viscosity is not None:
        runs = [replace(run, viscosity=Viscosity(value=viscosity, error=None)) for run in runs]
    laws = {name: arrhenius(runs, name) for name in runs[0].coefficients}
    title = f"{'liquid ' if liquid else ''}{work.title}, {len(atoms)} atoms"
    draw_diffusion(plot, runs, laws, title=title)
    if json is not None:
        write_json(json, _plain(runs, laws) | work.about | {"atoms": len(atoms)})
    _print(runs, laws, title=title)
    console().print(f"wrote {plot}", soft_wrap=True)


def _run_all(
    atoms: Atoms, calculator: Any, schedules: Sequence[Schedule], output: Path, *, restart: bool
) -> list[Diffusion]:
    from ase_voxpot.properties.diffusion import diffuse

    runs = []
    with progress_bar("{task.fields[now]}") as bar:
        for schedule in schedules:
            each = {
                name: bar.add_task(f"{schedule.temperature:g} K {name}", total=plan.steps, now="")
                for name, plan in schedule.stages.items()
            }

            def observe(stage: str, sample: Sample, each: dict[str, Any] = each) -> None:
                bar.update(each[stage], completed=sample.step, now=f"T {sample.temperature:6.0f} K")

            prefix = output.with_name(f"{output.name}.{schedule.temperature:g}K")
            runs.append(diffuse(atoms, calculator, schedule, prefix, restart=restart, observe=observe))
    return runs


def _corrected(run: Diffusion, name: str) -> tuple[float, float] | None:
    """The coefficient in an endless cell, with its error."""
    from ase_voxpot.properties.viscosity import missing_diffusion

    if run.viscosity is None or run.length is None or run.viscosity.value <= 0:
        return None
    missing, error = missing_diffusion(run.viscosity, temperature=run.temperature, length=run.length)
    return run.coefficients[name] + missing, (run.errors[name] ** 2 + error**2) ** 0.5


def _temperatures(text: str) -> list[float]:
    from ase_voxpot.errors import ConfigError

    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or len(set(found)) != len(found):
        raise ConfigError(f"temperature: expected different numbers with commas between, got {text!r}")
    return sorted(found)


def _plain(runs: Sequence[Diffusion], laws: dict[str, Arrhenius | None]) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "unit": "Å²/ps (1e-8 m²/s)",
        "unit_viscosity": "mPa s",
        "runs": [
            {
                "temperature": r.temperature,
                "volume": r.volume,
                "coefficients": r.coefficients,
                "errors": r.errors,
                "edge": r.length,
                "viscosity": None if r.viscosity is None else {"value": r.viscosity.value, "error": r.viscosity.error},
                "endless": {name: _endless(_corrected(r, name)) for name in r.coefficients},
                "times": r.times.tolist(),
                "displacements": {k: v.tolist() for k, v in r.displacements.items()},
            }
            for r in runs
        ],
        "arrhenius": {name: None if law is None else asdict(law) for name, law in laws.items()},
    }


def _endless(found: tuple[float, float] | None) -> dict[str, float] | None:
    return None if found is None else {"value": found[0], "error": found[1]}


def _print(runs: Sequence[Diffusion], laws: dict[str, Arrhenius | None], *, title: str) -> None:
    names = list(runs[0].coefficients)
    rows = table(f"{title}\nD in Å²/ps (1e-8 m²/s) ± standard error", "T\nK", "V\nÅ³/atom", *names)
    for run in runs:
        cells = [value_with_error(run.coefficients[n], run.errors[n], 4) for n in names]
        rows.add_row(f"{run.temperature:.0f}", f"{run.volume:.3f}", *cells)
        endless = [_corrected(run, n) for n in names]
        if all(endless):
            rows.add_row("in an endless cell", "", *(value_with_error(*pair, 4) for pair in endless if pair))
    out = console()
    out.print(rows)
    for name, law in laws.items():
        if law is not None:
            out.print(
                f"{name}: D = {law.prefactor:.3g} Å²/ps exp(-E / k_B T), "
                f"E = {value_with_error(law.energy, law.error, 2)} eV"
            )
    for run in runs:
        if run.viscosity is not None and run.length is not None:
            value = value_with_error(run.viscosity.value, run.viscosity.error, 2)
            source = "as given" if run.viscosity.error is None else "Green-Kubo"
            out.print(
                f"viscosity at {run.temperature:.0f} K: {value} mPa s ({source}); the cell is {run.length:.1f} Å wide"
            )
    unsure = [f"{n} at {r.temperature:.0f} K" for r in runs for n in names if r.coefficients[n] < 2 * r.errors[n]]
    if unsure:
        out.print(f"no more than two errors from zero: {', '.join(unsure)}; run longer", soft_wrap=True)
