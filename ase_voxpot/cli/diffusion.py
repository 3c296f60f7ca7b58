"""``voxpot diffusion``: diffusion coefficients from molecular dynamics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ase_voxpot.cli.common import Constant, Device, Dtype, Model, Seed, Structure, console, progress_bar, table
from ase_voxpot.cli.material import Foreign, Json, Supercell, check_targets, open_work, value_with_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase_voxpot.workflows.diffusion import Arrhenius, Diffusion

__all__ = ["diffusion"]


def diffusion(
    structure: Structure,
    model: Model = "motaw",
    calculator: Foreign = None,
    temperature: Annotated[
        str, typer.Option("--temperature", "-T", help="K; several with commas between for Arrhenius's law.")
    ] = "4000",
    liquid: Annotated[bool, typer.Option("--liquid", help="Melt first, at twice the temperature.")] = False,
    vacancies: Annotated[int, typer.Option(help="Atoms taken away, so that the others can move.")] = 0,
    steps: Annotated[int, typer.Option("--steps", "-n", help="Steps that are measured, per temperature.")] = 5000,
    equilibration: Annotated[int, typer.Option(help="Steps before them, at zero pressure.")] = 1000,
    timestep: Annotated[float, typer.Option(help="fs.")] = 2.0,
    plot: Annotated[Path, typer.Option("--plot", help="Draw displacements here.")] = Path("diffusion.png"),
    json: Json = None,
    repeat: Supercell = None,
    seed: Seed = 0,
    lattice: Constant = None,
    device: Device = "auto",
    dtype: Dtype = "float32",
) -> None:
    """Measure how fast atoms diffuse, by element, with errors from blocks of the run.

    A crystal needs vacancies and hot, long runs; its coefficients belong to the
    concentration of vacancies in the cell.  A liquid needs no more than --liquid.

    voxpot diffusion bcc:MoTaW --liquid -T 4500
    voxpot diffusion bcc:Ta --repeat 4 --vacancies 2 -T 2600,2900,3200 --steps 50000
    voxpot diffusion fcc:Cu --repeat 3 -c ase.calculators.emt:EMT --liquid -T 2000 --json cu.json
    """
    import numpy as np

    from ase_voxpot.files import write_json
    from ase_voxpot.workflows.diffusion import Schedule, arrhenius, diffuse, without_atoms
    from ase_voxpot.workflows.drawings import draw_diffusion

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
    check_targets(json, plot)
    work = open_work(
        structure,
        model=model,
        calculator=calculator,
        repeat=repeat,
        seed=seed,
        lattice=lattice,
        device=device,
        dtype=dtype,
    )
    atoms = without_atoms(work.build(0), vacancies, np.random.default_rng([seed, 1]))
    runs = []
    with progress_bar("{task.fields[now]}") as bar:
        each = steps + equilibration * (2 if liquid else 1)
        task = bar.add_task("steps", total=each * len(schedules), now="")
        for number, schedule in enumerate(schedules):
            bar.update(task, now=f"{schedule.temperature:g} K")

            def observe(done: int, before: int = number * each) -> None:
                bar.update(task, completed=before + done)

            runs.append(diffuse(atoms, work.calculator, schedule, observe))
    laws = {name: arrhenius(runs, name) for name in runs[0].coefficients}
    title = f"{'liquid ' if liquid else ''}{work.title}, {len(atoms)} atoms"
    draw_diffusion(plot, runs, laws, title=title)
    if json is not None:
        write_json(json, _plain(runs, laws) | {"structure": work.name, "method": work.method, "atoms": len(atoms)})
    _print(runs, laws, title=title)
    console().print(f"wrote {plot}", soft_wrap=True)


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
        "runs": [
            {
                "temperature": r.temperature,
                "volume": r.volume,
                "coefficients": r.coefficients,
                "errors": r.errors,
                "times": r.times.tolist(),
                "displacements": {k: v.tolist() for k, v in r.displacements.items()},
            }
            for r in runs
        ],
        "arrhenius": {name: None if law is None else asdict(law) for name, law in laws.items()},
    }


def _print(runs: Sequence[Diffusion], laws: dict[str, Arrhenius | None], *, title: str) -> None:
    names = list(runs[0].coefficients)
    rows = table(f"{title}\nD in Å²/ps (1e-8 m²/s) ± standard error", "T\nK", "V\nÅ³/atom", *names)
    for run in runs:
        cells = [value_with_error(run.coefficients[n], run.errors[n], 4) for n in names]
        rows.add_row(f"{run.temperature:.0f}", f"{run.volume:.3f}", *cells)
    out = console()
    out.print(rows)
    for name, law in laws.items():
        if law is not None:
            out.print(
                f"{name}: D = {law.prefactor:.3g} Å²/ps exp(-E / k_B T), "
                f"E = {value_with_error(law.energy, law.error, 2)} eV"
            )
    unsure = [f"{n} at {r.temperature:.0f} K" for r in runs for n in names if r.coefficients[n] < 2 * r.errors[n]]
    if unsure:
        out.print(f"no more than two errors from zero: {', '.join(unsure)}; run longer", soft_wrap=True)
