"""Runs of ``voxpot melt``: one per guess and seed, in this process or by workers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ase_voxpot.cli.workers import run_parts
from ase_voxpot.plotting.screen import progress, progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms

    from ase_voxpot.md.records import Records, Sample
    from ase_voxpot.methods import Method
    from ase_voxpot.properties.coexistence import Melting
    from ase_voxpot.properties.melting import Schedule

    Part = tuple[Method, Atoms, Schedule, Path]
    """Method, crystal, schedule and beginning of the names of files of a run."""

__all__ = ["coexisting", "run_all"]


def run_all(parts: Sequence[Part], *, restart: bool, workers: int, scheduler: str | None) -> list[Melting | str]:
    """All runs or why one failed, here with a progress bar of every stage, or by workers with one bar of the runs.

    Args:
        parts: the runs.
        restart: continue from checkpoints; runs begin that have none.
        workers: processes of this machine.
        scheduler: of Dask, in place of workers.

    Raises:
        ConfigError: files of another run or of another schedule exist.
        StructureError: the crystal is not elongated along an upright vector.
    """
    if workers == 1 and scheduler is None:
        return [_run(*part, restart=restart) for part in parts]
    for _, _, _, prefix in parts:
        for records in _records(prefix):
            if not (restart and records.checkpoint.is_file()):
                records.refuse_another()
    absolute = [(method, crystal, schedule, prefix.absolute()) for method, crystal, schedule, prefix in parts]
    with progress("runs", len(parts)) as step:
        return list(run_parts(coexisting, absolute, workers=workers, scheduler=scheduler, observe=step))


def _run(method: Method, crystal: Atoms, schedule: Schedule, prefix: Path, *, restart: bool) -> Melting | str:
    from ase_voxpot.errors import DivergenceError
    from ase_voxpot.properties.melting import STAGES, coexist

    with progress_bar("{task.fields[now]}") as bar:
        tasks = {name: bar.add_task(name, total=schedule.plan(name).steps, now="") for name in STAGES}

        def observe(stage: str, sample: Sample, crystalline: float | None) -> None:
            both = "" if crystalline is None else f"  crystal {100 * crystalline:.0f} %"
            bar.update(tasks[stage], completed=sample.step, now=f"T {sample.temperature:6.0f} K{both}")

        try:
            return coexist(crystal, method.make(), schedule, prefix, restart=restart, observe=observe)
        except DivergenceError as error:
            return str(error)


def _records(prefix: Path) -> list[Records]:
    """The files of the stages of a run."""
    from ase_voxpot.md.records import Records
    from ase_voxpot.properties.melting import STAGES

    return [Records(prefix.with_name(f"{prefix.name}.{stage}")) for stage in STAGES]


def coexisting(
    method: Method, crystal: Atoms, schedule: Schedule, prefix: Path, *, observe: Callable[[], None] = lambda: None
) -> Melting | str:
    """Do a run, or go on with it: after a restart, and after the end of a worker that had begun it.

    Args:
        method: of the energy.
        crystal: the structure.
        schedule: of the run.
        prefix: of its files, in a folder without another run.
        observe: called at the end.

    Returns:
        The run, or the message of a ``DivergenceError``: other guesses of the temperature may be better.
    """
    from ase_voxpot.errors import DivergenceError
    from ase_voxpot.properties.melting import coexist

    for records in _records(prefix):
        records.clear_unless_begun()
    try:
        return coexist(crystal, method.make(), schedule, prefix, restart=True)
    except DivergenceError as error:
        return str(error)
    finally:
        observe()
