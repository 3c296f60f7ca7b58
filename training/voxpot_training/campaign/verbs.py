"""``voxpot label`` and ``voxpot learn``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ase_voxpot.cli.options import Scheduler, Workers
from ase_voxpot.extensions import Verb

if TYPE_CHECKING:
    from ase_voxpot.tasks.executors import Backend
    from voxpot_training.campaign.config import LearnConfig
    from voxpot_training.campaign.estimate import Estimate
    from voxpot_training.campaign.labelling import Labelled
    from voxpot_training.campaign.records import Report

__all__ = ["LABEL", "LEARN", "label", "learn"]

INCOMPLETE = 1
"""Exit status if frames have no label."""
SHOWN = 10
"""Frames without a label that are listed."""
LABELLERS = "module:factory of an ASE calculator, a command with {input} and {output}, gpaw, or vasp"


def label(
    frames: Annotated[Path, typer.Argument(help="Structures in any format of ASE.", show_default=False)],
    labeller: Annotated[str, typer.Option("--labeller", "-l", help=f"What labels: {LABELLERS}.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Extended XYZ file for the labelled frames.")] = Path(
        "labelled.extxyz"
    ),
    workers: Workers = 1,
    scheduler: Scheduler = None,
    limit: Annotated[float, typer.Option(help="s, for a frame.")] = 3600.0,
    retries: Annotated[int, typer.Option(help="Of a frame whose label failed.")] = 1,
    functional: Annotated[str, typer.Option(help="Of the labels, as PBE; it is stored with them.")] = "",
    command: Annotated[
        str, typer.Option(help="With vasp: what runs it in a folder; without it, input is only written.")
    ] = "",
    setting: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE, may be given several times: INCAR of vasp; cutoff and density of gpaw."),
    ] = None,
    potcars: Annotated[bool, typer.Option(help="With vasp: write POTCAR; else POTCAR.spec, with their names.")] = True,
) -> None:
    """Label frames with energies, forces and stresses of a DFT program or another calculator.

    Every frame is a task with a result file in OUTPUT.labels: the command may be stopped at any time and started
    again, with more workers, too. Labels that failed, took too long or are not finite are retried, then set aside in
    OUTPUT.set_aside.csv, with the reason, and the exit status is 1. With vasp and no --command, folders with its input
    are written, and results are read whenever they are there.

    voxpot label picked.extxyz --labeller gpaw --workers 2
    voxpot label picked.extxyz --labeller ase.calculators.emt:EMT --output labelled.extxyz
    voxpot label picked.extxyz --labeller vasp --command "mpirun -n 8 vasp_std" --setting ENCUT=520
    voxpot label picked.extxyz --labeller "docker run -v /tmp:/tmp mine label.py {input} {output}"
    """
    from ase_voxpot.frames.labels import read_frames
    from ase_voxpot.plotting.screen import progress_bar
    from ase_voxpot.storage.files import draft_of, make_parents
    from ase_voxpot.tasks import backend_of
    from voxpot_training.campaign.config import LabellerConfig
    from voxpot_training.campaign.explore import write_structures
    from voxpot_training.campaign.labellers.opening import functional_of, open_labeller
    from voxpot_training.campaign.labelling import label_frames, with_label, write_set_aside

    config = LabellerConfig(
        use=labeller,
        functional=functional,
        limit=limit,
        retries=retries,
        command=command,
        settings=_pairs(setting or []),
        potcars=potcars,
    )
    make_parents(output)
    structures = read_frames(frames)
    for k, atoms in enumerate(structures):
        atoms.info.setdefault("id", f"frame-{k}")
    opened = open_labeller(config)
    try:
        opened.check()
    finally:
        opened.close()
    backend = backend_of(workers=workers, scheduler=scheduler)
    try:
        with progress_bar("{task.fields[failed]}") as bar:
            task = bar.add_task("labels", total=len(structures), failed="")
            failed = 0

            def observe(outcome: str) -> None:
                nonlocal failed
                failed += outcome == "failed"
                bar.update(task, advance=outcome != "failed", failed=f"{failed} failed" if failed else "")

            folder = output.with_name(output.name + ".labels")
            found = label_frames(structures, config, folder, backend, observe=observe)
    finally:
        backend.close()
    labelled = [
        with_label(a, x, functional=functional_of(config)) for a, x in zip(found.frames, found.labels, strict=True)
    ]
    if labelled:
        with draft_of(output) as draft:
            write_structures(draft, labelled)
    write_set_aside(output.with_name(output.name + ".set_aside.csv"), found.aside)
    _tell(found, len(structures), output, labeller)


def _tell(found: Labelled, count: int, output: Path, labeller: str) -> None:
    """Print what was labelled, what waits and what was set aside; the exit status."""
    from ase_voxpot.errors import DataError
    from ase_voxpot.plotting.screen import console

    labelled, aside = len(found.frames), len(found.aside)
    same = count - labelled - aside - len(found.waiting)
    told = f", {same} repeats of others left out" if same else ""
    wrote = f"; wrote {output}" if labelled else ""
    console().print(f"{labelled} of {count} frames labelled{told}{wrote}", soft_wrap=True)
    without = sum(x.stress is None for x in found.labels)
    if without:
        console().print(f"{without} of them have no stress: {labeller} gives none")
    if found.waiting:
        console().print(f"{len(found.waiting)} wait for VASP: {found.places[0]} is the first folder", soft_wrap=True)
    for one in found.aside[:SHOWN]:
        typer.echo(f"voxpot: {one.frame}: {one.reason}", err=True)
    if not labelled and not found.waiting:
        raise DataError(f"none of {count} frames could be labelled; the first: {found.aside[0].reason}")
    if aside:
        table = output.with_name(output.name + ".set_aside.csv")
        typer.echo(f"voxpot: {aside} of {count} frames were not labelled, see {table}", err=True)
    if aside or found.waiting:
        raise typer.Exit(INCOMPLETE)


def _pairs(texts: list[str]) -> dict[str, str]:
    from ase_voxpot.errors import ConfigError

    answer = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise ConfigError(f"setting: expected NAME=VALUE, got {text!r}")
        answer[name] = value
    return answer


def learn(
    config: Annotated[Path, typer.Argument(help="TOML file that describes the campaign.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the campaign; runs/NAME by default.")
    ] = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what every round would cost; do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Label more than stop.ask frames.")] = False,
) -> None:
    """Train a potential of an alloy from nothing: explore, select, label, judge, train, and again.

    CONFIG names the elements and what labels; all else has defaults. Every task has a result file: the command may be
    stopped at any time and started again, on any number of workers. learn.html in OUTPUT is the report, written after
    every round; OUTPUT/NAME.safetensors is the potential.

    voxpot learn cuau.toml --dry-run
    voxpot learn cuau.toml --workers 2
    voxpot learn motaw.toml --scheduler tcp://10.0.0.1:8786 --output runs/motaw
    """
    from ase_voxpot.errors import ConfigError
    from ase_voxpot.extras import require
    from ase_voxpot.plotting.screen import console
    from ase_voxpot.storage.files import make_parents
    from ase_voxpot.tasks import backend_of
    from voxpot_training.campaign.config import load_learn_config
    from voxpot_training.campaign.estimate import estimate
    from voxpot_training.campaign.labellers.opening import functional_of, open_labeller

    settings = load_learn_config(config)
    functional_of(settings.labeller)
    labeller = open_labeller(settings.labeller)
    cost = estimate(settings, labeller.cost)
    if dry_run:
        _print_cost(settings, cost, workers)
        return
    if cost.labels > settings.stop.ask and not yes:
        raise ConfigError(
            f"expected at most stop.ask = {settings.stop.ask:,} labels, got up to {cost.labels:,}, which take about "
            f"{_time(3600 * cost.hours)} on one worker; --yes does it, select.labels, stop.rounds and stop.labels "
            "make it smaller"
        )
    require("torch", "voxpot learn")
    folder = output or Path("runs") / settings.title
    make_parents(folder / "learn.json")
    try:
        labeller.check()
    finally:
        labeller.close()
    cluster = settings.cluster if scheduler is None and workers == 1 else None
    backend = backend_of(workers=workers, scheduler=scheduler, cluster=cluster)
    try:
        report = _run(settings, folder, config.resolve().parent, backend)
    finally:
        backend.close()
    console().print(f"ended: {report.end}", soft_wrap=True)
    model = folder / f"{settings.title}.safetensors"
    wrote = [str(p) for p in (folder / "learn.html", model) if p.is_file()]
    console().print(f"wrote {', '.join(wrote)}", soft_wrap=True)
    if report.aside:
        told = f"voxpot: {len(report.aside)} frames were set aside, see {folder / 'set_aside.csv'}"
        typer.echo(told, err=True)


def _run(settings: LearnConfig, folder: Path, beside: Path, backend: Backend) -> Report:
    from voxpot_training.campaign.page import write_page
    from voxpot_training.campaign.rounds import Campaign
    from voxpot_training.campaign.screen import Screen

    with Screen() as screen:
        return Campaign(
            settings,
            folder,
            beside,
            backend,
            observer=screen,
            after_round=lambda report: write_page(folder / "learn.html", report),
        ).run()


def _print_cost(settings: LearnConfig, cost: Estimate, workers: int) -> None:
    from ase_voxpot.plotting.screen import console, table

    rows = table(f"{settings.title}: at most, on {workers} workers", "round", "labels", "labelling", "training")
    for k, row in enumerate(cost.rounds):
        training = f"{settings.train.epochs} epochs" if row.minutes is None else f"{row.minutes:g} min"
        rows.add_row(str(k), f"{row.labels:,}", _time(3600 * row.hours / workers), training)
    rows.add_row("all", f"{cost.labels:,}", _time(3600 * cost.hours / workers), "")
    console().print(rows)
    told = f"a label takes about {_time(cost.frame)} on average, {_time(cost.largest)} at most, by "
    console().print(told + settings.labeller.use, soft_wrap=True)


def _time(seconds: float) -> str:
    """A duration for people.

    >>> _time(0.2), _time(90), _time(7200), _time(1e6)
    ('0.2 s', '1.5 min', '2.0 h', '11.6 days')
    """
    for size, unit in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.2g} s"


LABEL = Verb(label, "Models and data")
LEARN = Verb(learn, "Models and data")
