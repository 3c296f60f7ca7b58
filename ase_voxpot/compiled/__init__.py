"""Numba's decorators with a cache that environments share: every compiled function of this package is made by them.

    njit      a function that Python and other compiled functions call
    cfunc     one that C calls

Numba's own cache lies beside the source or in the home folder, fails on import where neither can
be written to, and keeps a function when the code of one that it calls in another file has changed.

    places    folders of the cache, by processor and versions
    store     files in these folders
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
from numba.core.ccallback import CFunc
from numba.core.sigutils import normalize_signature

from ase_voxpot.compiled.store import KernelCache

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["cfunc", "njit"]


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit`` with its options, except for ``cache``: results are always kept.

    >>> @njit(nogil=True)
    ... def square(x):
    ...     return x * x
    >>> square(3)
    9
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher: Any = numba.njit(**options)(function)
        if dispatcher is not function:  # as it is with NUMBA_DISABLE_JIT
            dispatcher._cache = KernelCache(function)
        return dispatcher

    return decorate


def cfunc(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.cfunc`` of one signature, compiled here and now, or loaded."""

    def decorate(function: Callable[..., Any]) -> Any:
        callback: Any = CFunc(function, normalize_signature(signature), locals={}, options={})
        callback._cache = KernelCache(function)
        callback.compile()
        return callback

    return decorate
