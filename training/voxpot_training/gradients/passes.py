"""Two passes over a block of atoms of one species: energies and slopes, then directional derivatives of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ase_voxpot.compiled import njit, part
from ase_voxpot.descriptor.blocks import deposit_block, gather_block, sort_pairs, tangent_block
from ase_voxpot.engines.cpu.blocks import (
    power_spectrum_adjoint_block,
    power_spectrum_block,
    products_adjoint_block,
    products_block,
)
from ase_voxpot.engines.cpu.passes import from_sphere, mix, mix_back, to_sphere
from ase_voxpot.simd import LANES
from ase_voxpot.simd.tiles import multiply
from voxpot_training.gradients.blocks import (
    asinh_bend_block,
    power_spectrum_second_block,
    power_spectrum_tangent_block,
    products_second_block,
    products_tangent_block,
    silu_bend_block,
)

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__ = ["Blocks", "Scratch", "State", "first_pass", "second_pass"]


class Blocks(NamedTuple):
    """Atoms of a batch in blocks of one species, those of a species one after the other."""

    atoms: Int[np.ndarray, "block lane"]  # the last ones of a species may be fewer
    counts: Int[np.ndarray, " block"]
    species: Int[np.ndarray, " block"]
    ends: Int[np.ndarray, " species_plus_1"]  # blocks of species k are ends[k]:ends[k + 1]


class State(NamedTuple):
    """What both passes leave for the sums over atoms; tangents are directional derivatives.

    ``row`` counts invariants, then the units of every hidden layer.
    """

    a: Float[np.ndarray, "block channel harmonic lane"]  # coefficients
    da: Float[np.ndarray, "block channel harmonic lane"]  # their tangents
    u: Float[np.ndarray, "block harmonic k_and_lane"]
    gu: Float[np.ndarray, "block harmonic k_and_lane"]  # dE/du
    dgu: Float[np.ndarray, "block harmonic k_and_lane"]
    f: Float[np.ndarray, "block point parity k_and_lane"]
    gm: Float[np.ndarray, "block harmonic k_and_lane"]  # dE/d(mixed)
    dgm: Float[np.ndarray, "block harmonic k_and_lane"]
    h: Float[np.ndarray, "block row_and_lane"]  # activations
    dh: Float[np.ndarray, "block row_and_lane"]
    g: Float[np.ndarray, "block row_and_lane"]  # dE/d(pre-activation)
    dg: Float[np.ndarray, "block row_and_lane"]
    slope: Float[np.ndarray, "block row_and_lane"]  # first derivative of the activation
    bend: Float[np.ndarray, "block row_and_lane"]  # second derivative times dE/dh, then times the tangent, too
    c: Float[np.ndarray, "block lane"]  # factors of the energies


class Scratch(NamedTuple):
    """Arrays of one thread."""

    adjoint: Float[np.ndarray, "channel harmonic lane"]
    u: Float[np.ndarray, "harmonic k_and_lane"]
    mixed: Float[np.ndarray, "harmonic k_and_lane"]
    f: Float[np.ndarray, "point parity k_and_lane"]
    gf: Float[np.ndarray, "point parity k_and_lane"]
    order: Int[np.ndarray, " harmonic"]  # 0, 1, 2 …: every harmonic in its place


@part(nogil=True, fastmath=True)
def _layers_forward(kind, weights, h, slope, bend):  # pragma: no cover - compiled
    """Hidden layers of one species; returns the first row of the last one."""
    widths = weights.widths
    start, matrix, bias, species = 0, 0, 0, len(weights.isolated)
    for layer in range(len(widths) - 1):
        inner, rows = widths[layer], widths[layer + 1]
        here, there = start * LANES, (start + inner) * LANES
        for r in range(rows):
            for lane in range(LANES):
                h[there + r * LANES + lane] = weights.bias[kind, bias + r]
        multiply(weights.dense, matrix + kind * inner * rows, rows, inner, h, here, LANES, h, there, LANES, bool(1))
        end = there + rows * LANES
        silu_bend_block(h[there:end], slope[there:end], bend[there:end])
        start, bias, matrix = start + inner, bias + rows, matrix + species * inner * rows
    return start


@part(nogil=True, fastmath=True)
def _layers_tangent(kind, weights, dh, slope, bend):  # pragma: no cover - compiled
    """From tangents of the invariants to those of all activations; ``bend`` is multiplied by the tangents."""
    widths = weights.widths
    start, matrix, species = 0, 0, len(weights.isolated)
    for i in range(widths[0] * LANES):
        bend[i] *= dh[i]
        dh[i] *= slope[i]
    for layer in range(len(widths) - 1):
        inner, rows = widths[layer], widths[layer + 1]
        here, there = start * LANES, (start + inner) * LANES
        multiply(weights.dense, matrix + kind * inner * rows, rows, inner, dh, here, LANES, dh, there, LANES, bool(0))
        for i in range(there, there + rows * LANES):
            bend[i] *= dh[i]
            dh[i] *= slope[i]
        start, matrix = start + inner, matrix + species * inner * rows


@part(nogil=True, fastmath=True)
def _layers_backward(kind, weights, start, g, slope, bend, second):  # pragma: no cover - compiled
    """From the last activations, dE/dh at ``start`` in ``g``, to dE/d(pre-activation) of all rows.

    In the first pass ``bend`` is multiplied by dE/dh; in the second pass it is a term of the result.
    """
    widths, species = weights.widths, len(weights.isolated)
    layers, matrix = len(widths) - 1, 0
    for layer in range(layers):
        matrix += species * widths[layer] * widths[layer + 1]
    for layer in range(layers, -1, -1):
        here = start * LANES
        if second:
            for i in range(here, here + widths[layer] * LANES):
                g[i] = g[i] * slope[i] + bend[i]
        else:
            for i in range(here, here + widths[layer] * LANES):
                bend[i] *= g[i]
                g[i] *= slope[i]
        if layer > 0:
            inner, rows = widths[layer], widths[layer - 1]
            matrix -= species * inner * rows
            start -= rows
            multiply(
                weights.dense_back,
                matrix + kind * inner * rows,
                rows,
                inner,
                g,
                here,
                LANES,
                g,
                start * LANES,
                LANES,
                bool(0),
            )


@njit(nogil=True)
def first_pass(  # pragma: no cover - compiled
    begin, end, blocks, first, channel, offset, pair_buffers, weights, scratch, state, energies, slopes
):
    """Blocks ``begin`` to ``end``: energies without those of free atoms, and dE/dd of the pairs."""
    squared = 2 * (weights.degree + 1) * scratch.u.shape[1]
    for b in range(begin, end):
        kind, atoms = blocks.species[b], blocks.atoms[b, : blocks.counts[b]]
        a, u, gu, h, g = state.a[b], state.u[b], state.gu[b], state.h[b], state.g[b]
        sort_pairs(atoms, first, channel, pair_buffers)
        deposit_block(offset, pair_buffers, a)
        mix(a, weights.power, scratch.order, u)
        power_spectrum_block(u, weights.degree, h)
        if len(weights.point):
            mix(a, weights.fields, weights.place, scratch.mixed)
            to_sphere(weights, scratch.mixed, state.f[b])
            products_block(state.f[b], weights.point, h, squared)
        asinh_bend_block(weights.mean, weights.scale, h, state.slope[b], state.bend[b])
        start = _layers_forward(kind, weights, h, state.slope[b], state.bend[b])
        width = weights.last.shape[1]
        for lane in range(len(atoms)):
            result = h.dtype.type(0)
            for r in range(width):
                result += weights.last[kind, r] * h[(start + r) * LANES + lane]
            energies[atoms[lane]] = result
        for r in range(width):
            for lane in range(LANES):
                g[(start + r) * LANES + lane] = weights.last[kind, r]
        _layers_backward(kind, weights, start, g, state.slope[b], state.bend[b], bool(0))
        power_spectrum_adjoint_block(u, weights.degree, g, gu)
        mix_back(gu, weights.power_back, scratch.order, scratch.adjoint, bool(0))
        if len(weights.point):
            products_adjoint_block(state.f[b], g, squared, scratch.gf)
            from_sphere(weights, scratch.gf, state.gm[b])
            mix_back(state.gm[b], weights.fields_back, weights.place, scratch.adjoint, bool(1))
        gather_block(scratch.adjoint, offset, pair_buffers, slopes)


@njit(nogil=True)
def second_pass(  # pragma: no cover - compiled
    begin, end, blocks, first, channel, offset, pair_buffers, weights, scratch, state, factors, tangents
):
    """Derivatives of what the first pass computed along ``tangents`` [pair, 3] and ``factors`` of the energies."""
    squared = 2 * (weights.degree + 1) * scratch.u.shape[1]
    for b in range(begin, end):
        kind, atoms = blocks.species[b], blocks.atoms[b, : blocks.counts[b]]
        da, u, h, dh, g, dg = state.da[b], state.u[b], state.h[b], state.dh[b], state.g[b], state.dg[b]
        sort_pairs(atoms, first, channel, pair_buffers)
        tangent_block(tangents, offset, pair_buffers, da)
        mix(da, weights.power, scratch.order, scratch.u)
        power_spectrum_tangent_block(u, scratch.u, weights.degree, dh)
        if len(weights.point):
            mix(da, weights.fields, weights.place, scratch.mixed)
            to_sphere(weights, scratch.mixed, scratch.f)
            products_tangent_block(state.f[b], scratch.f, weights.point, dh, squared)
        _layers_tangent(kind, weights, dh, state.slope[b], state.bend[b])
        c, width = state.c[b], weights.last.shape[1]
        for lane in range(LANES):
            c[lane] = factors[atoms[lane]] if lane < len(atoms) else 0
        start = len(h) // LANES - width
        for r in range(width):
            for lane in range(LANES):
                dg[(start + r) * LANES + lane] = weights.last[kind, r] * c[lane]
        _layers_backward(kind, weights, start, dg, state.slope[b], state.bend[b], bool(1))
        power_spectrum_second_block(u, scratch.u, weights.degree, g, dg, state.dgu[b])
        if len(weights.point):
            products_second_block(state.f[b], scratch.f, g, dg, squared, scratch.gf)
            from_sphere(weights, scratch.gf, state.dgm[b])
