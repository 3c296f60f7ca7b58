"""Calls of one function, spread over the workers of a backend: a short campaign without a folder of its own.

Arguments and results are any values that can be pickled.  Results are passed on in a temporary folder, one file per
call, so that a call whose worker ended is made again by another one, and no call that has ended is repeated.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ase_voxpot.errors import VoxPotError
from ase_voxpot.tasks.running import Failure, run_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase_voxpot.tasks.executors import Backend

__all__ = ["Call", "map_calls"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a function that workers can import; the result file holds its result or its ``VoxPotError``."""

    number: int
    function: Callable[..., Any]
    arguments: tuple[Any, ...]

    suffix = ".pickle"

    @property
    def key(self) -> str:
        """Name of the result file: the number of the call."""
        return f"{self.number:06d}"

    def compute(self, draft: Path) -> None:
        """Call the function."""
        answer: Any
        try:
            answer = self.function(*self.arguments)
        except VoxPotError as error:
            answer = error
        draft.write_bytes(pickle.dumps(answer))


def map_calls(
    function: Callable[..., Any],
    arguments: Sequence[tuple[Any, ...]],
    backend: Backend,
    *,
    place: Path | None = None,
    observe: Callable[[int], None] = lambda number: None,
) -> list[Any]:
    """Results of ``function(*arguments)``, in the order of the arguments.

    Args:
        function: of a module.
        arguments: one tuple per call.
        backend: runs the calls; it is left open.
        place: where the temporary folder of results is made, which all workers have to see; that of the system if None.
        observe: called with the number of every call that has a result.

    Raises:
        VoxPotError: of the first call, in their order, that raises one; calls behind it are ended.  An error of another
            kind, or the end of the workers of a call, is a ``VoxPotError`` with the number of the call from 1 on.
    """
    answers: dict[int, Any] = {}

    def settle(call: Call, result: Path | Failure | None) -> None:
        if isinstance(result, Path):
            answer = pickle.loads(result.read_bytes())
            result.unlink()
        else:
            reason = result.reason if result else "it has no result"
            answer = VoxPotError(f"part {call.number + 1} of {len(arguments)}: {reason}")
        answers[call.number] = answer
        if not isinstance(answer, VoxPotError):
            observe(call.number)
        failed = min((k for k, a in answers.items() if isinstance(a, VoxPotError)), default=None)
        if failed is not None and all(k in answers for k in range(failed)):
            raise answers[failed]  # as one process would, which comes no further

    # workers that were killed just now may still hold files of the folder
    with TemporaryDirectory(prefix=".voxpot-", dir=place, ignore_cleanup_errors=True) as folder:
        calls = [Call(number, function, args) for number, args in enumerate(arguments)]
        run_tasks(calls, Path(folder), backend, observe=settle)
    return [answers[number] for number in range(len(arguments))]
