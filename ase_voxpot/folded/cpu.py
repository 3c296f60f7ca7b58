"""The folded sum in Numba: atoms in parallel, pairs in order, no temporaries.

The geometry of a pair is worked out in float64, the sums in the precision of the
coefficients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit, prange

from ase_voxpot.harmonics import norms, solid_harmonics_into

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from ase_voxpot.folded import Fold

__all__ = ["deposit", "deposit_tangent", "gather"]


@njit(cache=True, fastmath=True, error_model="numpy")
def _shells_into(r, cutoff, narrowing, value, slope):  # pragma: no cover - compiled
    """Write f_q(r) exp(-narrowing r²/2), and its derivative divided by r, by the recursion of cosines."""
    inside = max(1 - (r / cutoff) ** 2, 0.0)
    decay = inside * inside * np.exp(-narrowing * r * r / 2)
    height = inside * decay
    fall = -6 * decay / (cutoff * cutoff) - narrowing * height
    phase = np.pi / cutoff
    c1, s1 = np.cos(phase * r), np.sin(phase * r)
    c, s = 1.0, 0.0
    for q in range(len(value)):
        value[q] = height * c
        slope[q] = fall * c - height * phase * q * s / r
        c, s = c * c1 - s * s1, s * c1 + c * s1


@njit(cache=True, fastmath=True, error_model="numpy")
def _pair_into(d, cutoff, narrowing, degree, norm, power, f, df, y, dy):  # pragma: no cover - compiled
    """The two factors of one pair: shells f [shell], harmonics y [harmonic], and their slopes.

    ``df`` is f' / r, to be multiplied by d; ``dy`` [3, harmonic] is the gradient by d.
    """
    r = np.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])
    _shells_into(r, cutoff, narrowing, f, df)
    solid_harmonics_into(d[0] / cutoff, d[1] / cutoff, d[2] / cutoff, degree, norm, power, y, dy)
    for k in range(3):
        for m in range(len(y)):
            dy[k, m] /= cutoff


@njit(cache=True, parallel=True, fastmath=True)
def _deposit(offset, first, channel, cutoff, narrowing, degree, norm, shells, out):  # pragma: no cover - compiled
    harmonics = len(norm)
    for i in prange(len(first) - 1):
        power = np.empty((2, degree + 1))
        f, df = np.empty(shells, out.dtype), np.empty(shells, out.dtype)
        y, dy = np.empty(harmonics, out.dtype), np.empty((3, harmonics), out.dtype)
        seen = np.zeros((harmonics, out.shape[2]), out.dtype)
        for p in range(first[i], first[i + 1]):
            _pair_into(offset[p], cutoff, narrowing, degree, norm, power, f, df, y, dy)
            start = channel[p] * shells
            for m in range(harmonics):
                for q in range(shells):
                    seen[m, start + q] += y[m] * f[q]
        for m in range(harmonics):
            out[m, i] = seen[m]


@njit(cache=True, parallel=True, fastmath=True)
def _gather(field, offset, first, channel, cutoff, narrowing, degree, norm, shells, out):  # pragma: no cover - compiled
    harmonics = len(norm)
    for i in prange(len(first) - 1):
        power = np.empty((2, degree + 1))
        f, df = np.empty(shells, field.dtype), np.empty(shells, field.dtype)
        y, dy = np.empty(harmonics, field.dtype), np.empty((3, harmonics), field.dtype)
        zero = field.dtype.type(0)
        mine = np.empty((harmonics, field.shape[2]), field.dtype)
        for m in range(harmonics):
            mine[m] = field[m, i]
        for p in range(first[i], first[i + 1]):
            _pair_into(offset[p], cutoff, narrowing, degree, norm, power, f, df, y, dy)
            start = channel[p] * shells
            radial, gx, gy, gz = zero, zero, zero, zero
            for m in range(harmonics):
                seen, steep = zero, zero
                for q in range(shells):
                    seen += mine[m, start + q] * f[q]
                    steep += mine[m, start + q] * df[q]
                radial += steep * y[m]
                gx += seen * dy[0, m]
                gy += seen * dy[1, m]
                gz += seen * dy[2, m]
            out[p, 0] = gx + radial * offset[p, 0]
            out[p, 1] = gy + radial * offset[p, 1]
            out[p, 2] = gz + radial * offset[p, 2]


@njit(cache=True, parallel=True, fastmath=True)
def _deposit_tangent(  # pragma: no cover - compiled
    tangent, offset, first, channel, cutoff, narrowing, degree, norm, shells, out
):
    harmonics = len(norm)
    for i in prange(len(first) - 1):
        power = np.empty((2, degree + 1))
        f, df = np.empty(shells, out.dtype), np.empty(shells, out.dtype)
        y, dy = np.empty(harmonics, out.dtype), np.empty((3, harmonics), out.dtype)
        seen = np.zeros((harmonics, out.shape[2]), out.dtype)
        for p in range(first[i], first[i + 1]):
            _pair_into(offset[p], cutoff, narrowing, degree, norm, power, f, df, y, dy)
            start = channel[p] * shells
            tx, ty, tz = tangent[p, 0], tangent[p, 1], tangent[p, 2]
            along = tx * offset[p, 0] + ty * offset[p, 1] + tz * offset[p, 2]
            for q in range(shells):
                df[q] *= along
            for m in range(harmonics):
                turn = tx * dy[0, m] + ty * dy[1, m] + tz * dy[2, m]
                for q in range(shells):
                    seen[m, start + q] += y[m] * df[q] + turn * f[q]
        for m in range(harmonics):
            out[m, i] = seen[m]


def _arguments(fold: Fold) -> tuple[float, float, int, Float[np.ndarray, " harmonic"], int]:
    return fold.cutoff, fold.narrowing, fold.degree, norms(fold.degree), fold.shells


def deposit(
    offset: Float[np.ndarray, "pair 3"],
    first: Int[np.ndarray, " atom_plus_1"],
    channel: Int[np.ndarray, " pair"],
    *,
    species: int,
    fold: Fold,
    dtype: type[np.floating] | np.dtype = np.float64,
) -> Float[np.ndarray, "harmonic atom channel"]:
    """Coefficients A of every atom: all that a steerable network sees.

    Args:
        offset: vectors d_ij in Å, float64; the geometry is always worked out in it.
        first: the pairs of atom i are ``first[i]:first[i + 1]``.
        channel: species number of the neighbour.
        species: how many species there are.
        fold: cutoff, narrowing, shells and degree.
        dtype: precision of the sums.
    """
    out = np.empty((fold.harmonics, len(first) - 1, species * fold.shells), dtype)
    _deposit(offset, first, channel, *_arguments(fold), out)
    return out


def gather(
    field: Float[np.ndarray, "harmonic atom channel"],
    offset: Float[np.ndarray, "pair 3"],
    first: Int[np.ndarray, " atom_plus_1"],
    channel: Int[np.ndarray, " pair"],
    *,
    fold: Fold,
) -> Float[np.ndarray, "pair 3"]:
    """Derivative of ⟨field, A⟩ by every offset, in the units of ``field`` per Å."""
    out = np.empty((len(offset), 3), field.dtype)
    _gather(field, offset, first, channel, *_arguments(fold), out)
    return out


def deposit_tangent(
    tangent: Float[np.ndarray, "pair 3"],
    offset: Float[np.ndarray, "pair 3"],
    first: Int[np.ndarray, " atom_plus_1"],
    channel: Int[np.ndarray, " pair"],
    *,
    species: int,
    fold: Fold,
) -> Float[np.ndarray, "harmonic atom channel"]:
    """Change of A when every neighbour moves along its ``tangent``."""
    out = np.empty((fold.harmonics, len(first) - 1, species * fold.shells), tangent.dtype)
    _deposit_tangent(tangent, offset, first, channel, *_arguments(fold), out)
    return out
