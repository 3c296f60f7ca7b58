"""The folded sum and its derivatives for one block of atoms, in the layout of ``lanes``.

Row r of a species holds the r-th neighbour of that species of every atom of the block.
Where an atom has fewer than the others, the row has a neighbour at the cutoff, whose weight
and slope are zero.  What belongs to a pair alone, shells and harmonics, is computed for
``ROWS`` rows at once; the sum over neighbours is then a product of rows of shells and rows
of harmonics, and the species need not be looked at any more.

A room is made once and serves block after block; coefficients and fields of a block are
[channel, harmonic, atom] with the shell as the fastest part of the channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from ase_voxpot.folded.rows import finish_slopes, finish_values, harmonic_rows, shell_rows
from ase_voxpot.harmonics import norms
from ase_voxpot.lanes import LANES, aligned
from ase_voxpot.lanes.tiles import contract

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from ase_voxpot.folded import Fold

__all__ = ["PairRoom", "deposit_block", "gather_block", "pair_room", "sort_pairs", "tangent_block"]

ROWS = 8
"""Rows that are worked on together: so few that they stay in the nearest cache."""


class PairRoom(NamedTuple):
    """What the functions of this module work in, and the numbers of the fold."""

    cutoff: float
    narrowing: float  # in units of the cutoff
    degree: int
    norm: Float[np.ndarray, " harmonic"]
    slot: Int[np.ndarray, "species row lane"]  # number of the pair, -1 for none
    rows: Int[np.ndarray, " species"]  # how many rows are in use
    counts: Int[np.ndarray, "species lane"]
    x: Float[np.ndarray, "3 place"]  # offset over cutoff; a place is a row and a lane
    t: Float[np.ndarray, " place"]
    f: Float[np.ndarray, "shell place"]
    df: Float[np.ndarray, "shell place"]
    power: Float[np.ndarray, "2 power place"]
    value: Float[np.ndarray, "harmonic place"]
    slope: Float[np.ndarray, "3 harmonic place"]
    level: Float[np.ndarray, "harmonic place"]
    steep: Float[np.ndarray, "harmonic place"]
    total: Float[np.ndarray, "4 place"]


def pair_room(fold: Fold, *, species: int, most: int, dtype: type[np.floating] | np.dtype) -> PairRoom:
    """Room for blocks of atoms with ``most`` neighbours at most."""
    places, harmonics = ROWS * LANES, fold.harmonics
    return PairRoom(
        fold.cutoff,
        fold.narrowing * fold.cutoff**2,
        fold.degree,
        norms(fold.degree),
        np.empty((species, most, LANES), np.int64),
        np.empty(species, np.int64),
        np.empty((species, LANES), np.int64),
        aligned(3, places, dtype=dtype),
        aligned(places, dtype=dtype),
        aligned(fold.shells, places, dtype=dtype),
        aligned(fold.shells, places, dtype=dtype),
        aligned(2, fold.degree + 1, places, dtype=dtype),
        aligned(harmonics, places, dtype=dtype),
        aligned(3, harmonics, places, dtype=dtype),
        aligned(harmonics, places, dtype=dtype),
        aligned(harmonics, places, dtype=dtype),
        aligned(4, places, dtype=dtype),
    )


@njit(cache=True, nogil=True)
def sort_pairs(atoms, first, channel, room):  # pragma: no cover - compiled
    """Sort the pairs around ``atoms`` (a block, or fewer at the end) into rows of equal species."""
    slot, rows, counts = room.slot, room.rows, room.counts
    counts[:] = 0
    for lane in range(len(atoms)):
        for p in range(first[atoms[lane]], first[atoms[lane] + 1]):
            s = channel[p]
            slot[s, counts[s, lane], lane] = p
            counts[s, lane] += 1
    for s in range(len(rows)):
        rows[s] = counts[s].max()
        for lane in range(LANES):
            for row in range(counts[s, lane], rows[s]):
                slot[s, row, lane] = -1


@njit(cache=True, nogil=True, fastmath=True)
def _load(offset, s, begin, count, room):  # pragma: no cover - compiled
    """Offsets of ``count`` rows of species ``s``, in units of the cutoff, and their squares."""
    slot, x, t, scale = room.slot, room.x, room.t, 1 / room.cutoff
    for row in range(count):
        for lane in range(LANES):
            p, at = slot[s, begin + row, lane], row * LANES + lane
            if p < 0:
                x[0, at], x[1, at], x[2, at], t[at] = 1, 0, 0, 1
            else:
                a, b, c = offset[p, 0] * scale, offset[p, 1] * scale, offset[p, 2] * scale
                x[0, at], x[1, at], x[2, at], t[at] = a, b, c, a * a + b * b + c * c


@njit(cache=True, nogil=True)
def deposit_block(offset, room, seen):  # pragma: no cover - compiled
    """Write the coefficients of a block to ``seen``."""
    f, value = room.f, room.value
    shells, harmonics, places = len(f), len(value), f.shape[1]
    for s in range(len(room.rows)):
        if room.rows[s] == 0:
            seen[s * shells : (s + 1) * shells] = 0
        for begin in range(0, room.rows[s], ROWS):
            rows = min(ROWS, room.rows[s] - begin)
            count = rows * LANES
            _load(offset, s, begin, rows, room)
            shell_rows(room.t, count, room.narrowing, f, room.df)
            harmonic_rows(room.x, room.t, count, room.degree, room.power, value)
            finish_values(count, room.degree, room.norm, room.power, value)
            corner = s * shells * harmonics * LANES
            contract(
                *(harmonics, shells, rows),
                *(value, 0, places, LANES),
                *(f, 0, places, LANES),
                *(seen, corner, LANES, harmonics * LANES),
                begin > 0,
            )


@njit(cache=True, nogil=True, fastmath=True)
def _slopes(offset, s, begin, rows, room):  # pragma: no cover - compiled
    """Shells and harmonics of some rows, and the slopes of both."""
    count = rows * LANES
    _load(offset, s, begin, rows, room)
    shell_rows(room.t, count, room.narrowing, room.f, room.df)
    harmonic_rows(room.x, room.t, count, room.degree, room.power, room.value)
    finish_slopes(room.x, count, room.degree, room.norm, room.power, room.value, room.slope)


@njit(cache=True, nogil=True, fastmath=True)
def _pull(count, room):  # pragma: no cover - compiled
    """Gradient of every pair from what the shells see of the field, and with their slopes."""
    value, slope, level, steep, total = room.value, room.slope, room.level, room.steep, room.total
    total[:, :count] = 0
    for m in range(len(value)):
        for at in range(count):
            total[0, at] += level[m, at] * slope[0, m, at]
            total[1, at] += level[m, at] * slope[1, m, at]
            total[2, at] += level[m, at] * slope[2, m, at]
            total[3, at] += steep[m, at] * value[m, at]


@njit(cache=True, nogil=True)
def gather_block(field, offset, room, out):  # pragma: no cover - compiled
    """Write the derivative of ⟨field, coefficients⟩ by the offsets to ``out`` [pair, 3]."""
    f, df, level, steep, total, x = room.f, room.df, room.level, room.steep, room.total, room.x
    shells, harmonics, places = len(f), len(level), f.shape[1]
    unit = 1 / room.cutoff
    for s in range(len(room.rows)):
        for begin in range(0, room.rows[s], ROWS):
            rows = min(ROWS, room.rows[s] - begin)
            _slopes(offset, s, begin, rows, room)
            corner = s * shells * harmonics * LANES
            contract(
                *(harmonics, rows, shells),
                *(field, corner, LANES, harmonics * LANES),
                *(f, 0, LANES, places),
                *(level, 0, places, LANES),
                False,
            )
            contract(
                *(harmonics, rows, shells),
                *(field, corner, LANES, harmonics * LANES),
                *(df, 0, LANES, places),
                *(steep, 0, places, LANES),
                False,
            )
            _pull(rows * LANES, room)
            for row in range(rows):
                for lane in range(LANES):
                    p, at = room.slot[s, begin + row, lane], row * LANES + lane
                    if p >= 0:
                        for k in range(3):
                            out[p, k] = unit * (total[k, at] + 2 * total[3, at] * x[k, at])


@njit(cache=True, nogil=True, fastmath=True)
def _turn(tangent, s, begin, rows, room):  # pragma: no cover - compiled
    """Change of the harmonics along ``tangent`` to ``level``, and that of the shells in place of their slopes."""
    slot, x, df, slope, level, total = room.slot, room.x, room.df, room.slope, room.level, room.total
    count, scale = rows * LANES, 1 / room.cutoff
    for row in range(rows):
        for lane in range(LANES):
            p, at = slot[s, begin + row, lane], row * LANES + lane
            for k in range(3):
                total[k, at] = tangent[p, k] * scale if p >= 0 else 0
    for at in range(count):
        total[3, at] = 2 * (total[0, at] * x[0, at] + total[1, at] * x[1, at] + total[2, at] * x[2, at])
    for q in range(len(df)):
        for at in range(count):
            df[q, at] *= total[3, at]
    for m in range(len(level)):
        for at in range(count):
            along = total[0, at] * slope[0, m, at] + total[1, at] * slope[1, m, at]
            level[m, at] = along + total[2, at] * slope[2, m, at]


@njit(cache=True, nogil=True)
def tangent_block(tangent, offset, room, seen):  # pragma: no cover - compiled
    """Write the change of the coefficients when every neighbour moves along ``tangent`` [pair, 3]."""
    f, df, value, level = room.f, room.df, room.value, room.level
    shells, harmonics, places = len(f), len(value), f.shape[1]
    for s in range(len(room.rows)):
        if room.rows[s] == 0:
            seen[s * shells : (s + 1) * shells] = 0
        for begin in range(0, room.rows[s], ROWS):
            rows = min(ROWS, room.rows[s] - begin)
            _slopes(offset, s, begin, rows, room)
            _turn(tangent, s, begin, rows, room)
            corner = s * shells * harmonics * LANES
            contract(
                *(harmonics, shells, rows),
                *(value, 0, places, LANES),
                *(df, 0, places, LANES),
                *(seen, corner, LANES, harmonics * LANES),
                begin > 0,
            )
            contract(
                *(harmonics, shells, rows),
                *(level, 0, places, LANES),
                *(f, 0, places, LANES),
                *(seen, corner, LANES, harmonics * LANES),
                True,
            )
