"""Runs of ``voxpot mc``: one per calculator and size, in this process or by workers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ase_voxpot.cli.refusals import refuse_same_names
from ase_voxpot.cli.workers import run_parts
from ase_voxpot.plotting.screen import progress, progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ase import Atoms

    from ase_voxpot.methods import Method
    from ase_voxpot.montecarlo import Outcome, Plan, Records

    Run = tuple[str, Records, Method, Callable[[], Atoms]]
    """Name, files, method and structure of a run."""
    Ended = tuple[dict[str, Any], str, str]
    """Report, title, and the reason why there are no order parameters, if there are none."""

__all__ = ["all_runs", "run_all", "sampled"]


def run_all(
    runs: Sequence[Run], plan: Plan, what: str, *, restart: bool, workers: int, scheduler: str | None
) -> Iterator[Ended]:
    """Do all runs and write their files; what there is to tell of each, in their order.

    Args:
        runs: of ``all_runs``.
        plan: of each.
        what: beginning of the titles.
        restart: continue from checkpoints; of several runs those begin that have none.
        workers: processes of this machine.
        scheduler: of Dask, in place of workers.

    Raises:
        VoxPotError: of a run; it ends the others, which can be continued.
    """
    if workers != 1 or scheduler is not None:
        yield from _at_once(runs, plan, what, restart=restart, workers=workers, scheduler=scheduler)
        return
    for run in runs:
        yield _run(run, plan, what, restart=restart, alone=len(runs) == 1)


def all_runs(make: Callable[..., Atoms], own: Method, peers: list[str], output: Path, *, sizes: list[int]) -> list[Run]:
    """All runs: the model and its peers, at every size."""
    from ase_voxpot.methods import Method
    from ase_voxpot.montecarlo import Records

    methods = [own, *(Method(text=text, own=False) for text in peers)]
    refuse_same_names([method.name for method in methods])
    found: list[Run] = []
    for method in methods:
        for size in sizes:
            label = f"{method.name} {size}³" if len(sizes) > 1 else method.name
            suffix = ("" if method is own else f"-{method.name}") + (f"-{size}" if len(sizes) > 1 else "")
            records = Records(output.with_name(output.name + suffix))
            found.append((label, records, method, partial(_opened, make, own, method, size)))
    return found


def _opened(make: Callable[..., Atoms], own: Method, method: Method, size: int) -> Atoms:
    """The structure with the lattice constant of the model, whatever the calculator."""
    atoms = make(own, repeat=size)
    if method is not own:
        atoms.calc = method.make()
    return atoms


def _run(run: Run, plan: Plan, what: str, *, restart: bool, alone: bool) -> Ended:
    """Do a run here, with a progress bar of its samples."""
    from ase_voxpot.montecarlo import run as sample_all

    name, records, _, make = run
    atoms = make()
    begun = restart and (alone or records.checkpoint.is_file())
    with progress_bar("{task.fields[now]}") as bar:
        task = bar.add_task(name, total=plan.samples, now="")

        def observe(sample: int, rows: list[dict[str, float]]) -> None:
            row = rows[0]
            now = f"T {row['temperature_K']:.0f} K  E {row['energy_eV'] / len(atoms):.4f} eV/atom"
            bar.update(task, completed=sample, now=now)

        outcome = sample_all(atoms, plan, records, start="checkpoint" if begun else "anew", observe=observe)
    return _finish(outcome, records, _title(what, atoms, name))


def _at_once(
    runs: Sequence[Run], plan: Plan, what: str, *, restart: bool, workers: int, scheduler: str | None
) -> Iterator[Ended]:
    """Have all runs done by workers, with a progress bar of the runs."""
    from ase_voxpot.montecarlo import Records

    for _, records, _, _ in runs:
        if restart and (len(runs) == 1 or records.checkpoint.is_file()):
            records.load()  # raises if nothing can be continued
        else:
            records.refuse_another()
    parts = []
    for name, records, method, make in runs:
        atoms = make()
        atoms.calc = None
        parts.append((method, atoms, plan, Records(records.prefix.absolute()), _title(what, atoms, name)))
    with progress("runs", len(runs)) as step:
        yield from run_parts(sampled, parts, workers=workers, scheduler=scheduler, observe=step)


def sampled(
    method: Method,
    atoms: Atoms,
    plan: Plan,
    records: Records,
    title: str,
    *,
    observe: Callable[[], None] = lambda: None,
) -> Ended:
    """Do a run, or go on with it: after a restart, and after the end of a worker that had begun it.

    Args:
        method: of the energy.
        atoms: the structure.
        plan: of the run.
        records: its files, in a folder without another run.
        title: of its picture.
        observe: called at the end.
    """
    from ase_voxpot.montecarlo import run

    records.clear_unless_begun()
    begun = records.checkpoint.is_file()
    atoms.calc = method.make()
    ended = _finish(run(atoms, plan, records, start="checkpoint" if begun else "anew"), records, title)
    observe()
    return ended


def _title(what: str, atoms: Atoms, name: str) -> str:
    return f"{what}, {len(atoms)} atoms, {name.partition(' ')[0]}"


def _finish(outcome: Outcome, records: Records, title: str) -> Ended:
    """Write report and picture."""
    from ase_voxpot.montecarlo.pictures import draw_run, draw_scan
    from ase_voxpot.storage.files import write_json

    report = outcome.report()
    write_json(records.report, report)
    if len(outcome.replicas) > 2:
        draw_scan(records.picture, {title: report}, title=title)
    else:
        draw_run(records.picture, outcome.rows, outcome.meter, title=title)
    return report, title, outcome.meter.reason
