"""The steerable network on one block of atoms, forwards and backwards, in the layout of ``lanes``.

The functions between the matrix products: squares and products with their adjoints (see
``products`` for what they are), the logarithm on the invariants, the dense layers.  Rows
of a block are strung together, so that the channel before is ``LANES`` numbers before.

A sphere is looked at in antipodal pairs of points: the even degrees give e at both and the
odd ones ±o, so that f = e ± o.  All that is odd in o cancels between the two, and what is
left is the algebra of e + j o with j² = 1, of which the even part is kept:

    f²          = s + j t,     s = e² + o²,        t = 2 e o
    f f₋        = c + j d,     c = e e₋ + o o₋,    d = e o₋ + o e₋
    ⟨f³⟩        = e s + o t,   ⟨f² f₋⟩ = s e₋ + t o₋,   ⟨f f₋ f₋₋⟩ = c e₋₋ + d o₋₋
    ⟨f⁴⟩        = s² + t²,     ⟨f² f₋²⟩ = s s₋ + t t₋

for half the points and half the matrix products.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ase_voxpot.lanes import LANES
from ase_voxpot.lanes.elementary import exp, log
from ase_voxpot.network.products import KINDS

__all__ = [
    "products_adjoint_block",
    "products_block",
    "silu_block",
    "squares_adjoint_block",
    "squares_block",
    "tame_block",
    "wrap_block",
]

BORDER = 2
"""Channels that fields have once more at either end."""


@njit(cache=True, nogil=True, fastmath=True)
def squares_block(u, degree, x):  # pragma: no cover - compiled
    """Write the squares of u [harmonic, channel and lane] to the beginning of x."""
    size = u.shape[1]
    for l in range(degree + 1):
        own, cross = x[2 * l * size : (2 * l + 1) * size], x[(2 * l + 1) * size : (2 * l + 2) * size]
        own[:] = 0
        cross[:] = 0
        for m in range(l * l, (l + 1) * (l + 1)):
            row = u[m]
            for i in range(size):
                own[i] += row[i] * row[i]
            if l == 0:
                cross[:] = row
                continue
            for lane in range(LANES):
                cross[lane] += row[lane] * row[size - LANES + lane]
            for i in range(LANES, size):
                cross[i] += row[i] * row[i - LANES]


@njit(cache=True, nogil=True, fastmath=True)
def squares_adjoint_block(u, degree, gx, gu):  # pragma: no cover - compiled
    """Write dE/du from dE/dx."""
    size, two = u.shape[1], u.dtype.type(2)
    last = size - LANES
    for l in range(degree + 1):
        own, cross = gx[2 * l * size : (2 * l + 1) * size], gx[(2 * l + 1) * size : (2 * l + 2) * size]
        for m in range(l * l, (l + 1) * (l + 1)):
            row, out = u[m], gu[m]
            if l == 0:
                for i in range(size):
                    out[i] = two * own[i] * row[i] + cross[i]
                continue
            for i in range(LANES, last):
                out[i] = two * own[i] * row[i] + cross[i] * row[i - LANES] + cross[i + LANES] * row[i + LANES]
            for lane in range(LANES):
                after = (LANES + lane) % size
                out[lane] = two * own[lane] * row[lane] + cross[lane] * row[last + lane] + cross[after] * row[after]
            if last:
                for lane in range(LANES):
                    i = last + lane
                    out[i] = two * own[i] * row[i] + cross[i] * row[i - LANES] + cross[lane] * row[lane]


@njit(cache=True, nogil=True)
def wrap_block(f):  # pragma: no cover - compiled
    """Fill the border of f [point, parity, channel and lane], whose channels are cyclic."""
    size, edge = f.shape[2] - 2 * BORDER * LANES, BORDER * LANES
    for p in range(f.shape[0]):
        for parity in range(2):
            row = f[p, parity]
            for i in range(edge):
                row[edge + size + i] = row[edge + i % size]
            for i in range(edge):
                row[edge - 1 - i] = row[edge + size - 1 - i % size]


@njit(cache=True, nogil=True, fastmath=True)
def products_block(f, weight, x):  # pragma: no cover - compiled
    """Write the products of f [point, parity, channel and lane], with its border, to x."""
    edge = BORDER * LANES
    size, two = f.shape[2] - 2 * edge, f.dtype.type(2)
    x[: KINDS * size] = 0
    third, cubic, chain, fourth, cross = x[:size], x[size:], x[2 * size :], x[3 * size :], x[4 * size :]
    for p in range(f.shape[0]):
        even, odd, w = f[p, 0], f[p, 1], weight[p]
        for i in range(size):
            e, e1, e2 = even[edge + i], even[edge + i - LANES], even[edge + i - 2 * LANES]
            o, o1, o2 = odd[edge + i], odd[edge + i - LANES], odd[edge + i - 2 * LANES]
            s, t = e * e + o * o, two * e * o
            s1, t1 = e1 * e1 + o1 * o1, two * e1 * o1
            c, d = w * (e * e1 + o * o1), w * (e * o1 + o * e1)
            ws, wt = w * s, w * t
            third[i] += e * ws + o * wt
            cubic[i] += e1 * ws + o1 * wt
            chain[i] += e2 * c + o2 * d
            fourth[i] += s * ws + t * wt
            cross[i] += s1 * ws + t1 * wt


@njit(cache=True, nogil=True, fastmath=True)
def products_adjoint_block(f, gx, g, gf):  # pragma: no cover - compiled
    """Write dE/df without the weights of the points; ``g`` [5, channel and lane + border] is scratch."""
    edge = BORDER * LANES
    size, two = f.shape[2] - 2 * edge, f.dtype.type(2)
    for j in range(KINDS):
        factor = f.dtype.type((3, 1, 1, 4, 2)[j])
        for i in range(size):
            g[j, i] = factor * gx[j * size + i]
        for i in range(edge):
            g[j, size + i] = g[j, i % size]
    third, cubic, chain, fourth, cross = g[0], g[1], g[2], g[3], g[4]
    for p in range(f.shape[0]):
        even, odd, up, down = f[p, 0], f[p, 1], gf[p, 0], gf[p, 1]
        for i in range(size):
            j, k, n = edge + i, i + LANES, i + 2 * LANES
            e, e1, e2, e3, e4 = even[j], even[j - LANES], even[j - 2 * LANES], even[j + LANES], even[j + 2 * LANES]
            o, o1, o2, o3, o4 = odd[j], odd[j - LANES], odd[j - 2 * LANES], odd[j + LANES], odd[j + 2 * LANES]
            s, t = e * e + o * o, two * e * o
            s1, t1 = e1 * e1 + o1 * o1, two * e1 * o1
            s3, t3 = e3 * e3 + o3 * o3, two * e3 * o3
            # what the field itself is multiplied with, and what it is not
            a = fourth[i] * s + cross[i] * s1 + cross[k] * s3
            b = fourth[i] * t + cross[i] * t1 + cross[k] * t3
            a += two * cubic[i] * e1
            b += two * cubic[i] * o1
            up[i] = e * a + o * b + third[i] * s + chain[i] * (e1 * e2 + o1 * o2) + cubic[k] * s3
            down[i] = e * b + o * a + third[i] * t + chain[i] * (e1 * o2 + o1 * e2) + cubic[k] * t3
            up[i] += chain[k] * (e1 * e3 + o1 * o3) + chain[n] * (e3 * e4 + o3 * o4)
            down[i] += chain[k] * (e1 * o3 + o1 * e3) + chain[n] * (e3 * o4 + o3 * e4)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def tame_block(mean, scale, x, rise):  # pragma: no cover - compiled
    """Take asinh of the standardised invariants, in place, and write its derivative to ``rise``."""
    one = x.dtype.type(1)
    for row in range(len(mean)):
        for i in range(row * LANES, (row + 1) * LANES):
            x[i] = (x[i] - mean[row]) * scale[row]
            rise[i] = scale[row]
    for i in range(len(mean) * LANES):
        root = np.sqrt(one + x[i] * x[i])
        x[i] = np.copysign(log(np.abs(x[i]) + root), x[i])
        rise[i] /= root


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def silu_block(x, rise):  # pragma: no cover - compiled
    """x σ(x) in place, and its derivative to ``rise``."""
    one = x.dtype.type(1)
    for i in range(len(x)):
        gate = one / (one + exp(-x[i]))
        h = x[i] * gate
        rise[i] = gate * (one + x[i] - h)
        x[i] = h
