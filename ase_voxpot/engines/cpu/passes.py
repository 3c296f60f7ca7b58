"""Evaluation of one block of atoms from pairs to energies and dE/dd, compiled.

    pairs ─► A ─ W_l ► u ──────────────► power spectrum ┐
             └─ V_l ► mixed ─ Y ► f ───► products ──────┴► x ─► dense ─► energy

``engine`` packs the weights and distributes the blocks.  Flags are passed as ``bool(1)``, since
Numba would compile a function again for a literal ``True``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ase_voxpot.compiled import njit, part
from ase_voxpot.descriptor.blocks import deposit_block, gather_block, sort_neighbours, sort_pairs
from ase_voxpot.engines.cpu.blocks import (
    asinh_block,
    power_spectrum_adjoint_block,
    power_spectrum_block,
    products_adjoint_block,
    products_block,
    silu_block,
)
from ase_voxpot.simd import LANES
from ase_voxpot.simd.tiles import multiply

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__ = [
    "NetworkBuffers",
    "Weights",
    "dense",
    "energies_of",
    "evaluate_blocks",
    "from_sphere",
    "mix",
    "mix_back",
    "network_block",
    "to_sphere",
]


class Weights(NamedTuple):
    """Weights of a network, every matrix packed for ``multiply``, and transposed for the backward pass."""

    degree: int
    power: Float[np.ndarray, " entry"]  # W_l, a matrix per degree, from channels to u
    power_back: Float[np.ndarray, " entry"]
    fields: Float[np.ndarray, " entry"]  # V_l, from channels to mixed
    fields_back: Float[np.ndarray, " entry"]
    place: Int[np.ndarray, " harmonic"]  # row of each harmonic in mixed: even degrees first
    even: int  # number of harmonics of even degree
    sphere: Float[np.ndarray, " entry"]  # from harmonics to half the points: even degrees, then odd
    sphere_back: Float[np.ndarray, " entry"]
    point: Float[np.ndarray, " point"]  # weights of the points
    mean: Float[np.ndarray, " invariant"]
    scale: Float[np.ndarray, " invariant"]
    widths: Int[np.ndarray, " layer"]  # of the dense layers: invariants, hidden ...
    dense: Float[np.ndarray, " entry"]  # layer by layer, and in each species by species
    dense_back: Float[np.ndarray, " entry"]
    bias: Float[np.ndarray, "species hidden"]  # of all layers, one after the other
    last: Float[np.ndarray, "species width"]
    isolated: Float[np.ndarray, " species"]  # output of the layers for an atom without neighbours


class NetworkBuffers(NamedTuple):
    """Arrays of one thread."""

    coefficients: Float[np.ndarray, "channel harmonic lane"]  # A
    adjoint: Float[np.ndarray, "channel harmonic lane"]  # dE/dA
    u: Float[np.ndarray, "harmonic k_and_lane"]
    gu: Float[np.ndarray, "harmonic k_and_lane"]
    mixed: Float[np.ndarray, "harmonic k_and_lane"]
    f: Float[np.ndarray, "point parity k_and_lane"]
    gf: Float[np.ndarray, "point parity k_and_lane"]
    h: Float[np.ndarray, " number"]  # invariants and hidden layers
    gh: Float[np.ndarray, " number"]  # dE/dh
    derivative: Float[np.ndarray, " number"]  # of the activation at h
    mask: Float[np.ndarray, " lane"]
    order: Int[np.ndarray, " harmonic"]  # 0, 1, 2 …: every harmonic in its place


@part(nogil=True)
def mix(coefficients, matrices, place, out):  # pragma: no cover - compiled
    """One matrix per degree on the coefficients of a block, for as many degrees as ``place`` has."""
    inputs, harmonics, size = coefficients.shape[0], coefficients.shape[1], out.shape[1]
    l = 0
    for m in range(len(place)):
        if m == (l + 1) * (l + 1):
            l += 1
        matrix, to = l * inputs * (size // LANES), place[m] * size
        multiply(
            matrices, matrix, size // LANES, inputs, coefficients, m * LANES, harmonics * LANES, out, to, LANES, False
        )


@part(nogil=True)
def mix_back(gradient, matrices, place, adjoint, add):  # pragma: no cover - compiled
    """The adjoint of ``mix``."""
    inputs, harmonics, size = adjoint.shape[0], adjoint.shape[1], gradient.shape[1]
    l = 0
    for m in range(len(place)):
        if m == (l + 1) * (l + 1):
            l += 1
        matrix, at = l * inputs * (size // LANES), place[m] * size
        multiply(
            matrices, matrix, inputs, size // LANES, gradient, at, LANES, adjoint, m * LANES, harmonics * LANES, add
        )


@part(nogil=True)
def to_sphere(weights, mixed, f):  # pragma: no cover - compiled
    """The mixtures as functions on half the points of the sphere, even and odd parts apart."""
    sphere, points, size = weights.sphere, len(weights.point), mixed.shape[1]
    even, odd = weights.even, len(mixed) - weights.even
    for i in range(0, size, LANES):
        multiply(sphere, 0, points, even, mixed, i, size, f, i, 2 * size, False)
        multiply(sphere, even * points, points, odd, mixed, even * size + i, size, f, size + i, 2 * size, False)


@part(nogil=True)
def from_sphere(weights, gf, mixed):  # pragma: no cover - compiled
    """The adjoint of ``to_sphere``."""
    sphere, points, size = weights.sphere_back, len(weights.point), mixed.shape[1]
    even, odd = weights.even, len(mixed) - weights.even
    for i in range(0, size, LANES):
        multiply(sphere, 0, even, points, gf, i, 2 * size, mixed, i, size, False)
        multiply(sphere, even * points, odd, points, gf, size + i, 2 * size, mixed, even * size + i, size, False)


@part(nogil=True, fastmath=True)
def _forward_dense(kind, weights, buffers):  # pragma: no cover - compiled
    """Hidden layers of one species; returns the first row of the last one."""
    widths, h = weights.widths, buffers.h
    start, matrix, bias, species = 0, 0, 0, len(weights.isolated)
    for layer in range(len(widths) - 1):
        inner, rows = widths[layer], widths[layer + 1]
        here, there = start * LANES, (start + inner) * LANES
        for r in range(rows):
            h[there + r * LANES : there + (r + 1) * LANES] = weights.bias[kind, bias + r]
        multiply(weights.dense, matrix + kind * inner * rows, rows, inner, h, here, LANES, h, there, LANES, True)
        silu_block(h[there : there + rows * LANES], buffers.derivative[there : there + rows * LANES])
        start, bias, matrix = start + inner, bias + rows, matrix + species * inner * rows
    return start


@part(nogil=True, fastmath=True)
def _backward_dense(kind, weights, buffers, start, add):  # pragma: no cover - compiled
    """dE/dx of one species, in the lanes of the mask; ``start`` is the first row of the last layer."""
    widths, gh, species = weights.widths, buffers.gh, len(weights.isolated)
    layers = len(widths) - 1
    for r in range(widths[layers]):
        for lane in range(LANES):
            at = (start + r) * LANES + lane
            if layers == 0 and add:
                gh[at] += weights.last[kind, r] * buffers.mask[lane]
            else:
                gh[at] = weights.last[kind, r] * buffers.mask[lane]
    matrix = 0
    for layer in range(layers):
        matrix += species * widths[layer] * widths[layer + 1]
    for layer in range(layers - 1, -1, -1):
        inner, rows = widths[layer + 1], widths[layer]
        matrix -= species * inner * rows
        here, there = start * LANES, (start - rows) * LANES
        for i in range(here, here + inner * LANES):
            gh[i] *= buffers.derivative[i]
        more = add and layer == 0
        multiply(weights.dense_back, matrix + kind * inner * rows, rows, inner, gh, here, LANES, gh, there, LANES, more)
        start -= rows


@part(nogil=True, fastmath=True)
def dense(atoms, species, weights, buffers, gradient, energies, features):  # pragma: no cover - compiled
    """The dense layers of every species of a block, forwards and backwards."""
    lowest = species[atoms[0]]
    for kind in range(lowest, species[atoms[-1]] + 1):
        start = _forward_dense(kind, weights, buffers)
        buffers.mask[:] = 0
        for lane in range(len(atoms)):
            if species[atoms[lane]] != kind:
                continue
            buffers.mask[lane] = 1
            result = -weights.isolated[kind]
            for r in range(weights.last.shape[1]):
                result += weights.last[kind, r] * buffers.h[(start + r) * LANES + lane]
            energies[atoms[lane]] = result
            for r in range(features.shape[1]):
                features[atoms[lane], r] = buffers.h[(start + r) * LANES + lane]
        if gradient:
            _backward_dense(kind, weights, buffers, start, kind > lowest)


@part(nogil=True)
def network_block(atoms, species, weights, buffers, gradient, energies, features):  # pragma: no cover - compiled
    """From ``buffers.coefficients`` to energies and ``buffers.adjoint``."""
    invariants, harmonics = len(weights.mean) * LANES, buffers.order
    squared = 2 * (weights.degree + 1) * buffers.u.shape[1]
    mix(buffers.coefficients, weights.power, harmonics, buffers.u)
    power_spectrum_block(buffers.u, weights.degree, buffers.h)
    if len(weights.point):
        mix(buffers.coefficients, weights.fields, weights.place, buffers.mixed)
        to_sphere(weights, buffers.mixed, buffers.f)
        products_block(buffers.f, weights.point, buffers.h, squared)
    asinh_block(weights.mean, weights.scale, buffers.h, buffers.derivative)
    dense(atoms, species, weights, buffers, gradient, energies, features)
    if not gradient:
        return
    for i in range(invariants):
        buffers.gh[i] *= buffers.derivative[i]
    power_spectrum_adjoint_block(buffers.u, weights.degree, buffers.gh, buffers.gu)
    mix_back(buffers.gu, weights.power_back, harmonics, buffers.adjoint, bool(0))
    if len(weights.point):
        products_adjoint_block(buffers.f, buffers.gh, squared, buffers.gf)
        from_sphere(weights, buffers.gf, buffers.mixed)
        mix_back(buffers.mixed, weights.fields_back, weights.place, buffers.adjoint, bool(1))


@njit(nogil=True)
def evaluate_blocks(  # pragma: no cover - compiled
    begin, end, order, species, first, channel, offset, pair_buffers, weights, buffers, energies, slopes, features
):
    """Blocks ``begin`` to ``end`` of the atoms in ``order``, from pairs to energies and dE/dd."""
    for block in range(begin, end):
        atoms = order[block * LANES : (block + 1) * LANES]
        sort_pairs(atoms, first, channel, pair_buffers)
        deposit_block(offset, pair_buffers, buffers.coefficients)
        gradient = len(slopes) > 0
        network_block(atoms, species, weights, buffers, gradient, energies, features)
        if gradient:
            gather_block(buffers.adjoint, offset, pair_buffers, slopes)


@njit(nogil=True)
def energies_of(  # pragma: no cover - compiled
    atoms, species, first, neighbour, offset, pair_buffers, weights, buffers, nothing, energies
):
    """Write the energies of some ``atoms``, sorted by species; others are not changed.

    The energy of an atom does not depend on the other atoms in its block.
    ``nothing`` is an empty matrix of the precision of the weights.
    """
    for start in range(0, len(atoms), LANES):
        block = atoms[start : start + LANES]
        sort_neighbours(block, first, neighbour, species, pair_buffers)
        deposit_block(offset, pair_buffers, buffers.coefficients)
        network_block(block, species, weights, buffers, bool(0), energies, nothing)
