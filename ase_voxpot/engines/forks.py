"""torch, and parallel loops of Numba, in a forked child.

The threads of OpenMP do not exist in a child made by ``fork``, the default of ``multiprocessing`` on Linux
up to Python 3.13: the first operation that torch or Numba spreads over threads then waits without end.
"""

from __future__ import annotations

import multiprocessing
import os
from typing import TYPE_CHECKING

import numba

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["use_torch"]

_forked = False


def _remember() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_remember)


def use_torch(torch: ModuleType) -> None:
    """If this process is a fork of another, let torch use one thread, and Numba threads other than OpenMP's."""
    if _forked or _made_by_fork():
        torch.set_num_threads(1)
        numba.config.THREADING_LAYER = "workqueue"  # type: ignore[attr-defined]  # has an effect before the first parallel loop only


def _made_by_fork() -> bool:
    """Whether ``multiprocessing`` forked this process, from one that may not have imported this module."""
    if multiprocessing.parent_process() is None:
        return False
    method = getattr(multiprocessing.current_process(), "_start_method", None)
    return (method or multiprocessing.get_start_method()) == "fork"
