"""Blocks spread over threads: each block is computed from beginning to end by one of them.

Compiled functions that release the interpreter need no more than Python's own threads.
How many there are is what torch says, and so what the user set: ``OMP_NUM_THREADS``,
``torch.set_num_threads`` or else the cores of the machine.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["spread"]

ENOUGH = 4
"""Blocks that are worth a thread."""
TURNS = 4
"""Pieces of work per thread, so that a slow thread leaves some of its share to the others."""


def spread(work: Callable[[Iterator[tuple[int, int]]], None], blocks: int) -> None:
    """Call ``work`` in every thread with one and the same supply of pieces, each a range of blocks."""
    threads = min(torch.get_num_threads(), max(blocks // ENOUGH, 1))
    size = -(-blocks // (threads * TURNS)) if threads > 1 else blocks
    pieces = iter([(start, min(start + size, blocks)) for start in range(0, blocks, max(size, 1))])
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


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that wait for the next step; to start them anew costs as much as a thousand atoms."""
    return ThreadPoolExecutor(threads, thread_name_prefix="voxpot")


if hasattr(os, "register_at_fork"):  # a fork has none of its parent's threads, and would wait for them for ever
    os.register_at_fork(after_in_child=_pool.cache_clear)
