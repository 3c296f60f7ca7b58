"""Blocks of atoms in the lanes of the processor.

On the CPU everything about ``LANES`` atoms is computed at once: the atom is the last axis
of every array, [..., row, atom], so that each operation on a row is an operation on
registers, whatever the rows mean, and a whole block stays in the nearest cache.

    tiles        sums of products: a matrix times a block, row times row
    elementary   exp and log that are not calls
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["LANES", "aligned"]

LANES = 16
"""Atoms of a block: one register of AVX-512 in float32, and a whole number of them elsewhere."""


def aligned(*shape: int, dtype: np.dtype | type[np.floating]) -> Float[np.ndarray, ...]:
    """An array of zeros that begins with a cache line, as vectors that straddle two cost twice."""
    size, line = int(np.prod(shape)), 64 // np.dtype(dtype).itemsize
    buffers = np.zeros(size + line, dtype)
    start = -(buffers.ctypes.data // buffers.itemsize) % line
    return buffers[start : start + size].reshape(shape)
