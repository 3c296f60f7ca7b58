"""Independent parts of a verb, computed in this process or by workers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["run_parts"]


def run_parts(
    function: Callable[..., Any],
    parts: Sequence[tuple[Any, ...]],
    *,
    workers: int,
    scheduler: str | None,
    observe: Callable[[], None],
    steps: int | Sequence[int] = 1,
) -> Iterator[Any]:
    """Results of a function for every part, in the order of the parts, whatever computes them.

    In this process a part is computed when its result is asked for.

    Args:
        function: of a module, called as ``function(*part, observe=observe)`` in this process, and as
            ``function(*part)`` by a worker; its result can be pickled and depends on the part alone.
        parts: arguments, which can be pickled.
        workers: processes of this machine; with one, or a single part, the parts are computed here.
        scheduler: of Dask, in place of workers; its workers see the folder of this process.
        observe: moves a progress bar on by one step.
        steps: of a part that ends elsewhere, of all alike or of each.

    Raises:
        ConfigError: workers and scheduler do not fit, or no scheduler is there.
        VoxPotError: of the first part that fails; those behind it are ended.
    """
    from ase_voxpot.tasks import backend_of, map_calls

    backend = backend_of(workers=workers, scheduler=scheduler)
    if scheduler is None and (workers == 1 or len(parts) < 2):
        for part in parts:
            yield function(*part, observe=observe)
        return

    def ended(number: int) -> None:
        for _ in range(steps if isinstance(steps, int) else steps[number]):
            observe()

    try:
        yield from map_calls(function, parts, backend, place=None if scheduler is None else Path.cwd(), observe=ended)
    finally:
        backend.close()
