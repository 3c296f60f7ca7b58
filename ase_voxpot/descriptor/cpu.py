"""The coefficients A in Numba: ``blocks`` of atoms, spread over threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.compiled import njit
from ase_voxpot.descriptor.blocks import deposit_block, gather_block, pair_buffers, sort_pairs, tangent_block
from ase_voxpot.simd import LANES, aligned
from ase_voxpot.simd.threads import spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jaxtyping import Float, Int

    from ase_voxpot.descriptor import Fold

__all__ = ["deposit", "deposit_tangent", "gather"]


@njit()
def _unfold(seen, start, out):  # pragma: no cover - compiled
    """From [channel, harmonic, lane] to [harmonic, atom, channel]."""
    for m in range(out.shape[0]):
        for lane in range(min(LANES, out.shape[1] - start)):
            for c in range(out.shape[2]):
                out[m, start + lane, c] = seen[c, m, lane]


@njit()
def _fold(field, start, mine):  # pragma: no cover - compiled
    """The reverse of ``_unfold``, with zeros in lanes that are free."""
    count = min(LANES, field.shape[1] - start)
    mine[:, :, count:] = 0
    for m in range(field.shape[0]):
        for lane in range(count):
            for c in range(field.shape[2]):
                mine[c, m, lane] = field[m, start + lane, c]


@njit(nogil=True)
def _deposit(begin, end, buffers, block, offset, first, channel, out):  # pragma: no cover - compiled
    for start in range(begin * LANES, end * LANES, LANES):
        sort_pairs(np.arange(start, min(start + LANES, out.shape[1])), first, channel, buffers)
        deposit_block(offset, buffers, block)
        _unfold(block, start, out)


@njit(nogil=True)
def _gather(begin, end, buffers, block, offset, first, channel, field, out):  # pragma: no cover - compiled
    for start in range(begin * LANES, end * LANES, LANES):
        sort_pairs(np.arange(start, min(start + LANES, field.shape[1])), first, channel, buffers)
        _fold(field, start, block)
        gather_block(block, offset, buffers, out)


@njit(nogil=True)
def _deposit_tangent(begin, end, buffers, block, offset, first, channel, tangent, out):  # pragma: no cover - compiled
    for start in range(begin * LANES, end * LANES, LANES):
        sort_pairs(np.arange(start, min(start + LANES, out.shape[1])), first, channel, buffers)
        tangent_block(tangent, offset, buffers, block)
        _unfold(block, start, out)


def _run(
    kernel: Callable[..., None],
    pairs: tuple[np.ndarray, np.ndarray, np.ndarray],
    arrays: tuple[np.ndarray, ...],
    *,
    species: int,
    fold: Fold,
    dtype: Any,
) -> None:
    """Call ``kernel`` for all blocks, with buffers of its own in each thread."""
    offset, first, channel = pairs
    most = int(np.diff(first).max(initial=1))

    def work(pieces: Iterator[tuple[int, int]]) -> None:
        buffers = pair_buffers(fold, species=species, most=most, dtype=dtype)
        block = aligned(species * fold.shells, fold.harmonics, LANES, dtype=dtype)
        for begin, end in pieces:
            kernel(begin, end, buffers, block, offset, first, channel, *arrays)

    spread(work, -(-(len(first) - 1) // LANES))


def deposit(
    offset: Float[np.ndarray, "pair 3"],
    first: Int[np.ndarray, " atom_plus_1"],
    channel: Int[np.ndarray, " pair"],
    *,
    species: int,
    fold: Fold,
    dtype: type[np.floating] | np.dtype = np.float64,
) -> Float[np.ndarray, "harmonic atom channel"]:
    """Coefficients A of every atom, the input of a steerable network.

    Args:
        offset: vectors d_ij in Å, float64.
        first: the pairs of atom i are ``first[i]:first[i + 1]``.
        channel: species number of the neighbour.
        species: how many species there are.
        fold: cutoff, narrowing, shells and degree.
        dtype: precision of the sums.
    """
    out = np.empty((fold.harmonics, len(first) - 1, species * fold.shells), dtype)
    _run(_deposit, (offset, first, channel), (out,), species=species, fold=fold, dtype=dtype)
    return out


def gather(
    field: Float[np.ndarray, "harmonic atom channel"],
    offset: Float[np.ndarray, "pair 3"],
    first: Int[np.ndarray, " atom_plus_1"],
    channel: Int[np.ndarray, " pair"],
    *,
    fold: Fold,
) -> Float[np.ndarray, "pair 3"]:
    """Derivative of ⟨field, A⟩ with respect to every offset, in the units of ``field`` per Å."""
    out = np.empty((len(offset), 3), field.dtype)
    species = field.shape[2] // fold.shells
    _run(_gather, (offset, first, channel), (field, out), species=species, fold=fold, dtype=field.dtype)
    return out


def deposit_tangent(
    tangent: Float[np.ndarray, "pair 3"],
    offset: Float[np.ndarray, "pair 3"],
    first: Int[np.ndarray, " atom_plus_1"],
    channel: Int[np.ndarray, " pair"],
    *,
    species: int,
    fold: Fold,
) -> Float[np.ndarray, "harmonic atom channel"]:
    """Directional derivative of A along a ``tangent`` per neighbour."""
    out = np.empty((fold.harmonics, len(first) - 1, species * fold.shells), tangent.dtype)
    _run(_deposit_tangent, (offset, first, channel), (tangent, out), species=species, fold=fold, dtype=tangent.dtype)
    return out
