"""``voxpot melt``: the melting point of a crystal beside its melt."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ase_voxpot.cli.material import decoration_of, find_method, open_work
from ase_voxpot.cli.melt_runs import run_all
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
    Scheduler,
    Seed,
    Seeds,
    Structure,
    Timestep,
    Vacant,
    Workers,
    parse_kelvins,
)
from ase_voxpot.cli.refusals import check_targets, refuse_seeds
from ase_voxpot.plotting.screen import console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase_voxpot.cli.melt_runs import Part
    from ase_voxpot.properties.coexistence import Melting
    from ase_voxpot.properties.melting import Schedule

__all__ = ["melt"]


def melt(
    structure: Structure,
    temperature: Annotated[
        str,
        typer.Option(
            "--temperature",
            "-T",
            help="K, an estimate within about 15 %; several with commas between get a run each.",
            show_default=False,
        ),
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
    workers: Workers = 1,
    scheduler: Scheduler = None,
    seed: Seed = 0,
    seeds: Seeds = 1,
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
    melting point of an alloy lies between solidus and liquidus. Several temperatures and --seeds are
    independent runs with the names OUTPUT.TEMPERATURE.SEED, which several workers may share; the
    melting point is the mean of those in which both phases remain.

    voxpot melt bcc:W -T 3500 -m motaw-fast -o tungsten
    voxpot melt bcc:W -T 3500 -m motaw-fast -o tungsten --restart --steps 40000
    voxpot melt bcc:W -T 3400,3600 --seeds 2 --workers 4 -m motaw-fast
    voxpot melt fcc:Cu -T 1300 -c ase.calculators.emt:EMT --across 4 --along 10 --steps 5000
    """
    from dataclasses import replace

    from ase_voxpot.errors import ConfigError
    from ase_voxpot.properties.melting import Schedule

    if across < 1 or along < 1:
        raise ConfigError(f"across, along: expected whole numbers from 1 on, got {across} and {along}")
    kelvins = parse_kelvins(temperature)
    refuse_seeds(seeds)
    schedule = Schedule(
        temperature=kelvins[0],
        pressure=pressure,
        timestep=timestep,
        steps=steps,
        equilibration=equilibration,
        seed=seed,
    )
    schedules = [replace(schedule, temperature=kelvin, seed=seed + k) for kelvin in kelvins for k in range(seeds)]
    check_targets(json, plot=_picture(output))
    method = find_method(model, calculator, device=device, dtype=dtype)
    work = open_work(
        structure,
        method,
        repeat=(across, across, along),
        seed=seed,
        lattice=lattice,
        decoration=decoration_of(decorate, vacant),
    )
    parts = [
        (method, work.build(each.seed - seed), each, _prefix(output, each, kelvins=len(kelvins), seeds=seeds))
        for each in schedules
    ]
    runs = run_all(parts, restart=restart, workers=workers, scheduler=scheduler)
    size = len(parts[0][1])
    title, about = f"{work.title}, {size} atoms", work.about | {"atoms": size, "pressure": pressure}
    if len(parts) == 1:
        _tell(output, runs[0], title, about, json)
    else:
        _tell_all(parts, runs, title, about, json)


def _prefix(output: Path, schedule: Schedule, *, kelvins: int, seeds: int) -> Path:
    """Beginning of the names of the files of a run, with the temperature and the seed where there are several."""
    more = (f".{schedule.temperature:g}K" if kelvins > 1 else "") + (f".seed{schedule.seed}" if seeds > 1 else "")
    return output.with_name(output.name + more)


def _picture(prefix: Path) -> Path:
    return prefix.with_name(f"{prefix.name}.png")


def _tell(output: Path, run: Melting | str, title: str, about: dict[str, Any], json: Path | None) -> None:
    """Draw, write and print the only run.

    Raises:
        DivergenceError: it failed, or one phase has vanished.
    """
    from ase_voxpot.cli.melt_tables import plain, show
    from ase_voxpot.errors import DivergenceError
    from ase_voxpot.properties.drawings import draw_melting
    from ase_voxpot.storage.files import write_json

    if isinstance(run, str):
        raise DivergenceError(run)
    draw_melting(_picture(output), run, title=title)
    if json is not None:
        write_json(json, plain(run) | about)
    show(run, title=title)
    out = console()
    out.print(f"wrote {_picture(output)}", soft_wrap=True)
    if run.temperature is None:
        raise DivergenceError(run.sentence())
    out.print(run.sentence(), soft_wrap=True)


def _tell_all(
    parts: Sequence[Part], runs: Sequence[Melting | str], title: str, about: dict[str, Any], json: Path | None
) -> None:
    """Draw, write and print several runs.

    Raises:
        DivergenceError: in none of them both phases remain.
    """
    from ase_voxpot.cli.melt_tables import plain_all, show_all
    from ase_voxpot.errors import DivergenceError
    from ase_voxpot.properties.drawings import draw_melting
    from ase_voxpot.storage.files import write_json

    schedules = [schedule for _, _, schedule, _ in parts]
    pictures = []
    for (_, _, schedule, prefix), run in zip(parts, runs, strict=True):
        if not isinstance(run, str):
            pictures.append(_picture(prefix))
            draw_melting(pictures[-1], run, title=f"{title}, {schedule.temperature:g} K, seed {schedule.seed}")
    answer = plain_all(schedules, runs) | about
    if json is not None:
        write_json(json, answer)
    show_all(schedules, runs, title=title)
    if pictures:
        console().print(f"wrote {', '.join(map(str, pictures))}", soft_wrap=True)
    if answer["melting_point"] is None:
        raise DivergenceError(
            f"expected crystal and melt at the end of one run at least, got none of {len(runs)}; change the guesses of "
            "the temperature as printed for each run, or take a larger cell"
        )
