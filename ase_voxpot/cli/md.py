"""``voxpot md``: molecular dynamics with a log, a trajectory and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ase_voxpot.cli.material import decoration_of, find_method, note, note_vacuum, open_atoms
from ase_voxpot.cli.options import (
    Decorate,
    Device,
    Dtype,
    Lattice,
    Model,
    Prefix,
    Pressure,
    Repeat,
    Restart,
    Seed,
    Structure,
    Timestep,
    Vacant,
)
from ase_voxpot.plotting.screen import console, progress_bar, table

if TYPE_CHECKING:
    from ase_voxpot.md.records import Records, Sample
    from ase_voxpot.md.run import Summary

__all__ = ["md"]


def md(
    structure: Structure,
    model: Model = "motaw",
    ensemble: Annotated[
        str,
        typer.Option(
            "--ensemble",
            "-e",
            help="nve, nvt (Langevin), svr (nvt that hardly disturbs motion), npt; npt-z, nph-z: only z is stretched.",
        ),
    ] = "nvt",
    temperature: Annotated[float, typer.Option("--temperature", "-T", help="K.")] = 300.0,
    pressure: Pressure = 0.0,
    timestep: Timestep = 1.0,
    steps: Annotated[int, typer.Option("--steps", "-n", help="Steps in all, those before a restart included.")] = 1000,
    interval: Annotated[int, typer.Option(help="Steps from one sample and frame to the next.")] = 10,
    checkpoint: Annotated[int, typer.Option(help="Steps from one checkpoint to the next.")] = 1000,
    output: Prefix = Path("md"),
    format: Annotated[str, typer.Option(help="Of the trajectory: extxyz or traj.")] = "extxyz",
    uncertainty: Annotated[
        str | None,
        typer.Option(
            metavar="warn|stop[:X]",
            help="Watch for structures that the model does not know: more than X times (2) the largest uncertainty "
            "in its validation.",
        ),
    ] = None,
    restart: Restart = False,
    repeat: Repeat = 1,
    seed: Seed = 0,
    decorate: Decorate = False,
    vacant: Vacant = False,
    lattice: Lattice = None,
    device: Device = "auto",
    dtype: Dtype = "float32",
) -> None:
    """Run molecular dynamics.

    Writes OUTPUT.csv, OUTPUT.extxyz, OUTPUT.checkpoint.npz and, of two or more rows, OUTPUT.png.
    With --restart a run continues from its last checkpoint, to the same last bit
    as if it had not been stopped; give the same options, only --steps may grow.

    voxpot md bcc:MoTaW --repeat 3 -T 1000 --steps 5000 -o hot
    voxpot md bcc:MoTaW --repeat 3 -T 1000 --steps 20000 -o hot --restart
    voxpot md cell.vasp --ensemble npt -T 300 -P 10 --timestep 2
    voxpot md bcc:MoTaW --repeat 3 -T 6000 --uncertainty stop:2
    """
    from ase_voxpot.errors import ConfigError
    from ase_voxpot.md.guard import Guard
    from ase_voxpot.md.integrators import PISTONS
    from ase_voxpot.md.records import CUT, Records
    from ase_voxpot.md.run import Plan, run, summarise

    plan = Plan(
        ensemble=ensemble,  # type: ignore[arg-type]
        temperature=temperature,
        pressure=pressure,
        timestep=timestep,
        steps=steps,
        interval=interval,
        checkpoint=checkpoint,
        seed=seed,
    )
    if format not in CUT:
        raise ConfigError(f"format: expected one of {', '.join(CUT)}, got {format!r}")
    records = Records(output, format)  # type: ignore[arg-type]
    guard = None if uncertainty is None else Guard.parse(uncertainty, alert=_alert)
    method = find_method(model, device=device, dtype=dtype, uncertainty=guard is not None)
    atoms = open_atoms(
        structure, method, repeat=repeat, seed=seed, lattice=lattice, decoration=decoration_of(decorate, vacant)
    )
    if plan.ensemble in PISTONS:
        note_vacuum(atoms)
    brought = atoms.get_temperature() if atoms.get_momenta().any() and not restart else None
    with progress_bar("{task.fields[now]}") as bar:
        task = bar.add_task(plan.ensemble, total=plan.steps, now="")

        def observe(sample: Sample) -> None:
            bar.update(task, completed=sample.step, now=_now(sample, len(atoms)))

        samples = run(atoms, plan, records, start="checkpoint" if restart else "anew", observe=observe, guard=guard)

    if len(samples) > 1:  # a single point is no curve
        from ase_voxpot.plotting.figures import draw_run

        draw_run(records.picture, samples, plan, len(atoms))
    title = f"{ensemble} of {structure} with {model}"
    if brought is not None:
        note(f"the momenta of {structure} ({brought:.0f} K) were kept")
    _print(samples, summarise(samples, len(atoms)), atoms, records, title=title, ensemble=ensemble)


def _alert(sentence: str) -> None:
    typer.echo(f"voxpot: warning: {sentence}", err=True)


def _now(sample: Sample, atoms: int) -> str:
    pressure = "" if sample.pressure is None else f"  P {sample.pressure:6.2f} GPa"
    return f"T {sample.temperature:6.0f} K  E {sample.potential / atoms:.4f} eV/atom{pressure}"


def _print(samples: list[Sample], summary: Summary, atoms: Any, records: Records, *, title: str, ensemble: str) -> None:
    n = len(atoms)
    rows = table(title, "step", "time\nps", "T\nK", "E pot\neV/atom", "E total\neV/atom", "P\nGPa", "V\nÅ³/atom")
    stride = max(1, (len(samples) - 1) // 10)
    for sample in (*samples[:-1:stride], samples[-1]):
        rows.add_row(
            str(sample.step),
            f"{sample.time / 1000:.3f}",
            f"{sample.temperature:.0f}",
            f"{sample.potential / n:.4f}",
            f"{sample.total / n:.4f}",
            "–" if sample.pressure is None else f"{sample.pressure:.2f}",
            "–" if sample.volume is None else f"{sample.volume / n:.3f}",
        )
    out = console()
    out.print(rows)
    parts = [f"T {summary.temperature:.1f} K", f"E pot {summary.potential:.4f} eV/atom"]
    if summary.pressure is not None and summary.volume is not None:
        parts += [f"P {summary.pressure:.2f} GPa", f"V {summary.volume:.3f} Å³/atom"]
    out.print("second half: " + ", ".join(parts))
    if ensemble == "nve":
        out.print(f"the total energy, which should not change, drifts by {summary.drift:+.4f} meV/atom/ps")
    known = [s for s in samples if s.extrapolation is not None]
    if known:
        worst = max(known, key=lambda s: s.extrapolation or 0.0)
        out.print(
            f"least certain at step {worst.step}: {1000 * (worst.uncertainty or 0.0) / n:.2f} meV/atom, "
            f"{worst.extrapolation:.2f} times the largest uncertainty in validation"
        )
    written = [records.log, records.trajectory, records.checkpoint, *([records.picture] if len(samples) > 1 else [])]
    out.print(f"wrote {', '.join(map(str, written))}", soft_wrap=True)
