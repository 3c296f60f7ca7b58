"""How many threads a rank may use."""

from __future__ import annotations

import os

__all__ = ["share_threads", "threads_of_rank"]


def threads_of_rank(ranks: int) -> int:
    """``OMP_NUM_THREADS`` if it is set; else one with several ranks, and all cores with one."""
    wish = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if wish.isdigit() and int(wish) > 0:
        return int(wish)
    return 1 if ranks > 1 else len(os.sched_getaffinity(0))


def share_threads(ranks: int) -> int:
    """Hold torch and Numba to the share of one of ``ranks``; how many threads that is."""
    import numba
    import torch

    threads = threads_of_rank(ranks)
    torch.set_num_threads(threads)
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    return threads
