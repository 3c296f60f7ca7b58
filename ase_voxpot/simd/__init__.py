"""SIMD over atoms: blocks of ``LANES`` atoms in vector registers.

The atom is the last axis of every array, [..., row, atom], so that each operation on a row is an operation on
vector registers, and the arrays of a block stay in the L1 or L2 cache.

    tiles        sums of products: a matrix times a block, row times row
    elementary   exp and log that can be vectorised
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
    """An array of zeros that begins with a cache line, as loads across two cache lines are slower."""
    size, line = int(np.prod(shape)), 64 // np.dtype(dtype).itemsize
    buffers = np.zeros(size + line, dtype)
    start = -(buffers.ctypes.data // buffers.itemsize) % line
    return buffers[start : start + size].reshape(shape)
