"""Numba's decorators with a cache that environments share: every compiled function of this package is made by them.

    njit      a function that Python and other compiled functions call
    part      one that only other compiled functions call, and into which it is inlined
    cfunc     one that C calls

Numba's own cache lies beside the source or in the home folder, fails on import where neither can
be written to, and keeps a function when the code of one that it calls in another file has changed.

    parts     the compiler of functions that are inlined
    places    folders of the cache, by processor and versions
    store     files in these folders
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
from numba.core.ccallback import CFunc
from numba.core.sigutils import normalize_signature

from ase_voxpot.compiled.parts import PartCompiler
from ase_voxpot.compiled.store import KernelCache

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["cfunc", "njit", "part"]

_njit: Any = numba.njit  # whose annotations lack the options for wrappers


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit`` with its options, except for ``cache``: results are always kept.

    >>> @njit(nogil=True)
    ... def square(x):
    ...     return x * x
    >>> square(3)
    9
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher: Any = _njit(no_cfunc_wrapper=True, **options)(function)
        if dispatcher is not function:  # as it is with NUMBA_DISABLE_JIT
            dispatcher._cache = KernelCache(function)
        return dispatcher

    return decorate


def part(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit`` for a function that Python never calls: no wrapper and no machine code of its own is made.

    It is optimised within its callers, which are cached with it; see ``parts``.
    """
    made: Callable[[Callable[..., Any]], Any] = _njit(
        no_cpython_wrapper=True, no_cfunc_wrapper=True, pipeline_class=PartCompiler, **options
    )
    return made


def cfunc(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.cfunc`` of one signature, compiled here and now, or loaded."""

    def decorate(function: Callable[..., Any]) -> Any:
        callback: Any = CFunc(function, normalize_signature(signature), locals={}, options={})
        callback._cache = KernelCache(function)
        callback.compile()
        return callback

    return decorate
