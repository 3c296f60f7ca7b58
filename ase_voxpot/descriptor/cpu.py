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

    from ase_voxpot.descriptor import Expansion

__all__ = ["deposit", "deposit_tangent", "gather"]


@njit()
def _from_block(block, start, out):  # pragma: no cover - compiled
    """From [channel, harmonic, lane] to [harmonic, atom, channel]."""
    for m in range(out.shape[0]):
        for lane in range(min(LANES, out.shape[1] - start)):
            for c in range(out.shape[2]):
                out[m, start + lane, c] = block[c, m, lane]


@njit()
def _to_block(field, start, block):  # pragma: no cover - compiled
    """The inverse of ``_from_block``, with zeros in unused lanes."""
    count = min(LANES, field.shape[1] - start)
    block[:, :, count:] = 0
    for m in range(field.shape[0]):
        for lane in range(count):
            for c in range(field.shape[2]):
                block[c, m, lane] = field[m, start + lane, c]


@njit(nogil=True)
def _deposit(begin, end, buffers, block, offset, first, channel, out):  # pragma: no cover - compiled
    for start in range(begin * LANES, end * LANES, LANES):
        sort_pairs(np.arange(start, min(start + LANES, out.shape[1])), first, channel, buffers)
        deposit_block(offset, buffers, block)
        _from_block(block, start, out)


@njit(nogil=True)
def _gather(begin, end, buffers, block, offset, first, channel, field, out):  # pragma: no cover - compiled
    for start in range(begin * LANES, end * LANES, LANES):
        sort_pairs(np.arange(start, min(start + LANES, field.shape[1])), first, channel, buffers)
        _to_block(field, start, block)
        gather_block(block, offset, buffers, out)


@njit(nogil=True)
def _deposit_tangent(begin, end, buffers, block, offset, first, channel, tangent, out):  # pragma: no cover - compiled
    for start in range(begin * LANES, end * LANES, LANES):
        sort_pairs(np.arange(start, min(start + LANES, out.shape[1])), first, channel, buffers)
        tangent_block(tangent, offset, buffers, block)
        _from_block(block, start, out)


def _run(
    kernel: Callable[..., None],
    pairs: tuple[np.ndarray, np.ndarray, np.ndarray],
    arrays: tuple[np.ndarray, ...],
    *,
    species: int,
    expansion: Expansion,
    dtype: Any,
) -> None:
    """Call ``kernel`` for all blocks, with buffers of its own in each thread."""
    offset, first, channel = pairs
    most = int(np.diff(first).max(initial=1))

    def work(pieces: Iterator[tuple[int, int]]) -> None:
        buffers = pair_buffers(expansion, species=species, most=most, dtype=dtype)
        block = aligned(species * expansion.radial, expansion.harmonics, LANES, dtype=dtype)
        for begin, end in pieces:
            kernel(begin, end, buffers, block, offset, first, channel, *arrays)

    spread(work, -(-(len(first) - 1) // LANES))


def deposit(
    offset: Float[np.ndarray, "pair 3"],
    first: Int[np.ndarray, " atom_plus_1"],
    channel: Int[np.ndarray, " pair"],
    *,
    species: int,
    expansion: Expansion,
    dtype: type[np.floating] | np.dtype = np.float64,
) -> Float[np.ndarray, "harmonic atom channel"]:
    """Coefficients A of every atom, the input of a steerable network.

    Args:
        offset: vectors d_ij in Å, float64.
        first: the pairs of atom i are ``first[i]:first[i + 1]``.
        channel: species number of the neighbour.
        species: how many species there are.
        expansion: cutoff, narrowing, shells and degree.
        dtype: precision of the sums.
    """
    out = np.empty((expansion.harmonics, len(first) - 1, species * expansion.radial), dtype)
    _run(_deposit, (offset, first, channel), (out,), species=species, expansion=expansion, dtype=dtype)
    return out


def gather(
    field: Float[np.ndarray, "harmonic atom channel"],
    offset: Float[np.ndarray, "pair 3"],
    first: Int[np.ndarray, " atom_plus_1"],
    channel: Int[np.ndarray, " pair"],
    *,
    expansion: Expansion,
) -> Float[np.ndarray, "pair 3"]:
    """Derivative of ⟨field, A⟩ with respect to every offset, in the units of ``field`` per Å."""
    out = np.empty((len(offset), 3), field.dtype)
    species = field.shape[2] // expansion.radial
    _run(_gather, (offset, first, channel), (field, out), species=species, expansion=expansion, dtype=field.dtype)
    return out


def deposit_tangent(
    tangent: Float[np.ndarray, "pair 3"],
    offset: Float[np.ndarray, "pair 3"],
    first: Int[np.ndarray, " atom_plus_1"],
    channel: Int[np.ndarray, " pair"],
    *,
    species: int,
    expansion: Expansion,
) -> Float[np.ndarray, "harmonic atom channel"]:
    """Directional derivative of A along a ``tangent`` per neighbour."""
    out = np.empty((expansion.harmonics, len(first) - 1, species * expansion.radial), tangent.dtype)
    _run(
        _deposit_tangent,
        (offset, first, channel),
        (tangent, out),
        species=species,
        expansion=expansion,
        dtype=tangent.dtype,
    )
    return out
