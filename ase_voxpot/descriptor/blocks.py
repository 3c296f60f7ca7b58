"""The folded sum and its derivatives for one block of atoms, in the layout of ``simd``.

Row r of a species holds the r-th neighbour of that species of every atom of the block.
Where an atom has fewer than the others, the row has a neighbour at the cutoff, whose weight
and slope are zero.  What belongs to a pair alone, shells and harmonics, is computed for
``ROWS`` rows at once; the sum over neighbours is then a product of rows of shells and rows
of harmonics, and the species need not be looked at any more.

Buffers are made once and serve block after block; coefficients and fields of a block are
[channel, harmonic, atom] with the shell as the fastest part of the channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ase_voxpot.compiled import njit
from ase_voxpot.descriptor.rows import factors, harmonic_rows, pull_rows, shell_rows, turn_rows
from ase_voxpot.simd import LANES, aligned
from ase_voxpot.simd.elementary import exp
from ase_voxpot.simd.tiles import contract

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from ase_voxpot.descriptor import Fold

__all__ = [
    "PairBuffers",
    "deposit_block",
    "gather_block",
    "pair_buffers",
    "sort_neighbours",
    "sort_pairs",
    "tangent_block",
]

ROWS = 8
"""Rows that are worked on together: so few that they stay in the nearest cache."""


class PairBuffers(NamedTuple):
    """What the functions of this module work in, and the numbers of the fold."""

    cutoff: float
    narrowing: float  # in units of the cutoff
    degree: int
    factors: Float[np.ndarray, "l_and_m factor"]  # of the harmonics
    scratch: Float[np.ndarray, "l_and_m lane"]
    slot: Int[np.ndarray, "species row lane"]  # number of the pair, -1 for none
    rows: Int[np.ndarray, " species"]  # how many rows are in use
    counts: Int[np.ndarray, "species lane"]
    x: Float[np.ndarray, "3 place"]  # offset over cutoff; a place is a row and a lane
    t: Float[np.ndarray, " place"]  # its square
    window: Float[np.ndarray, " place"]
    f: Float[np.ndarray, "shell place"]
    df: Float[np.ndarray, "shell place"]
    value: Float[np.ndarray, "harmonic place"]
    level: Float[np.ndarray, "harmonic place"]
    steep: Float[np.ndarray, "harmonic place"]
    total: Float[np.ndarray, "3 place"]


def pair_buffers(fold: Fold, *, species: int, most: int, dtype: type[np.floating] | np.dtype) -> PairBuffers:
    """Buffers for blocks of atoms with ``most`` neighbours at most."""
    places, harmonics = ROWS * LANES, fold.harmonics
    table = factors(fold.degree).astype(dtype)
    return PairBuffers(
        fold.cutoff,
        fold.narrowing * fold.cutoff**2,
        fold.degree,
        table,
        aligned(len(table) + 1, LANES, dtype=dtype),  # one more: see ``rows``
        np.empty((species, most, LANES), np.int64),
        np.empty(species, np.int64),
        np.empty((species, LANES), np.int64),
        aligned(3, places, dtype=dtype),
        aligned(places, dtype=dtype),
        aligned(places, dtype=dtype),
        aligned(fold.shells, places, dtype=dtype),
        aligned(fold.shells, places, dtype=dtype),
        aligned(harmonics, places, dtype=dtype),
        aligned(harmonics, places, dtype=dtype),
        aligned(harmonics, places, dtype=dtype),
        aligned(3, places, dtype=dtype),
    )


@njit(nogil=True)
def sort_pairs(atoms, first, channel, buffers):  # pragma: no cover - compiled
    """Sort the pairs around ``atoms`` (a block, or fewer at the end) into rows of equal species."""
    slot, counts = buffers.slot, buffers.counts
    counts[:] = 0
    for place in range(len(atoms)):
        lane, i = np.uint64(place), np.uint64(atoms[place])  # unsigned: others may count from the end, for Numba
        for p in range(np.uint64(first[i]), np.uint64(first[i + np.uint64(1)])):
            s = np.uint64(channel[p])
            row = counts[s, lane]
            slot[s, np.uint64(row), lane] = p
            counts[s, lane] = row + 1
    _fill_up(buffers)


@njit(nogil=True)
def sort_neighbours(atoms, first, neighbour, species, buffers):  # pragma: no cover - compiled
    """The same with the species as they are now, of all atoms, instead of that of every neighbour."""
    slot, counts = buffers.slot, buffers.counts
    counts[:] = 0
    for place in range(len(atoms)):
        lane, i = np.uint64(place), np.uint64(atoms[place])
        for p in range(np.uint64(first[i]), np.uint64(first[i + np.uint64(1)])):
            s = np.uint64(species[np.uint64(neighbour[p])])
            row = counts[s, lane]
            slot[s, np.uint64(row), lane] = p
            counts[s, lane] = row + 1
    _fill_up(buffers)


@njit(nogil=True)
def _fill_up(buffers):  # pragma: no cover - compiled
    """Let every lane have as many rows as the one with most."""
    slot, rows, counts = buffers.slot, buffers.rows, buffers.counts
    for s in range(len(rows)):
        most = 0
        for lane in range(LANES):
            most = max(most, counts[s, lane])
        rows[s] = most
        for lane in range(np.uint64(LANES)):
            for row in range(np.uint64(counts[s, lane]), np.uint64(most)):
                slot[s, row, lane] = -1


@njit(nogil=True, fastmath=True)
def _load(offset, s, begin, rows, buffers):  # pragma: no cover - compiled
    """Offsets of some rows of species ``s``, in units of the cutoff, and their shells."""
    slot, x, t, scale = buffers.slot, buffers.x, buffers.t, 1 / buffers.cutoff
    for row in range(rows):
        for lane in range(LANES):
            p, at = slot[s, begin + row, lane], row * LANES + lane
            if p < 0:
                x[0, at], x[1, at], x[2, at], t[at] = 1, 0, 0, 1
            else:
                q = np.uint64(p)
                a, b, c = offset[q, 0] * scale, offset[q, 1] * scale, offset[q, 2] * scale
                x[0, at], x[1, at], x[2, at], t[at] = a, b, c, a * a + b * b + c * c
    window, rate = buffers.window, t.dtype.type(-0.5 * buffers.narrowing)
    for at in range(rows * LANES):
        window[at] = 1
    if rate != 0:
        for at in range(rows * LANES):
            window[at] = exp(rate * t[at])
    shell_rows(rows, t, window, buffers.narrowing, len(buffers.f), buffers.f, buffers.df)


@njit(nogil=True)
def _add_rows(angle, shape, rows, seen, corner, add):  # pragma: no cover - compiled
    """Sum harmonics times shells over the rows of one species."""
    harmonics, shells, places = len(angle), len(shape), shape.shape[1]
    stride = harmonics * LANES
    contract(
        harmonics, shells, rows, angle, 0, places, LANES, shape, 0, places, LANES, seen, corner, LANES, stride, add
    )


@njit(nogil=True)
def _look(field, corner, shape, rows, level):  # pragma: no cover - compiled
    """The field under the shells of every pair: a sum over shells, for each harmonic."""
    harmonics, shells, places = len(level), len(shape), shape.shape[1]
    step = harmonics * LANES
    contract(
        harmonics, rows, shells, field, corner, LANES, step, shape, 0, LANES, places, level, 0, places, LANES, False
    )


@njit(nogil=True)
def deposit_block(offset, buffers, seen):  # pragma: no cover - compiled
    """Write the coefficients of a block to ``seen``."""
    value, shells = buffers.value, len(buffers.f)
    for s in range(len(buffers.rows)):
        corner = s * shells * len(value) * LANES
        if buffers.rows[s] == 0:
            seen[s * shells : (s + 1) * shells] = 0
        for begin in range(0, buffers.rows[s], ROWS):
            rows = min(ROWS, buffers.rows[s] - begin)
            _load(offset, s, begin, rows, buffers)
            harmonic_rows(rows, buffers.degree, buffers.factors, buffers.scratch, buffers.x, buffers.t, value)
            _add_rows(value, buffers.f, rows, seen, corner, begin > 0)


@njit(nogil=True)
def gather_block(field, offset, buffers, out):  # pragma: no cover - compiled
    """Write the derivative of ⟨field, coefficients⟩ by the offsets to ``out`` [pair, 3]."""
    level, steep, total, unit = buffers.level, buffers.steep, buffers.total, 1 / buffers.cutoff
    for s in range(len(buffers.rows)):
        corner = s * len(buffers.f) * len(level) * LANES
        for begin in range(0, buffers.rows[s], ROWS):
            rows = min(ROWS, buffers.rows[s] - begin)
            _load(offset, s, begin, rows, buffers)
            _look(field, corner, buffers.f, rows, level)
            _look(field, corner, buffers.df, rows, steep)
            pull_rows(rows, buffers.degree, buffers.factors, buffers.scratch, buffers.x, buffers.t, level, steep, total)
            for row in range(rows):
                for lane in range(LANES):
                    p, at = buffers.slot[s, begin + row, lane], row * LANES + lane
                    if p >= 0:
                        q = np.uint64(p)
                        out[q, 0], out[q, 1], out[q, 2] = unit * total[0, at], unit * total[1, at], unit * total[2, at]


@njit(nogil=True, fastmath=True)
def _load_tangent(tangent, s, begin, rows, buffers):  # pragma: no cover - compiled
    """Tangents to ``total``, and the change of the shells along them in place of their slopes."""
    slot, x, df, total, scale = buffers.slot, buffers.x, buffers.df, buffers.total, 1 / buffers.cutoff
    for row in range(rows):
        for lane in range(LANES):
            p, at = slot[s, begin + row, lane], row * LANES + lane
            for k in range(3):
                total[k, at] = tangent[p, k] * scale if p >= 0 else 0
    for q in range(len(df)):
        for at in range(rows * LANES):
            df[q, at] *= 2 * (total[0, at] * x[0, at] + total[1, at] * x[1, at] + total[2, at] * x[2, at])


@njit(nogil=True)
def tangent_block(tangent, offset, buffers, seen):  # pragma: no cover - compiled
    """Write the change of the coefficients when every neighbour moves along ``tangent`` [pair, 3]."""
    value, turn, shells = buffers.value, buffers.level, len(buffers.f)
    for s in range(len(buffers.rows)):
        corner = s * shells * len(value) * LANES
        if buffers.rows[s] == 0:
            seen[s * shells : (s + 1) * shells] = 0
        for begin in range(0, buffers.rows[s], ROWS):
            rows = min(ROWS, buffers.rows[s] - begin)
            _load(offset, s, begin, rows, buffers)
            _load_tangent(tangent, s, begin, rows, buffers)
            turn_rows(
                rows, buffers.degree, buffers.factors, buffers.scratch, buffers.x, buffers.t, buffers.total, value, turn
            )
            _add_rows(value, buffers.df, rows, seen, corner, begin > 0)
            _add_rows(turn, buffers.f, rows, seen, corner, True)
