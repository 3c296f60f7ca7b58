"""A potential as one C function, for calls without the Python interpreter.

    long long pass(work, atoms, pairs, forces, species, first, channel, offset, energies, gradient)

It calls the compiled functions of ``engines.cpu.passes`` and ``baseline.repulsion``, with identical
results.  ``work`` points to a struct of weights and buffers in Numba's layout of tuples of arrays, which holds
addresses only.
"""

from __future__ import annotations

import ctypes
import struct
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numba import carray, typeof, types  # type: ignore[attr-defined]
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic

from ase_voxpot.baseline.repulsion import add_baseline
from ase_voxpot.compiled import cfunc, njit
from ase_voxpot.engines.cpu.passes import evaluate_blocks
from ase_voxpot.simd import LANES

if TYPE_CHECKING:
    from ase_voxpot.baseline.energies import Baseline
    from ase_voxpot.engines.cpu.engine import CpuEngine

__all__ = ["PROTOTYPE", "NativePass", "Work", "evaluate"]

PROTOTYPE = ctypes.CFUNCTYPE(
    ctypes.c_longlong, ctypes.c_void_p, ctypes.c_longlong, ctypes.c_longlong, ctypes.c_int, *[ctypes.c_void_p] * 6
)
"""Signature of the function in C."""


class Work(NamedTuple):
    """Weights, buffers and baseline of one potential."""

    weights: Any  # engines.cpu.passes.Weights
    pair_buffers: Any  # descriptor.blocks.PairBuffers
    buffers: Any  # engines.cpu.passes.NetworkBuffers
    reference: np.ndarray
    charge: np.ndarray
    inner: float
    outer: float


@njit(nogil=True)
def _by_species(species, count):  # pragma: no cover - compiled
    """Indices of the atoms sorted by species."""
    start = np.zeros(count + 1, np.int64)
    for s in species:
        start[s + 1] += 1
    for s in range(count):
        start[s + 1] += start[s]
    order = np.empty(len(species), np.int64)
    for i in range(len(species)):
        order[start[species[i]]] = i
        start[species[i]] += 1
    return order


@njit(nogil=True)
def evaluate(work, species, first, channel, offset, energies, slopes):  # pragma: no cover - compiled
    """Energies [atom] in eV and dE/dd [pair, 3] in eV/Å, or none if ``slopes`` is empty.

    Returns 0; or, without computing anything, the largest number of neighbours if it exceeds the buffers.
    """
    atoms, most = len(species), 0
    for i in range(atoms):
        most = max(most, first[i + 1] - first[i])
    if most > work.pair_buffers.slot.shape[1]:
        return most
    order = _by_species(species, len(work.charge))
    features = np.empty((0, 0), work.weights.mean.dtype)
    evaluate_blocks(
        np.int64(0), -(-atoms // LANES), order, species, first, channel, offset, work.pair_buffers, work.weights,
        work.buffers, energies, slopes, features,
    )  # fmt: skip
    add_baseline(work.reference, work.charge, work.inner, work.outer, species, first, channel, offset, energies, slopes)
    return 0


_KINDS: dict[str, Any] = {}
"""Numba types of ``Work`` by name, as the cache of compiled functions needs a literal."""


@intrinsic(prefer_literal=True)
def _load(_, address, kind):
    """The tuple at ``address``, written by ``_words``, of the type named ``kind``."""
    wanted = _KINDS[kind.literal_value]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        model = context.data_model_manager[wanted]
        place = builder.bitcast(arguments[0], model.get_data_type().as_pointer())
        return impl_ret_borrowed(context, builder, wanted, model.load_from_data_pointer(builder, place))

    return wanted(address, kind), generate


def _words(value: Any) -> list[int]:
    """A value in Numba's memory layout, in words of eight bytes; arrays without an owner."""
    if isinstance(value, tuple):
        return [word for part in value for word in _words(part)]
    if isinstance(value, np.ndarray):
        return [0, 0, value.size, value.itemsize, value.ctypes.data, *value.shape, *value.strides]
    return [struct.unpack("q", struct.pack("d", value))[0]] if isinstance(value, float) else [int(value)]


@cache
def _function(kind: str) -> Any:
    """The C function for ``Work`` of the type named ``kind``."""
    long, ints, doubles = types.int64, types.CPointer(types.int32), types.CPointer(types.float64)
    signature = long(
        types.CPointer(long), long, long, types.int32, ints, types.CPointer(long), ints, doubles, doubles, doubles
    )

    @cfunc(signature)
    def function(  # pragma: no cover - compiled
        work, atoms, pairs, forces, species, first, channel, offset, energies, gradient
    ):
        return evaluate(
            _load(work, kind),  # type: ignore[call-arg]  # Numba adds the first one
            carray(species, atoms),
            carray(first, atoms + 1),
            carray(channel, pairs),
            carray(offset, (pairs, 3)),
            carray(energies, atoms),
            carray(gradient, (pairs if forces else 0, 3)),
        )

    return function


class NativePass:
    """The C function of one potential, with buffers for one thread."""

    def __init__(self, engine: CpuEngine, baseline: Baseline) -> None:
        """Copy the present weights."""
        self._network, self._baseline = engine, baseline
        self._most = 0
        self.reserve(64)
        kind = typeof(self._work)
        _KINDS[str(kind)] = kind
        self.address: int = _function(str(kind)).address

    def reserve(self, most: int) -> int:
        """Address of buffers for atoms with at most ``most`` neighbours."""
        if most > self._most:
            self._most = most + most // 4
            base = self._baseline
            parts = self._network.parts(self._most)
            self._work = Work(*parts, base.reference, base.charge, float(base.inner), float(base.outer))
            self._block = np.array(_words(self._work), np.int64)
        return int(self._block.ctypes.data)
