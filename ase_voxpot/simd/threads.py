"""Blocks of atoms spread over threads: each block is computed from beginning to end by one thread.

The compiled functions release the GIL, so that Python threads are sufficient.
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["set_threads", "spread", "thread_count"]

ENOUGH = 4
"""Least number of blocks per thread."""
TURNS = 2
"""Pieces per thread in which what is left would be done."""

_chosen: int | None = None


def set_threads(count: int) -> None:
    """Let evaluations in this process use ``count`` threads from now on.

    Raises:
        ValueError: fewer than one.
    """
    global _chosen
    if count < 1:
        raise ValueError(f"expected at least one thread, got {count}")
    _chosen = count


def thread_count() -> int:
    """Threads that an evaluation may use.

    The number given to ``set_threads``; else that of ``torch.set_num_threads`` if the process uses torch;
    else ``OMP_NUM_THREADS``; else the number of cores that the process may run on.
    """
    if _chosen is not None:
        return _chosen
    if "torch" in sys.modules:
        return int(getattr(sys.modules["torch"], "get_num_threads", _from_environment)())
    return _from_environment()


@cache
def _from_environment() -> int:
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spread(
    work: Callable[[Iterator[tuple[int, int]]], None],
    blocks: int,
    *,
    threads: int | None = None,
    largest: int = sys.maxsize,
) -> None:
    """Call ``work`` in every thread with one shared supply of pieces, each a range of blocks.

    Args:
        work: called once in every thread.
        blocks: how many there are.
        threads: at most so many, ``thread_count()`` by default; fewer if there are few blocks.
        largest: blocks of a piece at most.
    """
    threads = min(thread_count() if threads is None else threads, max(blocks // ENOUGH, 1))
    pieces = iter(_pieces(blocks, threads, largest))
    if threads == 1:
        work(pieces)
        return
    others = [_pool(threads - 1).submit(work, pieces) for _ in range(threads - 1)]
    try:
        work(pieces)
    finally:
        wait(others)
    for other in others:
        other.result()


def _pieces(blocks: int, threads: int, largest: int) -> list[tuple[int, int]]:
    """Ranges of blocks, smaller and smaller so that all threads end at about the same time.

    Guided self-scheduling, Polychronopoulos & Kuck, IEEE Trans. Comput. C-36, 1425 (1987).

    >>> _pieces(8, 2, 9)
    [(0, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7), (7, 8)]
    """
    if threads == 1:
        return [(0, blocks)] if blocks else []
    found, start = [], 0
    while start < blocks:
        end = start + min(max((blocks - start) // (TURNS * threads), 1), largest)
        found.append((start, end))
        start = end
    return found


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Persistent threads; starting them takes as long as an evaluation of a thousand atoms."""
    return ThreadPoolExecutor(threads, thread_name_prefix="voxpot")


if hasattr(os, "register_at_fork"):  # a forked child lacks its parent's threads and would deadlock
    os.register_at_fork(after_in_child=_pool.cache_clear)
