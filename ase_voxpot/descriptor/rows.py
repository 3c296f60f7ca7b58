"""Radial functions and solid harmonics of rows of pairs, and their derivatives, in vector registers.

All are polynomials of the offset d: radial functions in t = (d/r_c)², harmonics in the
components of d/r_c, without square roots, angles and branches.  With Q_l^m and (x + iy)^m as in
``descriptor.harmonics``, c_m and s_m being real and imaginary part of the latter,

    S_l,±m = w Q_l^m {c_m, s_m},   ∂Q_l^m/∂{x, y} = -{x, y} Q_{l-1}^{m+1},   ∂Q_l^m/∂z = (l + m) Q_{l-1}^m

Terms that do not exist have the factor zero in ``factors``, as s_0 does, so that there are no special cases.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import types

from ase_voxpot.descriptor.harmonics import norms
from ase_voxpot.simd import LANES
from ase_voxpot.simd.registers import LONG, Place, Registers, Row, intrinsic

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxtyping import Float

__all__ = ["factors", "harmonic_rows", "gradient_rows", "radial_rows", "tangent_rows"]

COSINE = [(-(math.pi**2)) ** k / math.factorial(2 * k) for k in range(16)]
"""cos(π√t) = Σ_k COSINE[k] t^k, to the last digit of float64 on [0, 1]."""
SINGLE = 11
"""Number of terms that are significant in float32."""

FACTORS = 6


def factors(degree: int) -> Float[np.ndarray, "l_and_m factor"]:
    """Factors of the recursions, for every l and m ≥ 0, at l (l + 1) / 2 + m.

    The first two are those of Q_{l-1}^m and Q_{l-2}^m in Q_l^m; for l = m the first one is Q_l^l;
    the others are w, and w times the factors of Q_{l-1}^{m+1}, Q_{l-1}^m and m in derivatives.
    """
    out = np.zeros(((degree + 1) * (degree + 2) // 2, FACTORS))
    norm = norms(degree)
    for l in range(degree + 1):
        for m in range(l + 1):
            w = norm[l * (l + 1) + m]
            start = math.prod(range(1, 2 * m, 2))
            recursion = (start, 0.0) if l == m else ((2 * l - 1) / (l - m), (l + m - 1) / (l - m))
            out[l * (l + 1) // 2 + m] = (*recursion, w, w * (m + 1 < l), w * (l + m) * (m < l), w * m)
    return out


@intrinsic
def radial_rows(_, rows, t, window, narrow, shells, f, df):
    """f_q [shell, row] of t = (r/r_c)² and df_q/dt, by the recursion of cosines.

    They include the factor exp(-narrow t / 2), given in ``window`` [row].
    """
    long = types.int64
    signature = types.void(long, t, window, types.float64, long, f, df)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, t, window, narrow, shells, f, df = arguments
        kinds = signature.args
        reg = Registers(context, builder, kinds[1].dtype)
        ts, windows = reg.place(kinds[1], t, LONG(0)), reg.place(kinds[2], window, LONG(0))
        values, slopes = reg.place(kinds[5], f, LONG(0)), reg.place(kinds[6], df, LONG(0))
        stride, rate = _length(builder, kinds[5], f, context), reg.number(narrow) * -0.5
        with reg.loop(rows) as row:
            here = reg.load(ts((row, LANES)))
            inside = (reg.constant(1.0) - here).at_least(0.0)
            decay = inside * inside * reg.load(windows((row, LANES)))
            envelope = inside * decay
            envelope_slope = rate * envelope - decay * 3.0
            cosine, change = reg.constant(0.0), reg.constant(0.0)
            for coefficient in COSINE[: SINGLE if reg.single else None][::-1]:
                change = change * here + cosine
                cosine = cosine * here + coefficient
            # the recursion starts one step earlier: f_{-1} = f_1
            before, slope_before = envelope * cosine, envelope_slope * cosine + envelope * change
            old, old_slope = reg.variable(before), reg.variable(slope_before)
            new, new_slope = reg.variable(envelope), reg.variable(envelope_slope)
            with reg.loop(shells) as q:
                now, slope = reg.get(new), reg.get(new_slope)
                reg.store(now, values((q, stride), (row, LANES)))
                reg.store(slope, slopes((q, stride), (row, LANES)))
                following = cosine * now * 2.0 - reg.get(old)
                following_slope = (change * now + cosine * slope) * 2.0 - reg.get(old_slope)
                reg.set(old, now)
                reg.set(old_slope, slope)
                reg.set(new, following)
                reg.set(new_slope, following_slope)
        return context.get_dummy_value()

    return signature, generate


def _length(builder: Any, kind: Any, array: Any, context: Any) -> Any:
    """Length of the last axis of an array."""
    shape = context.make_array(kind)(context, builder, array).shape
    return builder.extract_value(shape, kind.ndim - 1)


class _Harmonics:
    """The recursions of one row of pairs."""

    def __init__(self, reg: Registers, degree: Any, table: Place, scratch: Place) -> None:
        self._reg, self._table, self._scratch, self._builder = reg, table, scratch, reg.builder
        self._count = self._builder.add(degree, LONG(1))

    def _at(self, l: Any, m: Any) -> Any:
        """Place of l and m: l (l + 1) / 2 + m."""
        both = self._builder.mul(l, self._builder.add(l, LONG(1)))
        return self._builder.add(self._builder.sdiv(both, LONG(2)), m)

    def factor(self, l: Any, m: Any, which: int) -> Row:
        return self._reg.spread(self._table((self._at(l, m), FACTORS), (which, 1)))

    def q(self, l: Any, m: Any) -> Row:
        return self._reg.load(self._scratch((self._at(l, m), LANES)))

    def below(self, l: Any, m: Any) -> tuple[Row, Row]:
        """Q_{l-1}^{m+1} and Q_{l-1}^m; where these do not exist, any finite value."""
        low = self._builder.sub(l, LONG(1))
        return self.q(low, self._builder.add(m, LONG(1))), self.q(low, m)

    def start(self, z: Row, t: Row) -> None:
        """Compute all Q_l^m, in columns of equal m, upwards in l."""
        reg = self._reg
        with reg.loop(self._count) as m:
            older, old = reg.variable(reg.constant(0.0)), reg.variable(reg.constant(0.0))
            with self.degrees(m) as l:
                a, b = self.factor(l, m, 0), self.factor(l, m, 1)
                # the first of a column is the factor itself
                first = self._builder.icmp_signed("==", l, m)
                grown = a * z * reg.get(old) - b * t * reg.get(older)
                now = Row(self._builder, self._builder.select(first, a.value, grown.value))
                reg.store(now, self._scratch((self._at(l, m), LANES)))
                reg.set(older, reg.get(old))
                reg.set(old, now)

    @contextmanager
    def degrees(self, m: Any) -> Iterator[Any]:
        """Repeat for all l from m on."""
        with self._reg.loop(self._builder.sub(self._count, m)) as turn:
            yield self._builder.add(m, turn)

    @contextmanager
    def orders(self, x: Row, y: Row) -> Iterator[tuple[Any, tuple[Row, Row], tuple[Row, Row]]]:
        """Repeat for all m, with (x + iy)^m and (x + iy)^{m-1}."""
        reg = self._reg
        c, s, *before = (reg.variable(reg.constant(n)) for n in (1.0, 0.0, 0.0, 0.0))
        with reg.loop(self._count) as m:
            now = reg.get(c), reg.get(s)
            yield m, now, (reg.get(before[0]), reg.get(before[1]))
            reg.set(before[0], now[0])
            reg.set(before[1], now[1])
            reg.set(c, x * now[0] - y * now[1])
            reg.set(s, x * now[1] + y * now[0])

    def numbers(self, l: Any, m: Any) -> tuple[Any, Any]:
        """Indices of S_lm and S_l,-m: l (l + 1) ± m."""
        middle = self._builder.mul(l, self._builder.add(l, LONG(1)))
        return self._builder.add(middle, m), self._builder.sub(middle, m)


@intrinsic
def harmonic_rows(_, rows, degree, table, scratch, x, t, value):
    """S_lm [harmonic, row] of x [3, row]."""
    long = types.int64
    signature = types.void(long, long, table, scratch, x, t, value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rows, degree, table, scratch, x, t, value = arguments
        kinds = signature.args
        reg = Registers(context, builder, kinds[4].dtype)
        table, scratch, x, t, out = (
            reg.place(kind, array, LONG(0))
            for kind, array in zip(kinds[2:], (table, scratch, x, t, value), strict=True)
        )
        stride = _length(builder, kinds[6], arguments[6], context)
        with reg.loop(rows) as row:
            dx, dy, dz = (reg.load(x((k, stride), (row, LANES))) for k in range(3))
            harmonics = _Harmonics(reg, degree, table, scratch)
            harmonics.start(dz, reg.load(t((row, LANES))))
            with harmonics.orders(dx, dy) as (m, (c, s), _before), harmonics.degrees(m) as l:
                radial = harmonics.factor(l, m, 2) * harmonics.q(l, m)
                plus, minus = (out((n, stride), (row, LANES)) for n in harmonics.numbers(l, m))
                reg.store(radial * s, minus)
                reg.store(radial * c, plus)  # last, as for m = 0 both are the same
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def gradient_rows(_, rows, degree, table, scratch, x, t, weight, dweight, total):
    """Gradient [3, row] of Σ_lm weight_lm S_lm(x) at constant ``weight``, plus 2 x Σ_lm dweight_lm S_lm."""
    long = types.int64
    signature = types.void(long, long, table, scratch, x, t, weight, dweight, total)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds, (rows, degree) = signature.args, arguments[:2]
        reg = Registers(context, builder, kinds[4].dtype)
        table, scratch, x, t, weight, dweight, total = (
            reg.place(kind, array, LONG(0)) for kind, array in zip(kinds[2:], arguments[2:], strict=True)
        )
        stride = _length(builder, kinds[6], arguments[6], context)
        with reg.loop(rows) as row:
            dx, dy, dz = (reg.load(x((k, stride), (row, LANES))) for k in range(3))
            harmonics = _Harmonics(reg, degree, table, scratch)
            harmonics.start(dz, reg.load(t((row, LANES))))
            gx, gy, gz, inward, radial = reg.zeros(5)
            with harmonics.orders(dx, dy) as (m, (c, s), (c1, s1)):
                azimuthal, lateral, axial, central = (reg.zeros(2) for _ in range(4))
                with harmonics.degrees(m) as l:
                    q, (up, low) = harmonics.q(l, m), harmonics.below(l, m)
                    w, xy_factor, z_factor, m_factor = (harmonics.factor(l, m, k) for k in range(2, 6))
                    for sign, n in enumerate(harmonics.numbers(l, m)):
                        value, slope = (reg.load(place((n, stride), (row, LANES))) for place in (weight, dweight))
                        reg.accumulate(azimuthal[sign], m_factor * q * value)
                        reg.accumulate(lateral[sign], xy_factor * up * value)
                        reg.accumulate(axial[sign], z_factor * low * value)
                        reg.accumulate(central[sign], w * q * slope)
                by_m, by_xy, by_z, by_r = (
                    (reg.get(plus), reg.get(minus)) for plus, minus in (azimuthal, lateral, axial, central)
                )
                reg.accumulate(gx, by_m[0] * c1 + by_m[1] * s1)
                reg.accumulate(gy, by_m[1] * c1 - by_m[0] * s1)
                reg.accumulate(gz, by_z[0] * c + by_z[1] * s)
                reg.accumulate(inward, by_xy[0] * c + by_xy[1] * s)
                reg.accumulate(radial, by_r[0] * c + by_r[1] * s)
            outward = reg.get(radial) * 2.0
            across = outward - reg.get(inward)
            for k, pull in enumerate(
                (reg.get(gx) + dx * across, reg.get(gy) + dy * across, reg.get(gz) + dz * outward)
            ):
                reg.store(pull, total((k, stride), (row, LANES)))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def tangent_rows(_, rows, degree, table, scratch, x, t, along, value, dvalue):
    """S_lm [harmonic, row] of x, and their directional derivatives along ``along`` [3, row]."""
    long = types.int64
    signature = types.void(long, long, table, scratch, x, t, along, value, dvalue)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds, (rows, degree) = signature.args, arguments[:2]
        reg = Registers(context, builder, kinds[4].dtype)
        table, scratch, x, t, along, value, dvalue = (
            reg.place(kind, array, LONG(0)) for kind, array in zip(kinds[2:], arguments[2:], strict=True)
        )
        stride = _length(builder, kinds[7], arguments[7], context)
        with reg.loop(rows) as row:
            dx, dy, dz = (reg.load(x((k, stride), (row, LANES))) for k in range(3))
            tx, ty, tz = (reg.load(along((k, stride), (row, LANES))) for k in range(3))
            across = tx * dx + ty * dy
            harmonics = _Harmonics(reg, degree, table, scratch)
            harmonics.start(dz, reg.load(t((row, LANES))))
            with harmonics.orders(dx, dy) as (m, now, (c1, s1)):
                around = tx * c1 - ty * s1, tx * s1 + ty * c1
                with harmonics.degrees(m) as l:
                    q, (up, low) = harmonics.q(l, m), harmonics.below(l, m)
                    w, xy_factor, z_factor, m_factor = (harmonics.factor(l, m, k) for k in range(2, 6))
                    change = z_factor * low * tz - xy_factor * up * across
                    for sign, n in reversed(list(enumerate(harmonics.numbers(l, m)))):
                        reg.store(w * q * now[sign], value((n, stride), (row, LANES)))
                        reg.store(m_factor * q * around[sign] + change * now[sign], dvalue((n, stride), (row, LANES)))
        return context.get_dummy_value()

    return signature, generate
