"""Vectorisable exp and log, in place of scalar library calls.

The exponent of a floating-point number is taken from its bits, and a short series gives the
mantissa, to the precision of float32 or float64 by the type of the argument.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

__all__ = ["exp", "log"]

LOG2E = 1 / math.log(2)
# log 2 in two parts, the first so short that a whole number times it is exact
HIGH = 0.693145751953125
LOW = math.log(2) - HIGH

HALF = math.sqrt(0.5)
BITS32, BITS64 = int(np.float32(HALF).view(np.int32)), int(np.float64(HALF).view(np.int64))
ONE32, ONE64 = int(np.float32(1).view(np.int32)), int(np.float64(1).view(np.int64))


def log(x: float) -> float:
    """Natural logarithm of a positive, normal number."""
    return math.log(x)


def exp(x: float) -> float:
    """Exponential function; beyond ±87 (float32) or ±700 as there."""
    return math.exp(x)


@overload(log, jit_options={"fastmath": True, "error_model": "numpy"})
def _log(x):  # pragma: no cover - compiled
    single = x == types.float32
    kinds: tuple[Any, Any] = (np.float32, np.int32) if single else (np.float64, np.int64)
    number, whole = kinds
    half, one = (whole(BITS32), whole(ONE32)) if single else (whole(BITS64), whole(ONE64))
    digits, bias = (whole(23), whole(127)) if single else (whole(52), whole(1023))
    mask = whole((1 << int(digits)) - 1)
    # 2 artanh(s) = log((1 + s) / (1 - s)) for |s| < 0.172
    series = tuple(number(2 / (2 * k + 1)) for k in range(5 if single else 11))[::-1]
    high, low = number(HIGH), number(LOW)

    def compiled(x):
        bits = number(x).view(whole) + (one - half)
        exponent = number((bits >> digits) - bias)
        m = whole((bits & mask) + half).view(number)
        s = (m - number(1)) / (m + number(1))
        square = s * s
        total = number(0)
        for c in series:
            total = total * square + c
        return exponent * high + (exponent * low + s * total)

    return compiled


@overload(exp, jit_options={"fastmath": True, "error_model": "numpy"})
def _exp(x):  # pragma: no cover - compiled
    single = x == types.float32
    kinds: tuple[Any, Any] = (np.float32, np.int32) if single else (np.float64, np.int64)
    number, whole = kinds
    digits, bias, most = (whole(23), whole(127), number(87)) if single else (whole(52), whole(1023), number(700))
    series = tuple(number(1 / math.factorial(k)) for k in range(8 if single else 14))[::-1]
    rate, high, low = number(LOG2E), number(HIGH), number(LOW)

    def compiled(x):
        x = min(max(x, -most), most)
        turns = np.floor(x * rate + number(0.5))
        rest = (x - turns * high) - turns * low
        total = number(0)
        for c in series:
            total = total * rest + c
        return total * whole((whole(turns) + bias) << digits).view(number)

    return compiled
