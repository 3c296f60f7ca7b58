"""Triton kernels for devices with thousands of cores, each one pass over its arrays.

    painting     neighbours to harmonics and shells, and the way back to their offsets
    invariants   squares and products of ``network.products``, and their adjoints

One lane per neighbour or channel, so that nothing is added up across lanes and every
precision is exact to its rounding; sums over neighbours are matrix products in between.
TF32 is left alone: its ten bits lose 3e-4 of every term, thirty times what a benchmark may
deviate.  The kernels also run in Triton's interpreter, on the CPU, which is how the tests
hold them against plain torch.

Triton comes with the CUDA builds of torch.  The modules here import it; ``available`` does not.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["available", "usable"]


@cache
def available() -> bool:
    """Whether Triton is installed."""
    return find_spec("triton") is not None


def usable(tensor: Tensor) -> bool:
    """Whether the kernels can work on this tensor."""
    return tensor.device.type == "cuda" and available()
