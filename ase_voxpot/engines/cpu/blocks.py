"""The steerable network on one block of atoms, forwards and backwards, in the layout of ``simd``.

The functions between the matrix products: power spectrum and products on the sphere with their adjoints (see
``network.products``), standardisation and asinh of the invariants, activation of the dense layers.

Points on the sphere are in antipodal pairs: even degrees have the value e at both and odd degrees ±o, so
that f = e ± o.  Terms odd in o cancel in the sum of both.  This is the algebra of e + j o with j² = 1
(``registers.Split``), of which the even part is kept, with half the points and half the matrix products.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types

from ase_voxpot.compiled import part
from ase_voxpot.network.shapes import KINDS
from ase_voxpot.simd import LANES
from ase_voxpot.simd.elementary import exp, log
from ase_voxpot.simd.registers import LONG, Place, Registers, Split, intrinsic

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "cyclic",
    "field_at",
    "power_spectrum_slope",
    "power_spectrum_terms",
    "product_slope",
    "product_terms",
    "products_adjoint_block",
    "products_block",
    "silu_block",
    "power_spectrum_adjoint_block",
    "power_spectrum_block",
    "asinh_block",
]


def cyclic(builder: Any, k: Any, channels: Any, reach: int) -> dict[int, Any]:
    """Indices of the channels from ``reach`` before to ``reach`` after channel k, cyclic."""
    turns = LONG(reach)
    while_positive = builder.mul(channels, turns)
    return {
        n: builder.srem(builder.add(builder.add(k, LONG(n)), while_positive), channels)
        for n in range(-reach, reach + 1)
    }


def power_spectrum_terms(here: Any, before: Any) -> tuple[Any, Any]:
    """Terms of the power spectrum of one harmonic in channel k, from the features of k and k - 1."""
    return here * here, here * before


def power_spectrum_slope(slopes: Sequence[Any], features: tuple[Any, ...]) -> Any:
    """dE/du of one harmonic in channel k.

    Args:
        slopes: dE/dx of the square in channel k, and of the products of k and k - 1, and of k + 1 and k.
        features: of the channels k - 1, k, k + 1.
    """
    own, with_before, with_after = slopes
    before, here, after = features
    return own * 2.0 * here + with_before * before + with_after * after


@intrinsic
def _power_spectrum(_, u, begin, rows, channels, x, to):
    """Σ_m u_mk² and Σ_m u_mk u_mk₋ of ``rows`` harmonics."""
    long = types.int64

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        u, begin, rows, channels, x, to = arguments
        reg = Registers(context, builder, signature.args[0].dtype)
        features, out = reg.place(signature.args[0], u, begin), reg.place(signature.args[4], x, to)
        stride = builder.mul(channels, LONG(LANES))
        with reg.loop(channels) as k:
            near, held = cyclic(builder, k, channels, 1), reg.zeros(2)
            with reg.loop(rows) as m:
                here, before = (reg.load(features((m, stride), (near[n], LANES))) for n in (0, -1))
                for register, term in zip(held, power_spectrum_terms(here, before), strict=True):
                    reg.accumulate(register, term)
            reg.keep(held, [out((k, LANES)), out((k, LANES), (channels, LANES))])
        return context.get_dummy_value()

    return types.void(u, long, long, long, x, long), generate


@intrinsic
def _power_spectrum_adjoint(_, u, begin, rows, channels, gx, at, gu):
    """dE/du of ``rows`` harmonics."""
    long = types.int64

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        u, begin, rows, channels, gx, at, gu = arguments
        kinds = signature.args
        reg = Registers(context, builder, kinds[0].dtype)
        features, slopes, out = (
            reg.place(kinds[0], u, begin),
            reg.place(kinds[4], gx, at),
            reg.place(kinds[6], gu, begin),
        )
        stride = builder.mul(channels, LONG(LANES))
        with reg.loop(channels) as k:
            near = cyclic(builder, k, channels, 1)
            cross = slopes((channels, LANES))
            by = [reg.load(place) for place in (slopes((k, LANES)), cross((k, LANES)), cross((near[1], LANES)))]
            with reg.loop(rows) as m:
                around = tuple(reg.load(features((m, stride), (near[n], LANES))) for n in (-1, 0, 1))
                reg.store(power_spectrum_slope(by, around), out((m, stride), (k, LANES)))
        return context.get_dummy_value()

    return types.void(u, long, long, long, gx, long, gu), generate


@part(nogil=True)
def power_spectrum_block(u, degree, x):  # pragma: no cover - compiled
    """Write the power spectrum of u [harmonic, channel and lane] to the beginning of x."""
    size = u.shape[1]
    for l in range(degree + 1):
        _power_spectrum(u, l * l * size, 2 * l + 1, size // LANES, x, 2 * l * size)
    for i in range(size):  # a slice assignment would take longer to compile
        x[size + i] = u[0, i]


@part(nogil=True)
def power_spectrum_adjoint_block(u, degree, gx, gu):  # pragma: no cover - compiled
    """Write dE/du from dE/dx."""
    size = u.shape[1]
    for l in range(1, degree + 1):
        _power_spectrum_adjoint(u, l * l * size, 2 * l + 1, size // LANES, gx, 2 * l * size, gu)
    for i in range(size):
        gu[0, i] = 2 * gx[i] * u[0, i] + gx[size + i]


def product_terms(fields: tuple[Any, ...], weight: Any) -> tuple[Any, ...]:
    """Terms of the products of one point in channel k, from the fields of k, k - 1 and k - 2."""
    f0, f1, f2 = fields
    square = f0 * f0
    scaled = square * weight
    return scaled * f0, scaled * f1, f0 * f1 * weight * f2, scaled * square, scaled * (f1 * f1)


def product_slope(slopes: Sequence[Sequence[Any]], fields: tuple[Any, ...]) -> Any:
    """dE/df of one point in channel k, without its weight.

    Args:
        slopes: dE/dx of every kind of product in the channels k, k + 1, k + 2.
        fields: of the channels k - 2 to k + 2.
    """
    cubic, mixed, chain, fourth, cross = slopes
    earlier, before, here, after, later = fields
    square, squared = here * here, after * after
    inner = square * fourth[0] * 4.0 + before * before * cross[0] * 2.0 + squared * cross[1] * 2.0
    result = here * (inner + before * mixed[0] * 2.0) + square * cubic[0] * 3.0
    result = result + before * (earlier * chain[0] + after * chain[1])
    return result + squared * mixed[1] + after * later * chain[2]


def field_at(reg: Registers, places: tuple[Place, Place], channel: Any) -> Split:
    """The field of a channel at a point and its antipode; ``places`` are those of the even and the odd part."""
    even, odd = (reg.load(place((channel, LANES))) for place in places)
    return Split(even, odd)


@intrinsic
def _products(_, f, weight, points, channels, x, to):
    """The products of f [point, parity, channel, lane]."""
    long = types.int64

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        f, weight, points, channels, x, to = arguments
        kinds = signature.args
        reg = Registers(context, builder, kinds[0].dtype)
        fields, out = reg.place(kinds[0], f, LONG(0)), reg.place(kinds[4], x, to)
        weights, size = reg.place(kinds[1], weight, LONG(0)), builder.mul(channels, LONG(LANES))
        with reg.loop(channels) as k:
            near, held = cyclic(builder, k, channels, 2), reg.zeros(KINDS)
            with reg.loop(points) as p:
                point = fields((p, size), (p, size))
                parts = point, point((size, 1))
                here = tuple(field_at(reg, parts, near[n]) for n in (0, -1, -2))
                for register, term in zip(held, product_terms(here, reg.spread(weights((p, 1)))), strict=True):
                    reg.accumulate(register, term.even)
            reg.keep(held, [out((k, LANES), (j, size)) for j in range(KINDS)])
        return context.get_dummy_value()

    return types.void(f, weight, long, long, x, long), generate


@intrinsic
def _products_adjoint(_, f, points, channels, gx, at, gf):
    """dE/df [point, parity, channel, lane] without the weights of the points."""
    long = types.int64

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        f, points, channels, gx, at, gf = arguments
        kinds = signature.args
        reg = Registers(context, builder, kinds[0].dtype)
        fields, out = reg.place(kinds[0], f, LONG(0)), reg.place(kinds[5], gf, LONG(0))
        slopes, size = reg.place(kinds[3], gx, at), builder.mul(channels, LONG(LANES))
        with reg.loop(channels) as k:
            near = cyclic(builder, k, channels, 2)
            by = [[reg.load(slopes((j, size), (near[n], LANES))) for n in range(3)] for j in range(KINDS)]
            with reg.loop(points) as p:
                point, back = fields((p, size), (p, size)), out((p, size), (p, size))
                parts = point, point((size, 1))
                around = tuple(field_at(reg, parts, near[n]) for n in range(-2, 3))
                result = product_slope(by, around)
                reg.store(result.even, back((k, LANES)))
                reg.store(result.odd, back((k, LANES), (size, 1)))
        return context.get_dummy_value()

    return types.void(f, long, long, gx, long, gf), generate


@part(nogil=True)
def products_block(f, weight, x, to):  # pragma: no cover - compiled
    """Write the products of f [point, parity, channel and lane] to x, from ``to`` on."""
    _products(f, weight, f.shape[0], f.shape[2] // LANES, x, to)


@part(nogil=True)
def products_adjoint_block(f, gx, at, gf):  # pragma: no cover - compiled
    """Write dE/df, without the weights of the points, from dE/dx."""
    _products_adjoint(f, f.shape[0], f.shape[2] // LANES, gx, at, gf)


@part(nogil=True, fastmath=True, error_model="numpy")
def asinh_block(mean, scale, x, derivative):  # pragma: no cover - compiled
    """Standardise the invariants and apply asinh, in place, and write the derivative."""
    one = x.dtype.type(1)
    for row in range(len(mean)):
        for i in range(row * LANES, (row + 1) * LANES):
            x[i] = (x[i] - mean[row]) * scale[row]
            derivative[i] = scale[row]
    for i in range(len(mean) * LANES):
        root = np.sqrt(one + x[i] * x[i])
        x[i] = np.copysign(log(np.abs(x[i]) + root), x[i])
        derivative[i] /= root


@part(nogil=True, fastmath=True, error_model="numpy")
def silu_block(x, derivative):  # pragma: no cover - compiled
    """Apply SiLU, x σ(x), in place, and write the derivative."""
    one = x.dtype.type(1)
    for i in range(len(x)):
        gate = one / (one + exp(-x[i]))
        h = x[i] * gate
        derivative[i] = gate * (one + x[i] - h)
        x[i] = h
