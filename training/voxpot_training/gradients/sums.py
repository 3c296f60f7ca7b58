"""Derivatives by the weights: sums of products over the atoms of a batch.

Every matrix W of y = W x has Σ (ẋ ⊗ g + x ⊗ ġ), with g = dE/dy and dots for directional derivatives.  The entries are
divided into strips of rows, each of which one thread sums over all blocks in order, so that
results do not depend on the number of threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ase_voxpot.compiled import njit, part
from ase_voxpot.simd import LANES
from ase_voxpot.simd.tiles import correlate

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from ase_voxpot.engines.cpu.passes import Weights

__all__ = ["Sums", "strips", "sum_strips", "zero_sums"]

TOGETHER = 8
"""Blocks that are summed before the next strip of columns, few enough for the L2 cache."""
STRIP = 8
"""Rows of a strip."""
POWER, FIELDS, DENSE, LAST = range(4)


class Sums(NamedTuple):
    """Derivatives of the loss by the weights, in the layouts of the network's arrays."""

    power: Float[np.ndarray, "degree channel k"]  # by whiten @ pairs
    fields: Float[np.ndarray, "degree channel k"]  # by whiten @ fields
    dense: Float[np.ndarray, " entry"]  # hidden layers: layer by layer, and in each species by species
    bias: Float[np.ndarray, "species hidden"]
    last: Float[np.ndarray, "species width"]


def zero_sums(weights: Weights, *, channels: int, inputs: int, products: int) -> Sums:
    """Arrays for the derivatives by ``weights``."""
    dtype, species = weights.mean.dtype, len(weights.isolated)
    return Sums(
        np.zeros((weights.degree + 1, inputs, channels), dtype),
        np.zeros((int(np.sqrt(len(weights.place))) if products else 0, inputs, products), dtype),
        np.zeros(len(weights.dense), dtype),
        np.zeros(weights.bias.shape, dtype),
        np.zeros((species, weights.last.shape[1]), dtype),
    )


def strips(weights: Weights, *, inputs: int, products: int) -> Int[np.ndarray, "strip 4"]:
    """What is summed at a time: kind of matrix, its number, first row and number of rows; the longest first."""
    found: list[tuple[int, int, int, int]] = []

    def add(kind: int, number: int, rows: int) -> None:
        found.extend((kind, number, row, min(STRIP, rows - row)) for row in range(0, rows, STRIP))

    species = len(weights.isolated)
    for l in range(weights.degree, -1, -1):
        add(POWER, l, inputs)
    for layer, width in enumerate(weights.widths[:-1]):
        for kind in range(species):
            add(DENSE, layer * species + kind, int(width))
    if products:
        for l in range(int(np.sqrt(len(weights.place))) - 1, -1, -1):
            add(FIELDS, l, inputs)
    found.extend((LAST, kind, 0, 1) for kind in range(species))
    return np.array(found, dtype=np.int64)


@part(nogil=True)
def _mixtures(l, at, row, rows, a, da, g, dg, out):  # pragma: no cover - compiled
    """Rows of the matrix of degree l; ``at`` is its first harmonic in g."""
    harmonics, width = a.shape[2], g.shape[2]
    channels, inner, block = width // LANES, harmonics * LANES, a.shape[1] * harmonics * LANES
    target = (l * a.shape[1] + row) * channels
    for start in range(0, len(a), TOGETHER):
        count = min(TOGETHER, len(a) - start)
        x0 = start * block + row * inner + l * l * LANES
        y0 = (start * g.shape[1] + at) * width
        for term in range(2):
            x, y = (a, dg) if term == 0 else (da, g)
            correlate(
                rows,
                channels,
                count,
                2 * l + 1,
                x,
                x0,
                inner,
                LANES,
                block,
                y,
                y0,
                LANES,
                width,
                g.shape[1] * width,
                out,
                target,
                channels,
                1,
            )


@part(nogil=True)
def _layer(number, row, rows, widths, ends, species, state, out):  # pragma: no cover - compiled
    """Rows of the matrix of a hidden layer of one species."""
    layer, kind = number // species, number % species
    size, start, matrix = state.h.shape[1], 0, 0
    for before in range(layer):
        start += widths[before]
        matrix += species * widths[before] * widths[before + 1]
    inner, columns = widths[layer], widths[layer + 1]
    target = matrix + (kind * inner + row) * columns
    for begin in range(ends[kind], ends[kind + 1], TOGETHER):
        count = min(TOGETHER, ends[kind + 1] - begin)
        x0, y0 = begin * size + (start + row) * LANES, begin * size + (start + inner) * LANES
        for term in range(2):
            x, y = (state.h, state.dg) if term == 0 else (state.dh, state.g)
            correlate(rows, columns, count, 1, x, x0, LANES, 0, size, y, y0, LANES, 0, size, out, target, columns, 1)


@part(nogil=True, fastmath=True)
def _rest(kind, widths, ends, state, sums):  # pragma: no cover - compiled
    """Biases and last layer of one species."""
    width = sums.last.shape[1]
    rows = state.h.shape[1] // LANES
    for b in range(ends[kind], ends[kind + 1]):
        h, dh, dg, c = state.h[b], state.dh[b], state.dg[b], state.c[b]
        for r in range(sums.bias.shape[1]):
            for lane in range(LANES):
                sums.bias[kind, r] += dg[(widths[0] + r) * LANES + lane]
        for r in range(width):
            for lane in range(LANES):
                i = (rows - width + r) * LANES + lane
                sums.last[kind, r] += c[lane] * h[i] + dh[i]


@njit(nogil=True)
def sum_strips(begin, end, table, blocks, weights, state, sums):  # pragma: no cover - compiled
    """Add strips ``begin`` to ``end`` of ``table`` to ``sums``."""
    ends, widths, species = blocks.ends, weights.widths, len(weights.isolated)
    for s in range(begin, end):
        kind, number, row, rows = table[s, 0], table[s, 1], table[s, 2], table[s, 3]
        if kind == POWER:
            _mixtures(number, number * number, row, rows, state.a, state.da, state.gu, state.dgu, sums.power)
        elif kind == FIELDS:
            at = weights.place[number * number]
            _mixtures(number, at, row, rows, state.a, state.da, state.gm, state.dgm, sums.fields)
        elif kind == DENSE:
            _layer(number, row, rows, widths, ends, species, state, sums.dense)
        else:
            _rest(number, widths, ends, state, sums)
