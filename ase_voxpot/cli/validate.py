"""``voxpot validate``: compare a model with a VASP run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ase_voxpot.cli.options import Device, Dtype, Model, Seed, Unconverged
from ase_voxpot.plotting.screen import console, progress_bar, table

if TYPE_CHECKING:
    from ase_voxpot.validation import Validation
    from ase_voxpot.vasp.frames import Run

__all__ = ["validate"]


def validate(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="vasprun.xml, OUTCAR, XDATCAR, or frames that ASE reads; compressed or not; several in order of time, "
            "or folders.",
            metavar="RUN...",
            show_default=False,
        ),
    ],
    model: Model = "motaw",
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the report.")] = Path("validation"),
    energy: Annotated[
        str | None, typer.Option(help="free (TOTEN, the default) or zero (sigma->0): energy of the verdict.")
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option("--temperature", "-T", help="K, of the model's dynamics; that of the run without it."),
    ] = None,
    timestep: Annotated[
        float | None, typer.Option(help="fs between frames, for files without it (XDATCAR, extended XYZ).")
    ] = None,
    snapshots: Annotated[
        bool, typer.Option("--snapshots", help="Frames are not equally spaced in time: do not compare motion.")
    ] = False,
    unconverged: Unconverged = False,
    frames: Annotated[int, typer.Option("--frames", help="Largest number of frames of the model's dynamics.")] = 2000,
    md: Annotated[bool, typer.Option(help="Run the model, to compare structure and motion.")] = True,
    seed: Seed = 0,
    device: Device = "auto",
    dtype: Dtype = "float32",
) -> None:
    """Compare a model with a VASP trajectory.

    Every frame is evaluated: energies, forces, stress, uncertainty; ionic steps whose electronic loop did not
    converge, or of a machine-learned force field, are counted and left out. Then the model is run at the
    temperature and volume of the run, and distributions of distances and angles, mean square displacements and
    vibrational spectra are compared with those of VASP. Writes OUTPUT/report.html, report.json and PNGs.

    voxpot validate vasprun.xml
    voxpot validate run1/vasprun.xml.gz run2/vasprun.xml.gz -m motaw-fast -o look
    voxpot validate XDATCAR --timestep 2 -T 1500
    voxpot validate frames.extxyz --snapshots -T 2000
    """
    from ase_voxpot.errors import ConfigError
    from ase_voxpot.neighbours.verlet import species_indices
    from ase_voxpot.storage.files import make_parents
    from ase_voxpot.validation import read_run, validate as compare, write_report
    from ase_voxpot.weights import find_model, load_potential, read_header

    if timestep is not None and not 0 < timestep <= 1e4:
        raise ConfigError(f"timestep: expected between 0 and 1e4 fs from frame to frame, got {timestep}")
    if frames < 1 or seed < 0:
        raise ConfigError(f"frames, seed: expected whole numbers from 1 and 0 on, got {frames} and {seed}")
    card = read_header(find_model(model))["card"]
    make_parents(output / "report.html")
    run = _timed(read_run(runs), timestep=timestep, snapshots=snapshots)
    potential = load_potential(model, device=device, dtype=dtype)  # type: ignore[arg-type]
    species_indices(run.symbols, potential.spec.species)
    with progress_bar() as bar:
        tasks = {name: bar.add_task(name, total=None) for name in ("frames", "dynamics", "pictures")}

        def observe(name: str, done: int, total: int) -> None:
            bar.update(tasks[name], completed=done, total=total)

        found = compare(
            potential,
            run,
            model=model,
            card=card,
            energy=energy,
            temperature=temperature,
            cap=frames,
            seed=seed,
            dynamics=md,
            unconverged=unconverged,
            observe=observe,
        )
        place = write_report(found, output, observe=lambda name: bar.advance(tasks["pictures"]))
    for note in run.notes:
        typer.echo(f"voxpot: note: {note}", err=True)
    for caution in found.cautions:
        typer.echo(f"voxpot: warning: {caution}", err=True)
    _print(found)
    console().print(f"wrote {place}, report.json and pictures beside it", soft_wrap=True, markup=False)


def _timed(run: Run, *, timestep: float | None, snapshots: bool) -> Run:
    """The run with its time between frames.

    Raises:
        ConfigError: none is known, or two are.
    """
    from dataclasses import replace

    from ase_voxpot.errors import ConfigError
    from ase_voxpot.vasp.incar import number

    if snapshots:
        if timestep is not None:
            raise ConfigError("snapshots: frames that are not equally spaced have no --timestep; leave one of both out")
        return replace(run, interval=None)
    if timestep is not None and run.irregular and run.steps is not None:
        raise ConfigError(
            f"timestep: the frames of {run.source} are not equally spaced in time, so that none holds; leave it out"
        )
    if timestep is not None and run.interval is not None and abs(timestep - run.interval) > 1e-6:
        raise ConfigError(f"timestep: {run.source} says {run.interval:g} fs from frame to frame, got {timestep:g} fs")
    moving = number(run.settings, "IBRION") in (None, 0.0)
    interval = timestep or run.interval
    if interval is None and moving and len(run) > 1 and not run.irregular and run.steps is not None:
        raise ConfigError(
            f"{run.source} does not say how far its frames are apart in time: give --timestep (fs from frame to frame, "
            "POTIM times NBLOCK), or --snapshots if they are not equally spaced"
        )
    return replace(run, interval=interval)


def _print(found: Validation) -> None:
    from rich.markup import escape

    from ase_voxpot.validation.verdict import findings, overall

    rows = table("", "", "", "", "")
    rows.show_header = False
    rows.columns[2].justify = rows.columns[3].justify = "left"
    rows.columns[3].no_wrap = False
    for f in findings(found):
        rows.add_row(escape(f.name), escape(f.value), f.grade or "", escape(f.meaning))
    out = console()
    out.print(f"{overall(found)[1]}", style="bold", markup=False)
    out.print(rows)
