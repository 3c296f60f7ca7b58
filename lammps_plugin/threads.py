"""Number of threads of a rank."""

from __future__ import annotations

import os
import sys

__all__ = ["share_threads", "threads_of_rank", "worth_one_thread"]


def threads_of_rank(ranks: int) -> int:
    """``OMP_NUM_THREADS`` if it is set; else one with several ranks, and all cores with one."""
    wish = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if wish.isdigit() and int(wish) > 0:
        return int(wish)
    return 1 if ranks > 1 else len(os.sched_getaffinity(0))


def share_threads(ranks: int) -> int:
    """Limit evaluations to the share of one of ``ranks``; returns the number of threads."""
    import numba

    from ase_voxpot.simd.threads import set_threads

    threads = threads_of_rank(ranks)
    set_threads(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    return threads


def worth_one_thread(threads: int) -> int:
    """The largest number of atoms for which one of ``threads`` threads is used."""
    from ase_voxpot.simd import LANES
    from ase_voxpot.simd.threads import ENOUGH

    return sys.maxsize if threads == 1 else (2 * ENOUGH - 1) * LANES
