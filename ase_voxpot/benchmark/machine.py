"""Peak rates of this machine, measured: floating-point operations in a matrix product, bytes in a copy."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Peaks", "fastest", "measure_peaks"]

COPY = 2**28
"""Bytes of the copied array, larger than any cache."""

ENOUGH = 0.5
"""s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """Upper bounds of sustained rates."""

    flops: float  # 1/s, in a product of square matrices
    bandwidth: float  # B/s, read and written, in a copy


def measure_peaks(device: str, dtype: np.dtype | type, *, size: int = 2048, repeat: int = 5) -> Peaks:
    """Best of ``repeat`` products of two ``size`` x ``size`` matrices, and of as many copies.

    The threads are those that torch uses.
    """
    if device.startswith("cuda"):
        size *= 4
    a = torch.rand(size, size, device=device, dtype=getattr(torch, np.dtype(dtype).name))
    b, out = torch.rand_like(a), torch.empty_like(a)
    source = torch.ones(COPY // 4, device=device, dtype=torch.float32)
    target = torch.zeros_like(source)

    def multiply() -> None:
        torch.mm(a, b, out=out)

    def copy() -> None:
        target.copy_(source)

    return Peaks(flops=2 * size**3 / _best(multiply, device, repeat), bandwidth=2 * COPY / _best(copy, device, repeat))


def _best(work: Callable[[], None], device: str, repeat: int) -> float:
    def whole() -> None:
        work()
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)

    return fastest(whole, enough=ENOUGH, fewest=repeat)


def fastest(work: Callable[[], object], *, enough: float, fewest: int) -> float:
    """Seconds of the fastest run, after one that does not count.

    Args:
        work: what is timed.
        enough: s, duration of all runs at least.
        fewest: number of runs at least.
    """
    work()
    times: list[float] = []
    while len(times) < fewest or sum(times) < enough:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)
