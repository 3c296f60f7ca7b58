"""Tasks with one result file each, run by any ``concurrent.futures.Executor``.

A task is a frozen value with a ``key``.  Its result is the file ``KEY`` + ``suffix`` of a folder, which the process
that computes it writes and renames when it is complete.  A task whose file is there is not run, so that a
campaign may be stopped at any time and started again, with any number of workers.  While a task runs, ``KEY.running``
names its process; one that is left behind marks a task that ended with its process.

Tasks whose worker ended (out of memory, killed) are submitted again, one by one and ``ATTEMPTS`` times in all: when a
process of a pool ends, the others are ended with it, whatever they did.
"""

from __future__ import annotations

import os
import socket
from collections import Counter, deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from ase_voxpot.storage.files import make_parents

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor, Future

    from ase_voxpot.tasks.executors import Backend

__all__ = ["ATTEMPTS", "Failure", "Task", "run_tasks"]

ATTEMPTS = 3
"""How often a task is started whose worker ends before it."""


class Task(Protocol):
    """One computation: a frozen value that can be pickled."""

    @property
    def key(self) -> str:
        """Name of the result file, the same for equal tasks."""

    @property
    def suffix(self) -> str:
        """Of the result file, such as ``.json``."""

    def compute(self, draft: Path) -> None:
        """Write the result to ``draft``; nothing if it cannot be known yet."""


T = TypeVar("T", bound=Task)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a task has no result: the error that it raised, or the end of its workers."""

    reason: str


def run_tasks(
    tasks: Sequence[T],
    folder: Path,
    backend: Backend,
    *,
    observe: Callable[[T, Path | Failure | None], None] = lambda task, result: None,
) -> dict[str, Path | Failure | None]:
    """Run the tasks whose result is not there.

    Args:
        tasks: any order; equal ones are run once.
        folder: of the results, which all workers see.
        backend: runs them; it is left open.
        observe: called in this process with every task that ends, in the order in which they end.

    Returns:
        By key: the result file, a ``Failure``, or None for a task that wrote nothing.
    """
    make_parents(folder / "task")
    found: dict[str, Path | Failure | None] = {}
    open_tasks: dict[str, T] = {}

    def settle(task: T, result: Path | Failure | None) -> None:
        found[task.key] = result
        open_tasks.pop(task.key, None)
        observe(task, result)

    for task in tasks:
        if task.key in found:
            continue
        if _path(task, folder).is_file():
            settle(task, _path(task, folder))
        else:
            open_tasks[task.key] = task
            _mark(task, folder).unlink(missing_ok=True)  # left behind by a driver that was killed
    ended: Counter[str] = Counter()
    idle = 0  # rounds in a row in which workers ended and no task did
    while open_tasks and idle <= ATTEMPTS * (1 + len(ended)):
        count = len(found)
        chosen = _next(open_tasks, ended)
        if _round(chosen, folder, backend, settle):
            _blame(_left_behind(chosen, folder), ended, settle)
            idle = idle + 1 if len(found) == count else 0
    for task in list(open_tasks.values()):
        settle(task, Failure("workers end before they run a task: look at their output"))
    return found


def _blame(tasks: Sequence[T], ended: Counter[str], settle: Callable[[T, Path | Failure | None], None]) -> None:
    """Count tasks that ran when their workers ended; those that did so too often are given up."""
    for task in tasks:
        ended[task.key] += 1
        if ended[task.key] >= ATTEMPTS:
            settle(task, Failure(f"the worker ended {ATTEMPTS} times while it ran (killed, or out of memory)"))


def _next(tasks: Mapping[str, T], ended: Mapping[str, int]) -> list[T]:
    """All tasks whose workers have not ended, else one of the others: alone, so that it is known which is to blame."""
    calm = [task for key, task in tasks.items() if not ended.get(key)]
    return calm or [next(iter(tasks.values()))]


def _left_behind(tasks: Sequence[T], folder: Path) -> list[T]:
    """Tasks that ran when their workers ended."""
    found = [task for task in tasks if _mark(task, folder).exists()]
    for task in found:
        _mark(task, folder).unlink(missing_ok=True)
    return found


def _round(
    tasks: Sequence[T], folder: Path, backend: Backend, settle: Callable[[T, Path | Failure | None], None]
) -> bool:
    """Run tasks by one executor; whether it broke, with tasks left."""
    left = deque(tasks)
    pending: dict[Future[str | None], T] = {}
    executor = backend.executor()
    broken = False
    try:
        while (left and not broken) or pending:
            while left and not broken and len(pending) < backend.window:
                broken = not _submit(executor, left, folder, pending)
            done, _ = wait(pending, return_when=FIRST_COMPLETED) if pending else (set(), set())
            for future in done:
                task = pending.pop(future)
                try:
                    reason = future.result()
                except BrokenExecutor:
                    broken = True
                    continue
                except Exception as error:  # of the scheduler: a task catches its own
                    reason = f"{type(error).__name__}: {error}"
                path = _path(task, folder)
                settle(task, path if path.is_file() else Failure(reason) if reason else None)
    except BaseException:
        backend.drop()
        raise
    if broken:
        backend.drop()
    return broken


def _submit(executor: Executor, left: deque[T], folder: Path, pending: dict[Future[str | None], T]) -> bool:
    """Submit the next task; false if the executor no longer takes any."""
    try:
        future = executor.submit(_work, left[0], folder)
    except BrokenExecutor:
        return False
    pending[future] = left.popleft()
    return True


def _work(task: Task, folder: Path) -> str | None:
    """Compute a task in a worker; the error that it raised, if it did."""
    path, mark = _path(task, folder), _mark(task, folder)
    if path.is_file():
        return None
    mark.write_text(f"{socket.gethostname()} {os.getpid()}\n", encoding="utf-8")
    draft = folder / f".{task.key}.{socket.gethostname()}.{os.getpid()}{task.suffix}"
    try:
        task.compute(draft)
        if draft.is_file():
            draft.replace(path)
    except Exception as error:
        return " ".join(f"{type(error).__name__}: {error}".split())
    finally:
        draft.unlink(missing_ok=True)
        mark.unlink(missing_ok=True)
    return None


def _path(task: Task, folder: Path) -> Path:
    return folder / f"{task.key}{task.suffix}"


def _mark(task: Task, folder: Path) -> Path:
    return folder / f"{task.key}.running"
