"""Real solid harmonics S_lm, homogeneous polynomials of x, y, z.

They are r^l times the real spherical harmonics, normalised so that
Σ_m S_lm(x)² = |x|^{2l} (Schmidt semi-normalised, no Condon-Shortley phase), numbered
l² + l + m.  As polynomials they need no angles and have no singular point.  The
recursion is the standard one for r^l P_l^m without the powers of sin θ; see
Bigi, Fraux, Browning, Ceriotti, J. Chem. Phys. 159, 064802 (2023), Eqs. 10-14.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.compiled import njit

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["norms", "solid_harmonics", "solid_harmonics_into"]

FEW = 5000
"""Points for which NumPy is done long before anything is compiled."""


@cache
def norms(degree: int) -> Float[np.ndarray, " harmonic"]:
    """Factor that makes each (l, m) Schmidt semi-normalised, float64."""
    out = np.ones((degree + 1) ** 2)
    for l in range(degree + 1):
        for m in range(1, l + 1):
            ratio = np.prod(np.arange(l - m + 1, l + m + 1, dtype=float))  # (l+m)!/(l-m)!
            out[l * l + l + m] = out[l * l + l - m] = np.sqrt(2 / ratio)
    return out


@njit(fastmath=True, error_model="numpy")
def solid_harmonics_into(x, y, z, degree, norm, power, value, slope):  # pragma: no cover - compiled
    """Write S_lm(x, y, z) to ``value`` [harmonic] and its gradient to ``slope`` [3, harmonic].

    With Q_l^m = r^{l-m} P_l^m / sin^m θ, a polynomial of z and r², the harmonics are
    Q_l^{|m|} times the real (m >= 0) or imaginary part of (x + iy)^{|m|}, and

        ∂Q_l^m/∂x = -x Q_{l-1}^{m+1},   ∂Q_l^m/∂y = -y Q_{l-1}^{m+1},   ∂Q_l^m/∂z = (l + m) Q_{l-1}^m.

    ``power`` [2, degree + 1] is scratch for the powers of x + iy.  Not compiled, it takes arrays of points,
    which are the last axis of all others then.
    """
    r2 = x * x + y * y + z * z
    power[0, 0], power[1, 0] = 1, 0
    for m in range(degree):
        power[0, m + 1] = x * power[0, m] - y * power[1, m]
        power[1, m + 1] = x * power[1, m] + y * power[0, m]
    # first Q_l^m at (l, m >= 0), columns of equal m, upwards in l
    double_factorial = 1
    for m in range(degree + 1):
        value[m * m + 2 * m] = double_factorial
        if m < degree:
            value[(m + 1) * (m + 2) + m] = (2 * m + 1) * double_factorial * z
        for l in range(m + 2, degree + 1):
            q1, q2 = value[(l - 1) * l + m], value[(l - 2) * (l - 1) + m]
            value[l * (l + 1) + m] = ((2 * l - 1) * z * q1 - (l + m - 1) * r2 * q2) / (l - m)
        double_factorial *= 2 * m + 1
    # then times the powers, downwards in l, so that the Q_{l-1} are still unspoilt
    for l in range(degree, -1, -1):
        for m in range(l + 1):
            plus, minus = l * (l + 1) + m, l * (l + 1) - m
            q = value[plus]
            up = value[(l - 1) * l + m + 1] if m + 1 <= l - 1 else r2 * 0
            lift = (l + m) * value[(l - 1) * l + m] if m <= l - 1 else r2 * 0
            c, s = power[0, m], power[1, m]
            if m == 0:
                slope[0, plus], slope[1, plus], slope[2, plus] = -x * up, -y * up, lift
                continue
            w = norm[plus]
            c1, s1 = m * power[0, m - 1], m * power[1, m - 1]
            slope[0, plus], slope[0, minus] = w * (q * c1 - x * up * c), w * (q * s1 - x * up * s)
            slope[1, plus], slope[1, minus] = w * (-q * s1 - y * up * c), w * (q * c1 - y * up * s)
            slope[2, plus], slope[2, minus] = w * lift * c, w * lift * s
            value[minus], value[plus] = w * q * s, w * q * c  # last: of arrays q is no copy


@njit()
def _fill(points, degree, norm, value, slope):  # pragma: no cover - compiled
    power = np.empty((2, degree + 1), points.dtype)
    for p in range(len(points)):
        solid_harmonics_into(points[p, 0], points[p, 1], points[p, 2], degree, norm, power, value[p], slope[p])


def solid_harmonics(
    points: Float[np.ndarray, "point 3"], degree: int
) -> tuple[Float[np.ndarray, "point harmonic"], Float[np.ndarray, "point 3 harmonic"]]:
    """S_lm of every point for l <= degree, and their gradients.

    >>> value, slope = solid_harmonics(np.array([[0.0, 0.0, 2.0]]), 2)
    >>> value.round(12) + 0.0
    array([[1., 0., 2., 0., 0., 0., 4., 0., 0.]])
    """
    count, norm = (degree + 1) ** 2, norms(degree).astype(points.dtype)
    if len(points) <= FEW:
        into: Any = getattr(solid_harmonics_into, "py_func", solid_harmonics_into)
        power, value, slope = (
            np.empty((*n, len(points)), points.dtype) for n in ((2, degree + 1), (count,), (3, count))
        )
        into(*points.T, degree, norm, power, value, slope)
        return np.ascontiguousarray(value.T), np.ascontiguousarray(slope.transpose(2, 0, 1))
    value = np.empty((len(points), count), points.dtype)
    slope = np.empty((len(points), 3, count), points.dtype)
    _fill(points, degree, norm, value, slope)
    return value, slope
