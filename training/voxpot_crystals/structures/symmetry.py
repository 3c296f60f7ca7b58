"""Calls of spglib that return None without a result.

Whether spglib then returns None or raises is a setting of the whole process, which other packages change
when they are imported (phonopy does).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ask_spglib"]


def ask_spglib(question: Callable[..., Any], *words: Any, **settings: Any) -> Any | None:
    """The result of one of its functions, None without one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it announces the exceptions
            return question(*words, **settings)
    except Exception as error:
        if type(error).__module__.split(".")[0] != "spglib":
            raise
        return None
