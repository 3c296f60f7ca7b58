"""``voxpot melt``: the melting point of a crystal beside its melt."""

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
    Pressure,
    Restart,
    Seed,
    Structure,
    Timestep,
    Vacant,
)
from ase_voxpot.cli.refusals import check_targets
from ase_voxpot.plotting.screen import console, progress_bar, table

if TYPE_CHECKING:
    from ase import Atoms

    from ase_voxpot.md.records import Sample
    from ase_voxpot.properties.coexistence import Melting
    from ase_voxpot.properties.melting import Schedule

__all__ = ["melt"]


def melt(
    structure: Structure,
    temperature: Annotated[
        float, typer.Option("--temperature", "-T", help="K, an estimate within about 15 %.", show_default=False)
    ],
    model: Model = "motaw",
    calculator: Calculator = None,
    pressure: Pressure = 0.0,
    across: Annotated[int, typer.Option(help="Repeats of the cell along the interface.")] = 5,
    along: Annotated[int, typer.Option(help="Repeats along the normal of the interface.")] = 16,
    steps: Annotated[
        int, typer.Option("--steps", "-n", help="Steps of coexistence, those before a restart included.")
    ] = 20_000,
    equilibration: Annotated[
        int, typer.Option(help="Steps of the crystal and of melting before; a quarter each for cooling and joining.")
    ] = 1000,
    timestep: Timestep = 2.0,
    output: Prefix = Path("melting"),
    restart: Restart = False,
    json: Json = None,
    seed: Seed = 0,
    decorate: Decorate = False,
    vacant: Vacant = False,
    lattice: Lattice = None,
    device: Device = "auto",
    dtype: Dtype = "float32",
) -> None:
    """Compute the melting point by coexistence of crystal and melt in one cell.

    Half of a long cell is melted and cooled to the guess; then it runs without a thermostat, and
    melting or freezing brings the temperature to the melting point. If one phase vanishes, a better
    guess is printed and the exit status is 2. The picture OUTPUT.png shows both phases over time.
    Log, trajectory and checkpoint of each stage are OUTPUT.STAGE.csv, .extxyz and .checkpoint.npz;
    a run that was stopped goes on with --restart, and with more --steps for a smaller error. The
    melting point of an alloy lies between solidus and liquidus.

    voxpot melt bcc:W -T 3500 -m motaw-fast -o tungsten
    voxpot melt bcc:W -T 3500 -m motaw-fast -o tungsten --restart --steps 40000
    voxpot melt fcc:Cu -T 1300 -c ase.calculators.emt:EMT --across 4 --along 10 --steps 5000
    """
    from ase_voxpot.errors import ConfigError, DivergenceError
    from ase_voxpot.properties.drawings import draw_melting
    from ase_voxpot.properties.melting import Schedule
    from ase_voxpot.storage.files import write_json

    if across < 1 or along < 1:
        raise ConfigError(f"across, along: expected whole numbers from 1 on, got {across} and {along}")
    schedule = Schedule(
        temperature=temperature,
        pressure=pressure,
        timestep=timestep,
        steps=steps,
        equilibration=equilibration,
        seed=seed,
    )
    picture = output.with_name(output.name + ".png")
    check_targets(json, plot=picture)
    method = find_method(model, calculator, device=device, dtype=dtype)
    work = open_work(
        structure,
        method,
        repeat=(across, across, along),
        seed=seed,
        lattice=lattice,
        decoration=decoration_of(decorate, vacant),
    )
    crystal = work.build(0)
    found = _run(crystal, work.calculator, schedule, output, restart=restart)
    title = f"{work.title}, {len(crystal)} atoms"
    draw_melting(picture, found, title=title)
    if json is not None:
        write_json(json, _plain(found) | work.about | {"atoms": len(crystal), "pressure": pressure})
    _print(found, title=title)
    out = console()
    out.print(f"wrote {picture}", soft_wrap=True)
    if found.temperature is None:
        raise DivergenceError(found.sentence())
    out.print(found.sentence(), soft_wrap=True)


def _run(crystal: Atoms, calculator: Any, schedule: Schedule, output: Path, *, restart: bool) -> Melting:
    from ase_voxpot.properties.melting import STAGES, coexist

    with progress_bar("{task.fields[now]}") as bar:
        tasks = {name: bar.add_task(name, total=schedule.plan(name).steps, now="") for name in STAGES}

        def observe(stage: str, sample: Sample, crystalline: float | None) -> None:
            both = "" if crystalline is None else f"  crystal {100 * crystalline:.0f} %"
            bar.update(tasks[stage], completed=sample.step, now=f"T {sample.temperature:6.0f} K{both}")

        return coexist(crystal, calculator, schedule, output, restart=restart, observe=observe)


def _plain(found: Melting) -> dict[str, Any]:
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


def _print(found: Melting, *, title: str) -> None:
    rows = table(title, "time\nps", "T\nK", "P along\nGPa", "P across\nGPa", "crystal\n%")
    edges = range(0, len(found.times), max(1, len(found.times) // 8))
    for start in edges:
        part = slice(start, start + edges.step)
        columns = (found.temperatures, found.along, found.across, 100 * found.crystalline)
        cells = [format(v[part].mean(), f) for v, f in zip(columns, (".0f", ".2f", ".2f", ".0f"), strict=True)]
        rows.add_row(f"{found.times[start]:.1f}", *cells)
    console().print(rows)
