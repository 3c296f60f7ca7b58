"""Arrays that are reused from step to step: new memory costs up to a fifth of an evaluation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["FRESH", "Workspace"]


class Workspace:
    """Arrays by name, made once and used again while they are large enough.

    Arrays of a step are overwritten by the next: a caller that keeps a workspace must not keep its arrays.

    >>> scratch = Workspace()
    >>> first = scratch.take("offset", 10, 3)
    >>> np.shares_memory(first, scratch.take("offset", 9, 3))
    True
    """

    def __init__(self, *, keep: bool = True) -> None:
        """Keep arrays, or with ``keep=False`` make new ones every time."""
        self._keep = keep
        self._arrays: dict[str, np.ndarray] = {}

    def take(self, name: str, *shape: int, dtype: Any = np.float64) -> np.ndarray:
        """A C-contiguous array of this shape; its values are undefined."""
        size = math.prod(shape)
        if not self._keep:
            return np.empty(shape, dtype)
        have = self._arrays.get(name)
        if have is None or have.size < size or have.dtype != dtype:
            have = self._arrays[name] = np.empty(size + size // 8, dtype)
        return have[:size].reshape(shape)


FRESH = Workspace(keep=False)
"""A workspace with new arrays on every call."""
