"""Command line of the teacher: ``python -m voxpot_training.teacher CONFIG --output FILE``."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ase_voxpot.cli.options import renamed
from ase_voxpot.errors import ConfigError, VoxPotError
from ase_voxpot.plotting.screen import console
from ase_voxpot.spec import decode
from voxpot_training.teacher.config import TeacherConfig

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(context_settings=renamed(out="output", frames="number"))
def generate(
    config: Annotated[Path, typer.Argument(help="TOML file, see voxpot_training.teacher.config.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Extended XYZ file; continued if it exists.")],
    number: Annotated[int, typer.Option("--number", "-n", help="Frames to make; that of the config by default.")] = 0,
    share: Annotated[str, typer.Option(help="k/n: every n-th start from k on, to share the work.")] = "0/1",
) -> None:
    """Make labelled frames by MD with a teacher potential.

    Example: python -m voxpot_training.teacher training/configs/teacher.toml --output teacher.extxyz
    """
    try:
        counts = _generate(config, output, number, share)
    except VoxPotError as error:
        Console(stderr=True).print(f"[red]error:[/] {error}", highlight=False)
        raise typer.Exit(2) from None
    console().print("  ".join(f"{name}: {count}" for name, count in counts.most_common()))


def _generate(path: Path, out: Path, frames: int, share: str) -> Counter[str]:
    from ase.io import read, write

    from voxpot_training.teacher.generate import Teachers, check_kinds, frames_of_start, make_teacher

    try:
        config = decode(TeacherConfig, tomllib.loads(path.read_text()))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: expected a TOML file ({error})") from None
    check_kinds(config)
    teachers = Teachers(
        make_teacher(config.teacher),
        tuple(make_teacher(judge) for judge in config.judges),
        driver=None if config.driver is None else make_teacher(config.driver),
        energies=None if config.energies is None else make_teacher(config.energies),
    )
    first, step = (int(k) for k in share.split("/"))
    number, made = first, 0
    if out.is_file():
        done = read(out, ":")
        made = len(done)
        number = max(int(a.info["note"]) for a in done) + step
    wanted = frames or config.frames
    fate: Counter[str] = Counter()
    columns = (TextColumn("teacher"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        line = bar.add_task("", total=wanted, completed=made)
        while made < wanted:
            found = list(frames_of_start(number, config, teachers, fate))
            if found:
                write(out, found, format="extxyz", append=True)
            made, number = made + len(found), number + step
            bar.update(line, completed=made)
    return fate


if __name__ == "__main__":
    app()
