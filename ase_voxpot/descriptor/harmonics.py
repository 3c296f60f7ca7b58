"""Real solid harmonics S_lm, homogeneous polynomials of x, y, z.

They are r^l times the real spherical harmonics, normalised so that
Σ_m S_lm(x)² = |x|^{2l} (Schmidt semi-normalised, no Condon-Shortley phase), numbered
l² + l + m.  As polynomials they need no angles and have no singular point.  The
recursion is the standard one for r^l P_l^m without the powers of sin θ; see
Bigi, Fraux, Browning, Ceriotti, J. Chem. Phys. 159, 064802 (2023), Eqs. 10-14.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["norms", "solid_harmonics"]


@cache
def norms(degree: int) -> Float[np.ndarray, " harmonic"]:
    """Factor that makes each (l, m) Schmidt semi-normalised, float64."""
    out = np.ones((degree + 1) ** 2)
    for l in range(degree + 1):
        for m in range(1, l + 1):
            ratio = np.prod(np.arange(l - m + 1, l + m + 1, dtype=float))  # (l+m)!/(l-m)!
            out[l * l + l + m] = out[l * l + l - m] = np.sqrt(2 / ratio)
    return out


def solid_harmonics(points: Float[np.ndarray, "point 3"], degree: int) -> Float[np.ndarray, "point harmonic"]:
    """S_lm of every point for l <= degree, in the precision of ``points``.

    With Q_l^m = r^{l-m} P_l^m / sin^m θ, a polynomial of z and r², the harmonics are
    Q_l^{|m|} times the real (m >= 0) or imaginary part of (x + iy)^{|m|}.

    >>> solid_harmonics(np.array([[0.0, 0.0, 2.0]]), 2).round(12) + 0.0
    array([[1., 0., 2., 0., 0., 0., 4., 0., 0.]])
    """
    x, y, z = points.T
    square, norm = x * x + y * y + z * z, norms(degree)
    out = np.empty(((degree + 1) ** 2, len(points)), points.dtype)
    cosine, sine = np.ones_like(x), np.zeros_like(x)
    start = 1.0  # Q_m^m = (2m - 1)!!
    for m in range(degree + 1):
        lower, q = np.zeros_like(x), np.full_like(x, start)
        for l in range(m, degree + 1):
            scaled = float(norm[l * (l + 1) + m]) * q
            out[l * (l + 1) - m] = scaled * sine
            out[l * (l + 1) + m] = scaled * cosine
            lower, q = q, ((2 * l + 1) * z * q - (l + m) * square * lower) / (l + 1 - m)
        cosine, sine = x * cosine - y * sine, x * sine + y * cosine
        start *= 2 * m + 1
    return np.ascontiguousarray(out.T)
