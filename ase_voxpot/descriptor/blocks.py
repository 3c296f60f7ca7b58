"""The coefficients A and their derivatives for one block of atoms, in the layout of ``simd``.

Row r of a species holds the r-th neighbour of that species of every atom of the block.
Atoms with fewer neighbours are padded with a neighbour at the cutoff, where the radial functions
and their derivatives are zero.  Radial functions and harmonics of pairs are computed for
``ROWS`` rows at once; the sum over neighbours is then a matrix product of radial functions and
harmonics, separately for each species.

Buffers are reused from block to block; coefficients and adjoints (dE/dA) of a block are
[channel, harmonic, atom] with the radial function as the fastest part of the channel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ase_voxpot.compiled import part
from ase_voxpot.descriptor.rows import factors, gradient_rows, harmonic_rows, radial_rows, tangent_rows
from ase_voxpot.simd import LANES, aligned
from ase_voxpot.simd.elementary import exp
from ase_voxpot.simd.tiles import contract

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from ase_voxpot.descriptor import Expansion

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
"""Rows that are processed together, few enough for the L1 cache."""


class PairBuffers(NamedTuple):
    """Buffers of this module, and parameters of the coefficients."""

    cutoff: float
    narrowing: float  # in units of the cutoff
    degree: int
    factors: Float[np.ndarray, "l_and_m factor"]  # of the harmonics
    scratch: Float[np.ndarray, "l_and_m lane"]
    slot: Int[np.ndarray, "species row lane"]  # number of the pair, -1 for none
    rows: Int[np.ndarray, " species"]  # number of rows in use
    counts: Int[np.ndarray, "species lane"]
    x: Float[np.ndarray, "3 place"]  # offset over cutoff; a place is a row and a lane
    t: Float[np.ndarray, " place"]  # its square
    window: Float[np.ndarray, " place"]
    f: Float[np.ndarray, "shell place"]  # radial functions
    df: Float[np.ndarray, "shell place"]  # df/dt
    value: Float[np.ndarray, "harmonic place"]
    weight: Float[np.ndarray, "harmonic place"]  # Σ_q adjoint f_q
    dweight: Float[np.ndarray, "harmonic place"]  # Σ_q adjoint df_q/dt
    total: Float[np.ndarray, "3 place"]


def pair_buffers(expansion: Expansion, *, species: int, most: int, dtype: type[np.floating] | np.dtype) -> PairBuffers:
    """Buffers for blocks of atoms with ``most`` neighbours at most."""
    places, harmonics = ROWS * LANES, expansion.harmonics
    table = factors(expansion.degree).astype(dtype)
    return PairBuffers(
        expansion.cutoff,
        expansion.narrowing * expansion.cutoff**2,
        expansion.degree,
        table,
        aligned(len(table) + 1, LANES, dtype=dtype),  # one more: see ``rows``
        np.empty((species, most, LANES), np.int64),
        np.empty(species, np.int64),
        np.empty((species, LANES), np.int64),
        aligned(3, places, dtype=dtype),
        aligned(places, dtype=dtype),
        aligned(places, dtype=dtype),
        aligned(expansion.radial, places, dtype=dtype),
        aligned(expansion.radial, places, dtype=dtype),
        aligned(harmonics, places, dtype=dtype),
        aligned(harmonics, places, dtype=dtype),
        aligned(harmonics, places, dtype=dtype),
        aligned(3, places, dtype=dtype),
    )


@part(nogil=True)
def sort_pairs(atoms, first, channel, buffers):  # pragma: no cover - compiled
    """Sort the pairs around ``atoms`` (a block, or fewer at the end) into rows of equal species."""
    slot, counts = buffers.slot, buffers.counts
    _clear(counts)
    for place in range(len(atoms)):
        lane, i = np.uint64(place), np.uint64(atoms[place])  # unsigned: Numba omits the check for negative indices
        for p in range(np.uint64(first[i]), np.uint64(first[i + np.uint64(1)])):
            s = np.uint64(channel[p])
            row = counts[s, lane]
            slot[s, np.uint64(row), lane] = p
            counts[s, lane] = row + 1
    _pad_rows(slot, buffers.rows, counts)


@part(nogil=True)
def sort_neighbours(atoms, first, neighbour, species, buffers):  # pragma: no cover - compiled
    """As ``sort_pairs``, with the species of all atoms instead of those of the neighbours of pairs."""
    slot, counts = buffers.slot, buffers.counts
    _clear(counts)
    for place in range(len(atoms)):
        lane, i = np.uint64(place), np.uint64(atoms[place])
        for p in range(np.uint64(first[i]), np.uint64(first[i + np.uint64(1)])):
            s = np.uint64(species[np.uint64(neighbour[p])])
            row = counts[s, lane]
            slot[s, np.uint64(row), lane] = p
            counts[s, lane] = row + 1
    _pad_rows(slot, buffers.rows, counts)


@part(nogil=True)
def _clear(counts):  # pragma: no cover - compiled
    """Set everything to zero; Numba takes long to compile an assignment to a slice."""
    for s in range(len(counts)):
        for lane in range(LANES):
            counts[s, lane] = 0


@part(nogil=True)
def _pad_rows(slot, rows, counts):  # pragma: no cover - compiled
    """Pad all lanes to the largest number of rows."""
    for s in range(len(rows)):
        most = 0
        for lane in range(LANES):
            most = max(most, counts[s, lane])
        rows[s] = most
        for lane in range(np.uint64(LANES)):
            for row in range(np.uint64(counts[s, lane]), np.uint64(most)):
                slot[s, row, lane] = -1


@part(nogil=True, fastmath=True)
def _load(offset, s, begin, rows, buffers):  # pragma: no cover - compiled
    """Offsets of some rows of species ``s``, in units of the cutoff, and their radial functions."""
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
    radial_rows(rows, t, window, buffers.narrowing, len(buffers.f), buffers.f, buffers.df)


@part(nogil=True)
def _sum_over_rows(value, radial, rows, coefficients, start, add):  # pragma: no cover - compiled
    """Sum harmonics times radial functions over the rows of one species."""
    harmonics, shells, places = len(value), len(radial), radial.shape[1]
    stride = harmonics * LANES
    contract(
        harmonics,
        shells,
        rows,
        value,
        0,
        places,
        LANES,
        radial,
        0,
        places,
        LANES,
        coefficients,
        start,
        LANES,
        stride,
        add,
    )


@part(nogil=True)
def _contract_radial(adjoint, start, radial, rows, weight):  # pragma: no cover - compiled
    """Σ_q adjoint_qlm radial_q of every pair, for each harmonic lm."""
    harmonics, shells, places = len(weight), len(radial), radial.shape[1]
    step = harmonics * LANES
    contract(
        harmonics, rows, shells, adjoint, start, LANES, step, radial, 0, LANES, places, weight, 0, places, LANES, False
    )


@part(nogil=True)
def deposit_block(offset, buffers, coefficients):  # pragma: no cover - compiled
    """Write the coefficients of a block to ``coefficients``."""
    value, shells = buffers.value, len(buffers.f)
    for s in range(len(buffers.rows)):
        start = s * shells * len(value) * LANES
        if buffers.rows[s] == 0:
            coefficients[s * shells : (s + 1) * shells] = 0
        for begin in range(0, buffers.rows[s], ROWS):
            rows = min(ROWS, buffers.rows[s] - begin)
            _load(offset, s, begin, rows, buffers)
            harmonic_rows(rows, buffers.degree, buffers.factors, buffers.scratch, buffers.x, buffers.t, value)
            _sum_over_rows(value, buffers.f, rows, coefficients, start, begin > 0)


@part(nogil=True)
def gather_block(adjoint, offset, buffers, out):  # pragma: no cover - compiled
    """Write the derivative of ⟨adjoint, A⟩ with respect to the offsets to ``out`` [pair, 3]."""
    weight, dweight, total, unit = buffers.weight, buffers.dweight, buffers.total, 1 / buffers.cutoff
    for s in range(len(buffers.rows)):
        start = s * len(buffers.f) * len(weight) * LANES
        for begin in range(0, buffers.rows[s], ROWS):
            rows = min(ROWS, buffers.rows[s] - begin)
            _load(offset, s, begin, rows, buffers)
            _contract_radial(adjoint, start, buffers.f, rows, weight)
            _contract_radial(adjoint, start, buffers.df, rows, dweight)
            gradient_rows(
                rows, buffers.degree, buffers.factors, buffers.scratch, buffers.x, buffers.t, weight, dweight, total
            )
            for row in range(rows):
                for lane in range(LANES):
                    p, at = buffers.slot[s, begin + row, lane], row * LANES + lane
                    if p >= 0:
                        q = np.uint64(p)
                        out[q, 0], out[q, 1], out[q, 2] = unit * total[0, at], unit * total[1, at], unit * total[2, at]


@part(nogil=True, fastmath=True)
def _load_tangent(tangent, s, begin, rows, buffers):  # pragma: no cover - compiled
    """Write tangents to ``total``, and directional derivatives of the radial functions to ``df``."""
    slot, x, df, total, scale = buffers.slot, buffers.x, buffers.df, buffers.total, 1 / buffers.cutoff
    for row in range(rows):
        for lane in range(LANES):
            p, at = slot[s, begin + row, lane], row * LANES + lane
            for k in range(3):
                total[k, at] = tangent[p, k] * scale if p >= 0 else 0
    for q in range(len(df)):
        for at in range(rows * LANES):
            df[q, at] *= 2 * (total[0, at] * x[0, at] + total[1, at] * x[1, at] + total[2, at] * x[2, at])


@part(nogil=True)
def tangent_block(tangent, offset, buffers, coefficients):  # pragma: no cover - compiled
    """Write the directional derivative of the coefficients along ``tangent`` [pair, 3]."""
    value, dvalue, shells = buffers.value, buffers.weight, len(buffers.f)
    for s in range(len(buffers.rows)):
        start = s * shells * len(value) * LANES
        if buffers.rows[s] == 0:
            coefficients[s * shells : (s + 1) * shells] = 0
        for begin in range(0, buffers.rows[s], ROWS):
            rows = min(ROWS, buffers.rows[s] - begin)
            _load(offset, s, begin, rows, buffers)
            _load_tangent(tangent, s, begin, rows, buffers)
            tangent_rows(
                rows,
                buffers.degree,
                buffers.factors,
                buffers.scratch,
                buffers.x,
                buffers.t,
                buffers.total,
                value,
                dvalue,
            )
            _sum_over_rows(value, buffers.df, rows, coefficients, start, begin > 0)
            _sum_over_rows(dvalue, buffers.f, rows, coefficients, start, True)
