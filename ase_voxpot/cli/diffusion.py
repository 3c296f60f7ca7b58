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
    Scheduler,
    Seed,
    Seeds,
    Structure,
    Supercell,
    Timestep,
    Vacant,
    Workers,
    parse_kelvins,
)
from ase_voxpot.cli.refusals import check_targets, refuse_seeds
from ase_voxpot.cli.workers import run_parts
from ase_voxpot.plotting.screen import console, progress, progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms

    from ase_voxpot.md.records import Records, Sample
    from ase_voxpot.methods import Method
    from ase_voxpot.properties.diffusion import Diffusion, Schedule

    Part = tuple[Method, Atoms, Schedule, Path]
    """Method, structure, schedule and beginning of the names of files of a run."""

__all__ = ["diffusion", "simulated"]


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
    workers: Workers = 1,
    scheduler: Scheduler = None,
    repeat: Supercell = None,
    seed: Seed = 0,
    seeds: Seeds = 1,
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
    Several --seeds are averaged; each has a decoration of a random alloy, vacancies and velocities of its own.
    Temperatures and seeds are independent runs, which several workers may share.

    voxpot diffusion bcc:MoTaW --liquid -T 4500
    voxpot diffusion bcc:Ta --repeat 4 --vacancies 2 -T 2600,2900,3200 --steps 50000
    voxpot diffusion bcc:W --liquid -T 4000,4400 --seeds 4 --workers 4
    voxpot diffusion fcc:Cu --repeat 3 -c ase.calculators.emt:EMT --liquid -T 2000 --json cu.json
    """
    from dataclasses import replace

    import numpy as np

    from ase_voxpot.cli.diffusion_tables import plain, plain_members, show, show_members
    from ase_voxpot.errors import ConfigError
    from ase_voxpot.properties.diffusion import Schedule, arrhenius, without_atoms
    from ase_voxpot.properties.drawings import draw_diffusion
    from ase_voxpot.properties.repeats import averaged
    from ase_voxpot.properties.viscosity import Viscosity
    from ase_voxpot.storage.files import write_json

    kelvins = parse_kelvins(temperature)
    refuse_seeds(seeds)
    schedule = Schedule(
        temperature=kelvins[0],
        steps=steps,
        equilibration=equilibration,
        timestep=timestep,
        liquid=liquid,
        seed=seed,
    )
    if viscosity is not None and not (liquid and len(kelvins) == 1 and 0 < viscosity < 1e6):
        raise ConfigError(
            f"viscosity: expected one between 0 and 1e6 mPa s, of a --liquid at a single temperature, got {viscosity:g}"
        )
    check_targets(json, plot=plot)
    method = find_method(model, calculator, device=device, dtype=dtype)
    work = open_work(
        structure, method, repeat=repeat, seed=seed, lattice=lattice, decoration=decoration_of(decorate, vacant)
    )
    numbers = range(seed, seed + seeds)
    structures = [without_atoms(work.build(n - seed), vacancies, np.random.default_rng([n, 1])) for n in numbers]
    parts = [
        (
            method,
            atoms,
            replace(schedule, temperature=kelvin, seed=n),
            output.with_name(f"{output.name}.{kelvin:g}K" + (f".seed{n}" if seeds > 1 else "")),
        )
        for kelvin in kelvins
        for n, atoms in zip(numbers, structures, strict=True)
    ]
    found = _run_all(parts, restart=restart, workers=workers, scheduler=scheduler)
    if viscosity is not None:
        found = [replace(run, viscosity=Viscosity(value=viscosity, error=None)) for run in found]
    members = [found[k : k + seeds] for k in range(0, len(found), seeds)]
    runs = [averaged(some) for some in members]
    laws = {name: arrhenius(runs, name) for name in runs[0].coefficients}
    size = len(structures[0])
    title = f"{'liquid ' if liquid else ''}{work.title}, {size} atoms" + (f", {seeds} seeds" if seeds > 1 else "")
    draw_diffusion(plot, runs, laws, title=title)
    if json is not None:
        more = {"members": plain_members(numbers, members)} if seeds > 1 else {}
        write_json(json, plain(runs, laws) | more | work.about | {"atoms": size})
    if seeds > 1:
        show_members(numbers, members)
    show(runs, laws, title=title)
    console().print(f"wrote {plot}", soft_wrap=True)


def _run_all(parts: Sequence[Part], *, restart: bool, workers: int, scheduler: str | None) -> list[Diffusion]:
    """All runs, here with a progress bar for every stage, or by workers with one bar of the runs."""
    from ase_voxpot.properties.diffusion import diffuse

    if workers != 1 or scheduler is not None:
        for _, _, schedule, prefix in parts:
            for records in _records(schedule, prefix):
                if not (restart and records.checkpoint.is_file()):
                    records.refuse_another()
        absolute = [(method, atoms, schedule, prefix.absolute()) for method, atoms, schedule, prefix in parts]
        with progress("runs", len(parts)) as step:
            return list(run_parts(simulated, absolute, workers=workers, scheduler=scheduler, observe=step))
    runs = []
    with progress_bar("{task.fields[now]}") as bar:
        for method, atoms, schedule, prefix in parts:
            each = {
                name: bar.add_task(f"{schedule.temperature:g} K {name}", total=plan.steps, now="")
                for name, plan in schedule.stages.items()
            }

            def observe(stage: str, sample: Sample, each: dict[str, Any] = each) -> None:
                bar.update(each[stage], completed=sample.step, now=f"T {sample.temperature:6.0f} K")

            runs.append(diffuse(atoms, method.make(), schedule, prefix, restart=restart, observe=observe))
    return runs


def _records(schedule: Schedule, prefix: Path) -> list[Records]:
    """The files of the stages of a run."""
    from ase_voxpot.md.records import Records

    return [Records(prefix.with_name(f"{prefix.name}.{stage}")) for stage in schedule.stages]


def simulated(
    method: Method, atoms: Atoms, schedule: Schedule, prefix: Path, *, observe: Callable[[], None] = lambda: None
) -> Diffusion:
    """Do a run, or go on with it: after a restart, and after the end of a worker that had begun it.

    Args:
        method: of the energy.
        atoms: the structure.
        schedule: of the run.
        prefix: of its files, in a folder without another run.
        observe: called at the end.
    """
    from ase_voxpot.properties.diffusion import diffuse

    for records in _records(schedule, prefix):
        records.clear_unless_begun()
    found = diffuse(atoms, method.make(), schedule, prefix, restart=True)
    observe()
    return found
