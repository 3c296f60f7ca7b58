"""Sums of products over the rows of a block, as many as fit kept in registers.

    multiply   target[k, atom]    = Σ_c matrix[c, k]  source[c, atom]
    contract   target[a, b, atom] = Σ_k x[a, k, atom] y[b, k, atom]

The first is the inner kernel of any BLAS, and its operands already lie as that wants them:
nothing is packed at run time, and no library brings threads of its own.  Both are written
in the language of LLVM, as no loop in Python can say "keep this in a register".  Arrays are
given with a place and strides, counted in elements; they may have any shape but must be
contiguous.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ase_voxpot.lanes import LANES

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float

__all__ = ["contract", "multiply", "pack"]

WIDE = bool(llvm.get_host_cpu_features().get("avx512f"))
PANELS = (8, 4, 2, 1) if WIDE else (4, 2, 1)
"""Rows that ``multiply`` sums up together: as many as there are registers for, then what is left."""

LONG = ir.IntType(64)


def pack(matrix: Float[np.ndarray, "inner row"]) -> Float[np.ndarray, " entry"]:
    """A matrix as ``multiply`` reads it: one panel of columns after the other."""
    parts, start = [], 0
    while start < matrix.shape[1]:
        width = next(w for w in PANELS if w <= matrix.shape[1] - start)
        parts.append(matrix[:, start : start + width].ravel())
        start += width
    return np.concatenate(parts) if parts else np.empty(0, matrix.dtype)


class _Rows:
    """Loads and stores of whole rows of one kind of number."""

    def __init__(self, builder: Any, scalar: Any) -> None:
        self._builder, self.scalar, self.vector = builder, scalar, ir.VectorType(scalar, LANES)
        self._align = 4 if isinstance(scalar, ir.FloatType) else 8
        self.zero = ir.Constant(self.vector, None)

    def at(self, base: Any, *steps: tuple[Any, Any]) -> Any:
        """The address ``base`` moved by the products of ``steps``."""
        place = LONG(0)
        for number, stride in steps:
            place = self._builder.add(place, self._builder.mul(number, stride))
        return self._builder.gep(base, [place], source_etype=self.scalar)

    def load(self, place: Any) -> Any:
        row = self._builder.bitcast(place, self.vector.as_pointer())
        return self._builder.load(row, align=self._align, typ=self.vector)

    def store(self, row: Any, place: Any) -> None:
        self._builder.store(row, self._builder.bitcast(place, self.vector.as_pointer()), align=self._align)

    def spread(self, place: Any) -> Any:
        """One number in all lanes."""
        number = self._builder.load(place, typ=self.scalar)
        first = self._builder.insert_element(self.zero, number, ir.IntType(32)(0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)
        return self._builder.shuffle_vector(first, self.zero, mask)

    def sums(self, places: list[Any], add: Any) -> list[Any]:
        """Registers for sums, beginning with what ``places`` hold if ``add``."""
        held = [cgutils.alloca_once(self._builder, self.vector) for _ in places]
        with self._builder.if_else(add) as (then, otherwise):
            with then:
                for register, place in zip(held, places, strict=True):
                    self._builder.store(self.load(place), register)
            with otherwise:
                for register in held:
                    self._builder.store(self.zero, register)
        return held

    def accumulate(self, register: Any, a: Any, b: Any) -> None:
        product = self._builder.fmul(a, b, flags=("fast",))
        before = self._builder.load(register, typ=self.vector)
        self._builder.store(self._builder.fadd(before, product, flags=("fast",)), register)

    def keep(self, held: list[Any], places: list[Any]) -> None:
        for register, place in zip(held, places, strict=True):
            self.store(self._builder.load(register, typ=self.vector), place)


def _pointer(context: Any, builder: Any, kind: Any, value: Any, place: Any) -> Any:
    data = context.make_array(kind)(context, builder, value).data
    return builder.gep(data, [place], source_etype=context.get_data_type(kind.dtype))


def _in_steps(builder: Any, total: Any, widths: tuple[int, ...], body: Callable[[Any, int], None]) -> None:
    """Call ``body(begin, width)`` for begin up to ``total``, in the widest steps that still fit."""
    done = LONG(0)
    for width in widths:
        count = builder.sdiv(builder.sub(total, done), LONG(width))
        with cgutils.for_range(builder, count, intp=LONG) as loop:
            body(builder.add(done, builder.mul(loop.index, LONG(width))), width)
        done = builder.add(done, builder.mul(count, LONG(width)))


@intrinsic  # type: ignore[misc]
def multiply(_, matrix, start, rows, inner, source, begin, step, target, to, stride, add):  # type: ignore[no-untyped-def]
    """target[to + k stride + atom] (+)= Σ_c matrix[c, k] source[begin + c step + atom].

    ``matrix`` [inner, rows] is packed and begins at ``start``; ``add`` adds to what ``target`` holds.
    """
    long = types.int64
    signature = types.void(matrix, long, long, long, source, long, long, target, long, long, types.boolean)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        matrix, start, total, inner, source, begin, step, target, to, stride, add = arguments
        kinds = signature.args
        rows = _Rows(builder, context.get_data_type(kinds[0].dtype))
        matrix = _pointer(context, builder, kinds[0], matrix, start)
        source = _pointer(context, builder, kinds[4], source, begin)
        target = _pointer(context, builder, kinds[7], target, to)

        def panel(first: Any, width: int) -> None:
            places = [rows.at(target, (builder.add(first, LONG(r)), stride)) for r in range(width)]
            factors = rows.at(matrix, (first, inner))
            held = rows.sums(places, add)
            with cgutils.for_range(builder, inner, intp=LONG) as loop:
                row = rows.load(rows.at(source, (loop.index, step)))
                for r, register in enumerate(held):
                    factor = rows.spread(rows.at(factors, (loop.index, LONG(width)), (LONG(r), LONG(1))))
                    rows.accumulate(register, factor, row)
            rows.keep(held, places)

        _in_steps(builder, total, PANELS, panel)
        return context.get_dummy_value()

    return signature, generate


@intrinsic  # type: ignore[misc]
def contract(_, na, nb, nk, x, x0, xa, xk, y, y0, yb, yk, target, to, ta, tb, add):  # type: ignore[no-untyped-def]
    """target[to + a ta + b tb + atom] (+)= Σ_k x[x0 + a xa + k xk + atom] y[y0 + b yb + k yk + atom].

    For a < ``na``, b < ``nb``, k < ``nk``; ``add`` adds to what ``target`` holds.
    """
    long = types.int64
    places = (long, long, long)
    signature = types.void(*places, x, *places, y, *places, target, *places, types.boolean)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        na, nb, nk, x, x0, xa, xk, y, y0, yb, yk, target, to, ta, tb, add = arguments
        kinds = signature.args
        rows = _Rows(builder, context.get_data_type(kinds[3].dtype))
        x = _pointer(context, builder, kinds[3], x, x0)
        y = _pointer(context, builder, kinds[7], y, y0)
        target = _pointer(context, builder, kinds[11], target, to)
        sides = (4, 1) if WIDE and isinstance(rows.scalar, ir.FloatType) else (2, 1)

        def tile(a: Any, width: int, b: Any, height: int) -> None:
            here = [builder.add(a, LONG(i)) for i in range(width)]
            there = [builder.add(b, LONG(j)) for j in range(height)]
            places = [rows.at(target, (i, ta), (j, tb)) for i in here for j in there]
            held = rows.sums(places, add)
            with cgutils.for_range(builder, nk, intp=LONG) as loop:
                left = [rows.load(rows.at(x, (i, xa), (loop.index, xk))) for i in here]
                right = [rows.load(rows.at(y, (j, yb), (loop.index, yk))) for j in there]
                for register, (p, q) in zip(held, ((p, q) for p in left for q in right), strict=True):
                    rows.accumulate(register, p, q)
            rows.keep(held, places)

        _in_steps(
            builder,
            na,
            sides,
            lambda a, width: _in_steps(builder, nb, sides, lambda b, height: tile(a, width, b, height)),
        )
        return context.get_dummy_value()

    return signature, generate
