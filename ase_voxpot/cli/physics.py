"""``voxpot physics``: properties of metals by a model, other potentials and DFT."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ase_voxpot.cli.options import Device, Dtype, Json, Model, Peers, Scheduler, Workers, parts
from ase_voxpot.cli.refusals import check_targets, refuse_same_names
from ase_voxpot.plotting.screen import console, progress_bar, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.progress import Progress

    from ase_voxpot.methods import Method
    from ase_voxpot.peers import Peer
    from ase_voxpot.physics.bench import Results, Task
    from ase_voxpot.physics.recipes import Answer, Effort, Frames
    from ase_voxpot.physics.report import Row
    from ase_voxpot.tasks.executors import Backend

    Keep = Callable[[Peer, Task, Answer], None]
    """Stores the answer of a calculator to a task."""

__all__ = ["physics"]

LABELS, COLUMN = 56, 20
"""Characters that the names of quantities with their references take in the table, and a calculator."""


def physics(
    model: Model = "motaw",
    peer: Peers = None,
    quick: Annotated[bool, typer.Option("--quick", help="Smaller cells, fewer samples, 1 ps of dynamics.")] = False,
    only: Annotated[str, typer.Option(help="Workflows with commas between; all by default.")] = "",
    elements: Annotated[str, typer.Option(help="Elements with commas between; all of the model by default.")] = "",
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for results, table and pictures.")] = Path(
        "physics"
    ),
    json: Json = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Compute existing results of the folder again.")] = False,
    device: Device = "auto",
    dtype: Dtype = "float32",
) -> None:
    """Compute properties of materials with a model and other calculators, and compare with DFT.

    Workflows: eos, elastic, finite-strain, vacancy, interstitial, surfaces, faults, boundaries, screw (dislocations),
    stiffness, modes, phonons, thermal, mixing, compounds, dft-mixing (where the data are: a clone, or VOXPOT_DATA),
    dimer, lattice, stability.
    Results are kept in OUTPUT/results.json one by one, and not computed again.  The table goes to
    OUTPUT/table.md and OUTPUT/table.json, pictures lie beside it.  A peer is a calculator made by Python code of yours.

    voxpot physics --quick
    voxpot physics --only elastic,phonons --elements W --output tungsten
    voxpot physics --workers 4
    voxpot physics --peer emt=ase.calculators.emt:EMT --peer snap=peers.py:make:snap
    """
    from ase_voxpot.methods import Method
    from ase_voxpot.neighbours.verlet import species_indices
    from ase_voxpot.physics.bench import Results, tasks
    from ase_voxpot.physics.binaries import find_frames
    from ase_voxpot.physics.pictures import draw_all
    from ase_voxpot.physics.recipes import FULL, QUICK
    from ase_voxpot.physics.report import compositions, markdown, rows, to_json
    from ase_voxpot.storage.files import draft_of, write_json
    from ase_voxpot.tasks import backend_of
    from ase_voxpot.weights import find_model, read_header

    check_targets(json)
    known = list(read_header(find_model(model))["spec"].species)
    symbols = _symbols(elements) or known
    if not peer:  # a peer may support more elements
        species_indices(symbols, known)
    wanted = parts(only)
    tasks(symbols, wanted, None)  # raises for unknown names before any work
    methods = [Method(text=model, device=device, dtype=dtype), *(Method(text=t, own=False) for t in peer or [])]
    contestants = [(method, method.peer()) for method in methods]
    names = [peer.name for _, peer in contestants]
    refuse_same_names(names)
    results = Results(output / "results.json")
    frames = find_frames() if not wanted or "dft-mixing" in wanted else None
    effort, todo = QUICK if quick else FULL, tasks(symbols, wanted, frames)
    answers = _known([c for _, c in contestants], results, todo, effort, fresh=fresh)
    missing = [
        (r, c, task) for r, c in contestants for task in todo if (task.workflow, task.subject) not in answers[c.name]
    ]
    with progress_bar("{task.fields[now]}") as bar:
        done = len(todo) * len(contestants) - len(missing)
        whole = bar.add_task("bench", total=done + len(missing), completed=done, now="")

        def keep(contestant: Peer, task: Task, answer: Answer) -> None:
            results.add(contestant, task, effort, answer)
            answers[contestant.name][task.workflow, task.subject] = answer
            bar.update(whole, advance=1, now=f"{contestant.name}: {task.workflow} of {task.subject}")

        if workers == 1 and scheduler is None:
            _one_by_one(missing, effort, frames, keep, bar)
        else:
            _at_once(missing, effort, output / "tasks", backend_of(workers=workers, scheduler=scheduler), keep)
    order = [(task.workflow, task.subject) for task in todo]  # workers end in any order
    answers = {name: {which: kept[which] for which in order} for name, kept in answers.items()}
    found = rows(answers)
    with draft_of(output / "table.md") as draft:
        text = markdown(found, names, title=f"Physics of {', '.join(symbols)}")
        draft.write_text(f"{text}\n{compositions(answers)}", encoding="utf-8")
    for path in (output / "table.json", *([json] if json is not None else [])):
        write_json(path, to_json(found))
    pictures = draw_all(output, answers)
    _print(found, names, answers)
    written = ", ".join(str(p) for p in (output / "table.md", *pictures))
    console().print(f"wrote {written}", soft_wrap=True)
    if all("error" in answer for kept in answers.values() for answer in kept.values()):
        raise typer.Exit(1)


def _symbols(text: str) -> list[str]:
    from ase.data import atomic_numbers

    from ase_voxpot.errors import ConfigError

    symbols = parts(text)
    wrong = [s for s in symbols if s not in atomic_numbers or s == "X"]
    if wrong or len(set(symbols)) != len(symbols):
        raise ConfigError(f"elements: expected different chemical symbols with commas between, got {text!r}")
    return symbols


def _known(
    contestants: Sequence[Peer], results: Results, todo: Sequence[Task], effort: Effort, *, fresh: bool
) -> dict[str, dict[tuple[str, str], Any]]:
    """Stored answers by calculator, then by workflow and subject, in the order of the tasks."""
    out: dict[str, dict[tuple[str, str], Any]] = {c.name: {} for c in contestants}
    for contestant in [] if fresh else contestants:
        for task in todo:
            answer = results.find(contestant, task, effort)
            if answer is not None:
                out[contestant.name][task.workflow, task.subject] = answer
    return out


def _one_by_one(
    missing: Sequence[tuple[Method, Peer, Task]], effort: Effort, frames: Frames | None, keep: Keep, bar: Progress
) -> None:
    from ase_voxpot.physics.bench import run

    part = bar.add_task("  this", total=1.0, now="")
    made: dict[str, Any] = {}
    for _, contestant, task in missing:
        if contestant.name not in made:
            made = {contestant.name: contestant.make()}
        bar.update(part, completed=0.0, now=f"{contestant.name}: {task.workflow} of {task.subject}")
        keep(
            contestant,
            task,
            run(made[contestant.name], task, effort, frames, lambda share: bar.update(part, completed=share)),
        )


def _at_once(
    missing: Sequence[tuple[Method, Peer, Task]], effort: Effort, folder: Path, backend: Backend, keep: Keep
) -> None:
    from ase_voxpot.physics.parallel import BenchTask, run_bench

    whose = {
        BenchTask(method=method, identity=peer.identity, name=peer.name, task=task, effort=effort): peer
        for method, peer, task in missing
    }
    try:
        run_bench(list(whose), folder, backend, observe=lambda done, answer: keep(whose[done], done.task, answer))
    finally:
        backend.close()


def _print(found: Sequence[Row], names: Sequence[str], answers: dict[str, dict[tuple[str, str], Any]]) -> None:
    from ase_voxpot.physics.references import label_of
    from ase_voxpot.physics.report import cell, expected, summary_of

    screen = console()
    beside = max(1, (screen.width - LABELS) // COLUMN)  # more calculators go into tables below
    for subject in dict.fromkeys(row.subject for row in found):
        here = [row for row in found if row.subject == subject]
        for k in range(0, len(names), beside):
            some = names[k : k + beside]
            lines = table(subject, "quantity", "reference", *some)
            for row in here:
                lines.add_row(label_of(row.quantity), expected(row), *(cell(row, name) for name in some))
            screen.print(lines)
    for name in names:
        screen.print(f"{name}: {summary_of(found, name)}", markup=False)
    for name, kept in answers.items():
        for (workflow, subject), answer in kept.items():
            if "error" in answer:
                screen.print(f"{name} failed at {workflow} of {subject}: {answer['error']}", style="red", markup=False)
