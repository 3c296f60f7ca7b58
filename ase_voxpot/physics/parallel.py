"""The benchmark as independent tasks, for several processes or the workers of a cluster."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from ase_voxpot.physics.bench import Task, run
from ase_voxpot.physics.binaries import find_frames
from ase_voxpot.tasks.keys import key_of
from ase_voxpot.tasks.running import Failure, run_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ase_voxpot.methods import Method
    from ase_voxpot.physics.recipes import Answer, Effort, Frames
    from ase_voxpot.tasks.executors import Backend

__all__ = ["BenchTask", "run_bench"]


@cache
def _frames() -> Frames | None:
    return find_frames()


@cache
def _made(method: Method) -> Any:
    return method.peer().make()


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchTask:
    """One workflow on one subject by one calculator; the result file holds the answer."""

    method: Method = field(compare=False)
    name: str  # of the calculator
    identity: str
    task: Task
    effort: Effort

    suffix = ".json"

    @property
    def key(self) -> str:
        """Name of the result file."""
        return key_of(self)

    def compute(self, draft: Path) -> None:
        """Write the answer."""
        frames = _frames() if self.task.workflow == "dft-mixing" else None
        answer = run(_made(self.method), self.task, self.effort, frames, lambda share: None)
        draft.write_text(json.dumps(answer), encoding="utf-8")


def run_bench(
    tasks: Sequence[BenchTask], folder: Path, backend: Backend, *, observe: Callable[[BenchTask, Answer], None]
) -> None:
    """Run tasks in any order.

    Args:
        tasks: all that is wanted.
        folder: for result files, each of which is removed when it has been observed.
        backend: runs them.
        observe: called with every task and its answer, an ``error`` where a worker ended.
    """

    def settle(task: BenchTask, result: Path | Failure | None) -> None:
        if isinstance(result, Failure) or result is None:
            observe(task, {"error": result.reason if result else "no answer", "seconds": 0.0})
            return
        observe(task, json.loads(result.read_text(encoding="utf-8")))
        result.unlink()

    run_tasks(tasks, folder, backend, observe=settle)
