"""The folded sum in Numba: atoms in parallel, the pairs of an atom in the lanes of the processor.

An atom has some thirty neighbours.  Everything that belongs to a pair alone, its shells and
harmonics and their slopes, is worked out for all of them at once, in rows that run over
the pairs; no square root or angle is needed, as all of it is polynomial in d.  Then the
rows are turned, and each pair adds its outer product of harmonics and shells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit, prange

from ase_voxpot.folded.lanes import finish_slopes, finish_values, harmonic_rows, load_offsets, shell_rows
from ase_voxpot.harmonics import norms

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from ase_voxpot.folded import Fold

__all__ = ["deposit", "deposit_tangent", "gather"]


@njit(cache=True, parallel=True, fastmath=True)
def _deposit(offset, first, channel, cutoff, narrowing, degree, norm, shells, most, out):  # pragma: no cover - compiled
    harmonics, dtype = len(norm), out.dtype
    for i in prange(len(first) - 1):
        start, count = first[i], first[i + 1] - first[i]
        x, t = np.empty((3, most), dtype), np.empty(most, dtype)
        f, df = np.empty((shells, most), dtype), np.empty((shells, most), dtype)
        power, value = np.empty((2, degree + 1, most), dtype), np.empty((harmonics, most), dtype)
        y, seen = np.empty(harmonics, dtype), np.zeros((harmonics, out.shape[2]), dtype)
        g = np.empty(shells, dtype)
        load_offsets(offset, start, count, cutoff, x, t)
        shell_rows(t, count, narrowing, f, df)
        harmonic_rows(x, t, count, degree, power, value)
        finish_values(count, degree, norm, power, value)
        for p in range(count):
            column = channel[start + p] * shells
            for q in range(shells):
                g[q] = f[q, p]
            for m in range(harmonics):
                y[m] = value[m, p]
            for m in range(harmonics):
                row = seen[m, column : column + shells]
                for q in range(shells):
                    row[q] += y[m] * g[q]
        for m in range(harmonics):
            out[m, i] = seen[m]


@njit(cache=True, fastmath=True)
def _see(mine, f, df, channel, start, count, seen, steep):  # pragma: no cover - compiled
    """The field of one atom [channel, harmonic] under the shells of each pair, [harmonic, pair], and their slopes."""
    shells, harmonics = len(f), mine.shape[1]
    level, fall = np.empty(harmonics, mine.dtype), np.empty(harmonics, mine.dtype)
    for p in range(count):
        level[:] = 0
        fall[:] = 0
        for q in range(shells):
            row, height, slope = mine[channel[start + p] * shells + q], f[q, p], df[q, p]
            for m in range(harmonics):
                level[m] += height * row[m]
                fall[m] += slope * row[m]
        for m in range(harmonics):
            seen[m, p], steep[m, p] = level[m], fall[m]


@njit(cache=True, parallel=True, fastmath=True)
def _gather(  # pragma: no cover - compiled
    field, offset, first, channel, cutoff, narrowing, degree, norm, shells, most, out
):
    harmonics, dtype = len(norm), field.dtype
    two, unit = dtype.type(2), dtype.type(1 / cutoff)
    for i in prange(len(first) - 1):
        start, count = first[i], first[i + 1] - first[i]
        x, t = np.empty((3, most), dtype), np.empty(most, dtype)
        f, df = np.empty((shells, most), dtype), np.empty((shells, most), dtype)
        power, value = np.empty((2, degree + 1, most), dtype), np.empty((harmonics, most), dtype)
        slope = np.empty((3, harmonics, most), dtype)
        mine = np.empty((field.shape[2], harmonics), dtype)
        seen, steep = np.empty((harmonics, most), dtype), np.empty((harmonics, most), dtype)
        total = np.zeros((4, most), dtype)
        load_offsets(offset, start, count, cutoff, x, t)
        shell_rows(t, count, narrowing, f, df)
        harmonic_rows(x, t, count, degree, power, value)
        finish_slopes(x, count, degree, norm, power, value, slope)
        for m in range(harmonics):
            for c in range(field.shape[2]):
                mine[c, m] = field[m, i, c]
        _see(mine, f, df, channel, start, count, seen, steep)
        for m in range(harmonics):
            for p in range(count):
                total[0, p] += seen[m, p] * slope[0, m, p]
                total[1, p] += seen[m, p] * slope[1, m, p]
                total[2, p] += seen[m, p] * slope[2, m, p]
                total[3, p] += steep[m, p] * value[m, p]
        for p in range(count):
            for k in range(3):
                out[start + p, k] = unit * (total[k, p] + two * total[3, p] * x[k, p])


@njit(cache=True, parallel=True, fastmath=True)
def _deposit_tangent(  # pragma: no cover - compiled
    tangent, offset, first, channel, cutoff, narrowing, degree, norm, shells, most, out
):
    harmonics, dtype = len(norm), out.dtype
    two, unit = dtype.type(2), dtype.type(1 / cutoff)
    for i in prange(len(first) - 1):
        start, count = first[i], first[i + 1] - first[i]
        x, t = np.empty((3, most), dtype), np.empty(most, dtype)
        f, df = np.empty((shells, most), dtype), np.empty((shells, most), dtype)
        power, value = np.empty((2, degree + 1, most), dtype), np.empty((harmonics, most), dtype)
        slope = np.empty((3, harmonics, most), dtype)
        y, turn, seen = (
            np.empty(harmonics, dtype),
            np.empty(harmonics, dtype),
            np.zeros((harmonics, out.shape[2]), dtype),
        )
        g, dg = np.empty(shells, dtype), np.empty(shells, dtype)
        load_offsets(offset, start, count, cutoff, x, t)
        shell_rows(t, count, narrowing, f, df)
        harmonic_rows(x, t, count, degree, power, value)
        finish_slopes(x, count, degree, norm, power, value, slope)
        for p in range(count):
            column = channel[start + p] * shells
            tx, ty, tz = unit * tangent[start + p, 0], unit * tangent[start + p, 1], unit * tangent[start + p, 2]
            along = two * (tx * x[0, p] + ty * x[1, p] + tz * x[2, p])
            for q in range(shells):
                g[q], dg[q] = f[q, p], along * df[q, p]
            for m in range(harmonics):
                y[m] = value[m, p]
                turn[m] = tx * slope[0, m, p] + ty * slope[1, m, p] + tz * slope[2, m, p]
            for m in range(harmonics):
                row = seen[m, column : column + shells]
                for q in range(shells):
                    row[q] += y[m] * dg[q] + turn[m] * g[q]
        for m in range(harmonics):
            out[m, i] = seen[m]


def _arguments(
    fold: Fold, first: Int[np.ndarray, " atom_plus_1"]
) -> tuple[float, float, int, Float[np.ndarray, " harmonic"], int, int]:
    """What the kernels want to know; the narrowing in units of the cutoff, and the most pairs of an atom."""
    most = int(np.diff(first).max(initial=1))
    return fold.cutoff, fold.narrowing * fold.cutoff**2, fold.degree, norms(fold.degree), fold.shells, most


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
        offset: vectors d_ij in Å, float64.
        first: the pairs of atom i are ``first[i]:first[i + 1]``.
        channel: species number of the neighbour.
        species: how many species there are.
        fold: cutoff, narrowing, shells and degree.
        dtype: precision of the sums.
    """
    out = np.empty((fold.harmonics, len(first) - 1, species * fold.shells), dtype)
    _deposit(offset, first, channel, *_arguments(fold, first), out)
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
    _gather(field, offset, first, channel, *_arguments(fold, first), out)
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
    _deposit_tangent(tangent, offset, first, channel, *_arguments(fold, first), out)
    return out
