"""Derivatives of the functions between the matrix products of a steerable network, on one block of atoms.

The formulas are those of ``engines.cpu.blocks``, evaluated with dual numbers a + ε b, ε² = 0: the factor of ε in the
invariants is their directional derivative, and that in their adjoint is what a loss on forces needs.  The
factors without ε are not used, and the compiler drops what only they need.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ase_voxpot.compiled import part
from ase_voxpot.engines.cpu.blocks import (
    cyclic,
    field_at,
    power_spectrum_slope,
    power_spectrum_terms,
    product_slope,
    product_terms,
)
from ase_voxpot.network.shapes import KINDS
from ase_voxpot.simd import LANES
from ase_voxpot.simd.elementary import exp, log
from ase_voxpot.simd.registers import LONG, Registers, Row, Split, intrinsic

__all__ = [
    "asinh_bend_block",
    "power_spectrum_second_block",
    "power_spectrum_tangent_block",
    "products_second_block",
    "products_tangent_block",
    "silu_bend_block",
]


class Dual:
    """a + ε b with ε² = 0, of rows or of fields."""

    def __init__(self, value: Any, tangent: Any) -> None:
        self.value, self.tangent = value, tangent

    def __add__(self, other: Dual) -> Dual:
        return Dual(self.value + other.value, self.tangent + other.tangent)

    def __mul__(self, other: Dual | Row | float) -> Dual:
        if not isinstance(other, Dual):
            return Dual(self.value * other, self.tangent * other)
        return Dual(self.value * other.value, self.value * other.tangent + self.tangent * other.value)


@intrinsic
def _power_spectrum_tangent(_, u, du, begin, rows, channels, dx, to):
    """Directional derivative of the power spectrum of ``rows`` harmonics along du."""
    long = types.int64

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        u, du, begin, rows, channels, dx, to = arguments
        kinds = signature.args
        reg = Registers(context, builder, kinds[0].dtype)
        sides = reg.place(kinds[0], u, begin), reg.place(kinds[1], du, begin)
        out, stride = reg.place(kinds[5], dx, to), builder.mul(channels, LONG(LANES))
        with reg.loop(channels) as k:
            near, held = cyclic(builder, k, channels, 1), reg.zeros(2)
            with reg.loop(rows) as m:
                here, before = (
                    Dual(*(reg.load(side((m, stride), (near[n], LANES))) for side in sides)) for n in (0, -1)
                )
                for register, term in zip(held, power_spectrum_terms(here, before), strict=True):
                    reg.accumulate(register, term.tangent)
            reg.keep(held, [out((k, LANES)), out((k, LANES), (channels, LANES))])
        return context.get_dummy_value()

    return types.void(u, du, long, long, long, dx, long), generate


@intrinsic
def _power_spectrum_second(_, u, du, begin, rows, channels, gx, dgx, at, dgu):
    """Directional derivative of the adjoint of ``rows`` harmonics."""
    long = types.int64

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        u, du, begin, rows, channels, gx, dgx, at, dgu = arguments
        kinds = signature.args
        reg = Registers(context, builder, kinds[0].dtype)
        sides = reg.place(kinds[0], u, begin), reg.place(kinds[1], du, begin)
        slopes = reg.place(kinds[5], gx, at), reg.place(kinds[6], dgx, at)
        out, stride = reg.place(kinds[8], dgu, begin), builder.mul(channels, LONG(LANES))
        with reg.loop(channels) as k:
            near = cyclic(builder, k, channels, 1)
            where = ((k, LANES),), ((channels, LANES), (k, LANES)), ((channels, LANES), (near[1], LANES))
            by = [Dual(*(reg.load(side(*steps)) for side in slopes)) for steps in where]
            with reg.loop(rows) as m:
                around = tuple(
                    Dual(*(reg.load(side((m, stride), (near[n], LANES))) for side in sides)) for n in (-1, 0, 1)
                )
                reg.store(power_spectrum_slope(by, around).tangent, out((m, stride), (k, LANES)))
        return context.get_dummy_value()

    return types.void(u, du, long, long, long, gx, dgx, long, dgu), generate


@part(nogil=True)
def power_spectrum_tangent_block(u, du, degree, dx):  # pragma: no cover - compiled
    """Write the directional derivative of the power spectrum of u [harmonic, channel and lane] along du."""
    size = u.shape[1]
    for l in range(degree + 1):
        _power_spectrum_tangent(u, du, l * l * size, 2 * l + 1, size // LANES, dx, 2 * l * size)
    for i in range(size):
        dx[size + i] = du[0, i]


@part(nogil=True)
def power_spectrum_second_block(u, du, degree, gx, dgx, dgu):  # pragma: no cover - compiled
    """Write the directional derivative of the adjoint of the power spectrum along (du, dgx)."""
    size = u.shape[1]
    for l in range(1, degree + 1):
        _power_spectrum_second(u, du, l * l * size, 2 * l + 1, size // LANES, gx, dgx, 2 * l * size, dgu)
    for i in range(size):
        dgu[0, i] = 2 * (dgx[i] * u[0, i] + gx[i] * du[0, i]) + dgx[size + i]


def _dual_field(reg: Registers, sides: tuple[Any, Any], p: Any, size: Any, channel: Any) -> Dual:
    def at(side: Any) -> Split:
        point = side((p, size), (p, size))
        return field_at(reg, (point, point((size, 1))), channel)

    return Dual(*(at(side) for side in sides))


@intrinsic
def _products_tangent(_, f, df, weight, points, channels, dx, to):
    """Directional derivative of the products of f [point, parity, channel, lane] along df."""
    long = types.int64

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        f, df, weight, points, channels, dx, to = arguments
        kinds = signature.args
        reg = Registers(context, builder, kinds[0].dtype)
        sides = reg.place(kinds[0], f, LONG(0)), reg.place(kinds[1], df, LONG(0))
        out, weights = reg.place(kinds[5], dx, to), reg.place(kinds[2], weight, LONG(0))
        size = builder.mul(channels, LONG(LANES))
        with reg.loop(channels) as k:
            near, held = cyclic(builder, k, channels, 2), reg.zeros(KINDS)
            with reg.loop(points) as p:
                here = tuple(_dual_field(reg, sides, p, size, near[n]) for n in (0, -1, -2))
                for register, term in zip(held, product_terms(here, reg.spread(weights((p, 1)))), strict=True):
                    reg.accumulate(register, term.tangent.even)
            reg.keep(held, [out((k, LANES), (j, size)) for j in range(KINDS)])
        return context.get_dummy_value()

    return types.void(f, df, weight, long, long, dx, long), generate


@intrinsic
def _products_second(_, f, df, points, channels, gx, dgx, at, dgf):
    """Directional derivative of the adjoint of the products, without the weights of the points."""
    long = types.int64

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        f, df, points, channels, gx, dgx, at, dgf = arguments
        kinds = signature.args
        reg = Registers(context, builder, kinds[0].dtype)
        sides = reg.place(kinds[0], f, LONG(0)), reg.place(kinds[1], df, LONG(0))
        slopes = reg.place(kinds[4], gx, at), reg.place(kinds[5], dgx, at)
        out, size = reg.place(kinds[7], dgf, LONG(0)), builder.mul(channels, LONG(LANES))
        with reg.loop(channels) as k:
            near = cyclic(builder, k, channels, 2)
            by = [
                [Dual(*(reg.load(side((j, size), (near[n], LANES))) for side in slopes)) for n in range(3)]
                for j in range(KINDS)
            ]
            with reg.loop(points) as p:
                around = tuple(_dual_field(reg, sides, p, size, near[n]) for n in range(-2, 3))
                result, back = product_slope(by, around).tangent, out((p, size), (p, size))
                reg.store(result.even, back((k, LANES)))
                reg.store(result.odd, back((k, LANES), (size, 1)))
        return context.get_dummy_value()

    return types.void(f, df, long, long, gx, dgx, long, dgf), generate


@part(nogil=True)
def products_tangent_block(f, df, weight, dx, to):  # pragma: no cover - compiled
    """Write the directional derivative of the products along df to dx, from ``to`` on."""
    _products_tangent(f, df, weight, f.shape[0], f.shape[2] // LANES, dx, to)


@part(nogil=True)
def products_second_block(f, df, gx, dgx, at, dgf):  # pragma: no cover - compiled
    """Write the directional derivative of the adjoint of the products along (df, dgx)."""
    _products_second(f, df, f.shape[0], f.shape[2] // LANES, gx, dgx, at, dgf)


@part(nogil=True, fastmath=True, error_model="numpy")
def asinh_bend_block(mean, scale, x, derivative, second):  # pragma: no cover - compiled
    """Standardise the invariants and apply asinh, in place, and write the first and second derivative."""
    one = x.dtype.type(1)
    for row in range(len(mean)):
        for i in range(row * LANES, (row + 1) * LANES):
            x[i] = (x[i] - mean[row]) * scale[row]
            derivative[i] = scale[row]
    for i in range(len(mean) * LANES):
        square = one + x[i] * x[i]
        root = np.sqrt(square)
        second[i] = -derivative[i] * derivative[i] * x[i] / (square * root)
        derivative[i] /= root
        x[i] = np.copysign(log(np.abs(x[i]) + root), x[i])


@part(nogil=True, fastmath=True, error_model="numpy")
def silu_bend_block(x, derivative, second):  # pragma: no cover - compiled
    """Apply SiLU, x σ(x), in place, and write the first and second derivative."""
    one, two = x.dtype.type(1), x.dtype.type(2)
    for i in range(len(x)):
        gate = one / (one + exp(-x[i]))
        h = x[i] * gate
        derivative[i] = gate * (one + x[i] - h)
        second[i] = gate * (one - gate) * (two + x[i] * (one - two * gate))
        x[i] = h
