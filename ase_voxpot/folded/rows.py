"""Shells and harmonics of many pairs at once, in rows that run over the pairs.

Everything is polynomial in the offset d: shells in t = (d/r_c)², harmonics in the
components of d/r_c.  No square root, no angle, no branch: the loops over pairs fill the
lanes of the processor.  The precision is that of the arrays.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = ["finish_slopes", "finish_values", "harmonic_rows", "shell_rows"]

COSINE = np.array([(-(math.pi**2)) ** k / math.factorial(2 * k) for k in range(16)])
"""cos(π√t) = Σ_k COSINE[k] t^k, to the last digit of float64 on [0, 1]."""
SINGLE = 11
"""How many of these float32 can tell from none."""


@njit(cache=True, fastmath=True, error_model="numpy")
def _fade_rows(t, count, narrow, f, df):  # pragma: no cover - compiled
    """Multiply waves by (1 - t)³ exp(-narrow t / 2), and their slopes accordingly."""
    one, three, half = t.dtype.type(1), t.dtype.type(3), t.dtype.type(0.5)
    for p in range(count):
        inside = max(one - t[p], t[p] * 0)
        decay = inside * inside
        if narrow != 0:
            decay *= np.exp(-half * narrow * t[p])
        height = inside * decay
        fall = -three * decay - half * narrow * height
        for q in range(len(f)):
            df[q, p] = fall * f[q, p] + height * df[q, p]
            f[q, p] *= height


@njit(cache=True, fastmath=True, error_model="numpy")
def shell_rows(t, count, narrowing, f, df):  # pragma: no cover - compiled
    """f_q [shell, pair] of t = (r/r_c)², and df_q/dt, by the recursion of cosines."""
    one, two, narrow = t.dtype.type(1), t.dtype.type(2), t.dtype.type(narrowing)
    f[0, :count] = one
    df[0, :count] = 0
    if len(f) > 1:
        first, slope = f[1], df[1]
        terms = SINGLE if t.itemsize == 4 else len(COSINE)
        first[:count] = t.dtype.type(COSINE[terms - 1])
        slope[:count] = 0
        for k in range(terms - 2, -1, -1):
            coefficient = t.dtype.type(COSINE[k])
            for p in range(count):
                slope[p] = slope[p] * t[p] + first[p]
                first[p] = first[p] * t[p] + coefficient
        for q in range(2, len(f)):
            for p in range(count):
                f[q, p] = two * first[p] * f[q - 1, p] - f[q - 2, p]
                df[q, p] = two * (slope[p] * f[q - 1, p] + first[p] * df[q - 1, p]) - df[q - 2, p]
    _fade_rows(t, count, narrow, f, df)


@njit(cache=True, fastmath=True, error_model="numpy")
def harmonic_rows(x, t, count, degree, power, value):  # pragma: no cover - compiled
    """Q_l^m [harmonic, pair] at (l, m >= 0) and (x + iy)^m [2, m, pair]; see ``harmonics``."""
    power[0, 0, :count], power[1, 0, :count] = 1, 0
    for m in range(degree):
        for p in range(count):
            power[0, m + 1, p] = x[0, p] * power[0, m, p] - x[1, p] * power[1, m, p]
            power[1, m + 1, p] = x[0, p] * power[1, m, p] + x[1, p] * power[0, m, p]
    column = 1.0
    for m in range(degree + 1):
        value[m * m + 2 * m, :count] = t.dtype.type(column)
        if m < degree:
            row, factor = value[(m + 1) * (m + 2) + m], t.dtype.type((2 * m + 1) * column)
            for p in range(count):
                row[p] = factor * x[2, p]
        for l in range(m + 2, degree + 1):
            row, q1, q2 = value[l * (l + 1) + m], value[(l - 1) * l + m], value[(l - 2) * (l - 1) + m]
            a, b = t.dtype.type((2 * l - 1) / (l - m)), t.dtype.type((l + m - 1) / (l - m))
            for p in range(count):
                row[p] = a * x[2, p] * q1[p] - b * t[p] * q2[p]
        column *= 2 * m + 1


@njit(cache=True, fastmath=True, error_model="numpy")
def finish_values(count, degree, norm, power, value):  # pragma: no cover - compiled
    """Turn Q_l^m into S_lm, in place."""
    for l in range(1, degree + 1):
        for m in range(1, l + 1):
            plus, minus = value[l * (l + 1) + m], value[l * (l + 1) - m]
            w = value.dtype.type(norm[l * (l + 1) + m])
            for p in range(count):
                q = w * plus[p]
                plus[p], minus[p] = q * power[0, m, p], q * power[1, m, p]


@njit(cache=True, fastmath=True, error_model="numpy")
def finish_slopes(x, count, degree, norm, power, value, slope):  # pragma: no cover - compiled
    """Write the gradients of S_lm to slope [3, harmonic, pair], then turn Q_l^m into S_lm.

    Downwards in l, as the slopes of l need the Q of l - 1 unspoilt.
    """
    for l in range(degree, -1, -1):
        for m in range(l + 1):
            plus, minus = l * (l + 1) + m, l * (l + 1) - m
            w = norm[plus]
            # factors of Q_{l-1}^{m+1} and Q_{l-1}^m, zero where these do not exist
            rise = value.dtype.type(w if m + 1 < l else 0)
            lift = value.dtype.type(w * (l + m) if m < l else 0)
            upper, same = value[(l - 1) * l + m + 1 if m + 1 < l else 0], value[(l - 1) * l + m if m < l else 0]
            if m == 0:
                for p in range(count):
                    slope[0, plus, p] = -rise * x[0, p] * upper[p]
                    slope[1, plus, p] = -rise * x[1, p] * upper[p]
                    slope[2, plus, p] = lift * same[p]
                continue
            own, order = value.dtype.type(w), value.dtype.type(m)
            for p in range(count):
                up, along = rise * upper[p], lift * same[p]
                c, s = power[0, m, p], power[1, m, p]
                q = own * value[plus, p]
                qc, qs = q * order * power[0, m - 1, p], q * order * power[1, m - 1, p]
                slope[0, plus, p], slope[0, minus, p] = qc - x[0, p] * up * c, qs - x[0, p] * up * s
                slope[1, plus, p], slope[1, minus, p] = -qs - x[1, p] * up * c, qc - x[1, p] * up * s
                slope[2, plus, p], slope[2, minus, p] = along * c, along * s
                value[plus, p], value[minus, p] = q * c, q * s
