"""Sums of products over the rows of a block, as many as fit kept in registers.

    multiply   target[k, atom]    = Σ_c matrix[c, k]  source[c, atom]
    contract   target[a, b, atom] = Σ_k x[a, k, atom] y[b, k, atom]
    correlate  target[a, b]       = Σ_block,k,atom x[block, a, k, atom] y[block, b, k, atom]

The first is the inner kernel of a BLAS, with operands already in its layout:
nothing is packed at run time, and no library threads are started.  Arrays are given
with a place and strides, counted in elements; they may have any shape but must be contiguous.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm
import numpy as np
from numba import types

from ase_voxpot.simd.registers import LONG, Registers, intrinsic

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float

__all__ = ["contract", "correlate", "multiply", "pack"]

WIDE = bool(llvm.get_host_cpu_features().get("avx512f"))
PANELS = (8, 4, 2, 1) if WIDE else (4, 2, 1)
"""Numbers of rows that ``multiply`` keeps in registers, largest first."""


def pack(matrices: Float[np.ndarray, "*stack inner row"]) -> Float[np.ndarray, "*stack entry"]:
    """Matrices in the layout of ``multiply``: one panel of columns after the other.

    >>> pack(np.arange(6.0).reshape(2, 3)).shape
    (6,)
    """
    *stack, inner, rows = matrices.shape
    packed, start = np.empty((*stack, inner * rows), matrices.dtype), 0
    for width in PANELS:
        count = (rows - start) // width
        end = start + count * width
        panels = packed[..., inner * start : inner * end].reshape(*stack, count, inner, width)  # a view
        panels[...] = matrices[..., start:end].reshape(*stack, inner, count, width).swapaxes(-3, -2)
        start = end
    return packed


def _in_steps(registers: Registers, total: Any, widths: tuple[int, ...], body: Callable[[Any, int], None]) -> None:
    """Call ``body(begin, width)`` for begin up to ``total``, in the widest steps that still fit."""
    builder, done = registers.builder, LONG(0)
    for width in widths:
        count = builder.sdiv(builder.sub(total, done), LONG(width))
        with registers.loop(count) as turn:
            body(builder.add(done, builder.mul(turn, LONG(width))), width)
        done = builder.add(done, builder.mul(count, LONG(width)))


@intrinsic
def multiply(_, matrix, start, rows, inner, source, begin, step, target, to, stride, add):
    """target[to + k stride + atom] (+)= Σ_c matrix[c, k] source[begin + c step + atom].

    ``matrix`` [inner, rows] is packed and begins at ``start``; ``add`` adds to what ``target`` holds.
    """
    long = types.int64
    signature = types.void(matrix, long, long, long, source, long, long, target, long, long, types.boolean)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        matrix, start, rows, inner, source, begin, step, target, to, stride, add = arguments
        kinds = signature.args
        reg = Registers(context, builder, kinds[0].dtype)
        factors, rows_in = reg.place(kinds[0], matrix, start), reg.place(kinds[4], source, begin)
        rows_out = reg.place(kinds[7], target, to)

        def panel(first: Any, width: int) -> None:
            places = [rows_out((first, stride), (r, stride)) for r in range(width)]
            held = reg.sums(places, add)
            columns = factors((first, inner))
            with reg.loop(inner) as c:
                row = reg.load(rows_in((c, step)))
                for r, register in enumerate(held):
                    reg.accumulate(register, reg.spread(columns((c, width), (r, 1))) * row)
            reg.keep(held, places)

        _in_steps(reg, rows, PANELS, panel)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def contract(_, na, nb, nk, x, x0, xa, xk, y, y0, yb, yk, target, to, ta, tb, add):
    """target[to + a ta + b tb + atom] (+)= Σ_k x[x0 + a xa + k xk + atom] y[y0 + b yb + k yk + atom].

    For a < ``na``, b < ``nb``, k < ``nk``; ``add`` adds to what ``target`` holds.
    """
    long = types.int64
    places = (long, long, long)
    signature = types.void(*places, x, *places, y, *places, target, *places, types.boolean)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        na, nb, nk, x, x0, xa, xk, y, y0, yb, yk, target, to, ta, tb, add = arguments
        kinds = signature.args
        reg = Registers(context, builder, kinds[3].dtype)
        left, right = reg.place(kinds[3], x, x0), reg.place(kinds[7], y, y0)
        out = reg.place(kinds[11], target, to)
        sides = (4, 1) if WIDE and reg.single else (2, 1)

        def tile(a: Any, width: int, b: Any, height: int) -> None:
            here, there = left((a, xa)), right((b, yb))
            corner = out((a, ta), (b, tb))
            places = [corner((i, ta), (j, tb)) for i in range(width) for j in range(height)]
            held = reg.sums(places, add)
            with reg.loop(nk) as k:
                p = [reg.load(here((i, xa), (k, xk))) for i in range(width)]
                q = [reg.load(there((j, yb), (k, yk))) for j in range(height)]
                for register, product in zip(held, (a * b for a in p for b in q), strict=True):
                    reg.accumulate(register, product)
            reg.keep(held, places)

        def strip(a: Any, width: int) -> None:
            _in_steps(reg, nb, sides, lambda b, height: tile(a, width, b, height))

        _in_steps(reg, na, sides, strip)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def correlate(_, na, nb, blocks, nk, x, x0, xa, xk, xn, y, y0, yb, yk, yn, target, to, ta, tb):
    """target[to + a ta + b tb] += Σ_n,k,atom x[x0 + a xa + k xk + n xn + atom] y[y0 + b yb + k yk + n yn + atom].

    For a < ``na``, b < ``nb``, k < ``nk`` and n < ``blocks``: the derivative of a sum by the matrix of ``multiply``.
    """
    long = types.int64
    places = (long, long, long, long)
    signature = types.void(*places, x, *places, y, *places, target, long, long, long)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        na, nb, blocks, nk, x, x0, xa, xk, xn, y, y0, yb, yk, yn, target, to, ta, tb = arguments
        kinds = signature.args
        reg = Registers(context, builder, kinds[4].dtype)
        left, right, out = reg.place(kinds[4], x, x0), reg.place(kinds[9], y, y0), reg.place(kinds[14], target, to)
        sides = (4, 1) if WIDE and reg.single else (2, 1)

        def tile(a: Any, width: int, b: Any, height: int) -> None:
            here, there, corner = left((a, xa)), right((b, yb)), out((a, ta), (b, tb))
            held = reg.zeros(width * height)
            with reg.loop(blocks) as n, reg.loop(nk) as k:
                p = [reg.load(here((i, xa), (k, xk), (n, xn))) for i in range(width)]
                q = [reg.load(there((j, yb), (k, yk), (n, yn))) for j in range(height)]
                for register, product in zip(held, (a * b for a in p for b in q), strict=True):
                    reg.accumulate(register, product)
            entries = [corner((i, ta), (j, tb)) for i in range(width) for j in range(height)]
            for register, entry in zip(held, entries, strict=True):
                reg.add_total(reg.get(register), entry)

        def strip(a: Any, width: int) -> None:
            _in_steps(reg, nb, sides, lambda b, height: tile(a, width, b, height))

        _in_steps(reg, na, sides, strip)
        return context.get_dummy_value()

    return signature, generate
