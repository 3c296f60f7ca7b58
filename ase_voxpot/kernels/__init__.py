"""Triton kernels for GPUs, each one pass over its arrays.

    density      harmonics and radial functions of the neighbours, and derivatives by their offsets
    invariants   power spectrum and products of ``network.products``, and their adjoints

One lane per neighbour or channel, so that nothing is added up across lanes and every precision is exact
to its rounding; sums over neighbours are matrix products in between. TF32 is not used: its mantissa of
ten bits has relative errors of 3e-4, thirty times the tolerance of the benchmark.  The kernels also run
in Triton's interpreter on the CPU, where the tests compare them with torch.

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
    """Whether the kernels support this tensor."""
    return tensor.device.type == "cuda" and available()
