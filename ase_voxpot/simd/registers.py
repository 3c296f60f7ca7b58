"""Rows of a block as operands of Python expressions, for intrinsics of Numba.

Vectorisation does not depend on the compiler: every operation on a ``Row`` is one vector
instruction on all atoms of the block. A Python expression over rows is executed once, when the
intrinsic is compiled, and emits its instructions.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numba.extending
from llvmlite import ir
from numba.core import cgutils

from ase_voxpot.simd import LANES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Place", "Registers", "Row", "Split", "intrinsic"]

LONG = ir.IntType(64)
FAST = ("fast",)


def intrinsic(function: Callable[..., Any]) -> Any:
    """Numba's decorator, untyped: calls omit the first argument, which annotations cannot express."""
    return numba.extending.intrinsic(function)


class Row:
    """One number per atom of a block."""

    def __init__(self, builder: Any, value: Any) -> None:
        self._builder, self.value = builder, value

    def _other(self, other: Row | float) -> Any:
        return other.value if isinstance(other, Row) else ir.Constant(self.value.type, [float(other)] * LANES)

    def __add__(self, other: Row | float) -> Row:
        return Row(self._builder, self._builder.fadd(self.value, self._other(other), flags=FAST))

    def __sub__(self, other: Row | float) -> Row:
        return Row(self._builder, self._builder.fsub(self.value, self._other(other), flags=FAST))

    def __mul__(self, other: Row | float) -> Row:
        return Row(self._builder, self._builder.fmul(self.value, self._other(other), flags=FAST))

    __rmul__ = __mul__

    def at_least(self, least: float) -> Row:
        """The larger of the two."""
        other = self._other(least)
        below = self._builder.fcmp_ordered("<", self.value, other)
        return Row(self._builder, self._builder.select(below, other, self.value))


class Split:
    """e + j o with j² = 1: the two parts of a function at a point of a sphere and its antipode."""

    def __init__(self, even: Row, odd: Row) -> None:
        self.even, self.odd = even, odd

    def __add__(self, other: Split) -> Split:
        return Split(self.even + other.even, self.odd + other.odd)

    def __mul__(self, other: Split | Row | float) -> Split:
        if not isinstance(other, Split):
            return Split(self.even * other, self.odd * other)
        return Split(self.even * other.even + self.odd * other.odd, self.even * other.odd + self.odd * other.even)

    __rmul__ = __mul__


class Place:
    """An address in an array: an element of it, and steps from there counted in elements."""

    def __init__(self, builder: Any, scalar: Any, pointer: Any) -> None:
        self.builder, self.scalar, self.pointer = builder, scalar, pointer

    def __call__(self, *steps: tuple[Any, Any]) -> Place:
        """The place that is the sum of the products of ``steps`` further on."""
        total = LONG(0)
        for number, stride in steps:
            a, b = (LONG(n) if isinstance(n, int) else n for n in (number, stride))
            total = self.builder.add(total, self.builder.mul(a, b))
        moved = self.builder.gep(self.pointer, [total], source_etype=self.scalar)
        return Place(self.builder, self.scalar, moved)


class Registers:
    """Operations of an intrinsic on rows: load, accumulate, store, loop."""

    def __init__(self, context: Any, builder: Any, scalar: Any) -> None:
        self._context, self.builder = context, builder
        self.scalar = context.get_data_type(scalar)
        self.single = isinstance(self.scalar, ir.FloatType)
        self._vector, self._align = ir.VectorType(self.scalar, LANES), 4 if self.single else 8

    def place(self, kind: Any, array: Any, start: Any) -> Place:
        """Element ``start`` of a contiguous array of any shape."""
        data = self._context.make_array(kind)(self._context, self.builder, array).data
        return Place(self.builder, self.scalar, data)((start, 1))

    def load(self, place: Place) -> Row:
        """The row that begins at ``place``."""
        pointer = self.builder.bitcast(place.pointer, self._vector.as_pointer())
        return Row(self.builder, self.builder.load(pointer, align=self._align, typ=self._vector))

    def store(self, row: Row, place: Place) -> None:
        """Write the row that begins at ``place``."""
        pointer = self.builder.bitcast(place.pointer, self._vector.as_pointer())
        self.builder.store(row.value, pointer, align=self._align)

    def spread(self, place: Place) -> Row:
        """One number for all atoms."""
        return self._in_all_lanes(self.builder.load(place.pointer, typ=self.scalar))

    def number(self, value: Any) -> Row:
        """The same for an argument in double precision."""
        return self._in_all_lanes(self.builder.fptrunc(value, self.scalar) if self.single else value)

    def constant(self, value: float) -> Row:
        """The same for a number that is known now."""
        return Row(self.builder, ir.Constant(self._vector, [value] * LANES))

    def _in_all_lanes(self, number: Any) -> Row:
        zero, mask = ir.Constant(self._vector, None), ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)
        first = self.builder.insert_element(zero, number, ir.IntType(32)(0))
        return Row(self.builder, self.builder.shuffle_vector(first, zero, mask))

    @contextmanager
    def loop(self, count: Any) -> Iterator[Any]:
        """A loop; yields its index."""
        with cgutils.for_range(self.builder, count, intp=LONG) as turn:
            yield turn.index

    def variable(self, row: Row) -> Any:
        """A register that can be set anew, as in a recursion."""
        register = cgutils.alloca_once(self.builder, self._vector)
        self.set(register, row)
        return register

    def set(self, register: Any, row: Row) -> None:
        """Put another row into a register."""
        self.builder.store(row.value, register)

    def zeros(self, count: int) -> list[Any]:
        """Accumulators in registers, set to zero."""
        return [self.variable(self.constant(0.0)) for _ in range(count)]

    def sums(self, places: list[Place], add: Any) -> list[Any]:
        """Accumulators that start with the values at ``places`` if ``add``, else zero."""
        held = self.zeros(len(places))
        with self.builder.if_then(add):
            for register, place in zip(held, places, strict=True):
                self.set(register, self.load(place))
        return held

    def accumulate(self, register: Any, row: Row) -> None:
        """Add to a sum."""
        self.set(register, self.get(register) + row)

    def get(self, register: Any) -> Row:
        """Value of a register."""
        return Row(self.builder, self.builder.load(register, typ=self._vector))

    def add_total(self, row: Row, place: Place) -> None:
        """Add the sum over all atoms of the block to one number."""
        kind = ir.FunctionType(self.scalar, [self.scalar, self._vector])
        name = f"llvm.vector.reduce.fadd.v{LANES}{'f32' if self.single else 'f64'}"
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        total = self.builder.call(function, [ir.Constant(self.scalar, 0.0), row.value], fastmath=FAST)
        before = self.builder.load(place.pointer, typ=self.scalar)
        self.builder.store(self.builder.fadd(before, total, flags=FAST), place.pointer)

    def keep(self, held: list[Any], places: list[Place]) -> None:
        """Store sums."""
        for register, place in zip(held, places, strict=True):
            self.store(self.get(register), place)
