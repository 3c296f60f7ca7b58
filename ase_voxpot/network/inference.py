"""The steerable network without a graph: from pairs to energies and their derivative, written by hand.

The same numbers as ``SteerableNetwork`` with automatic differentiation, for the CPU.  A
block of atoms goes from its pairs to their derivatives in one piece, by one thread, in
arrays that are made once and stay in the nearest cache (``lanes`` has the layout):

    pairs ─► seen ─ W_l ► u ────────────────► squares ┐
                  ─ V_l ► mixed ─ Y ► f ─────► products ┴► x ─► dense ─► energy

and back.  Atoms are taken species by species, so that the blocks are of one species but
for those in which the species changes; these go through the dense layers of each, and the
lanes of the others count zero.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numba import njit

from ase_voxpot.folded.blocks import PairRoom, deposit_block, gather_block, pair_room, sort_neighbours, sort_pairs
from ase_voxpot.lanes import LANES, aligned
from ase_voxpot.lanes.threads import spread
from ase_voxpot.lanes.tiles import multiply, pack
from ase_voxpot.network.blocks import (
    products_adjoint_block,
    products_block,
    silu_block,
    squares_adjoint_block,
    squares_block,
    tame_block,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxtyping import Float, Int

    from ase_voxpot.folded import Fold
    from ase_voxpot.neighbours import Pairs
    from ase_voxpot.network.steerable import SteerableNetwork

__all__ = [
    "SteerableInference",
    "dense",
    "energies_of",
    "evaluate_blocks",
    "from_sphere",
    "mix",
    "mix_back",
    "to_sphere",
]


class Weights(NamedTuple):
    """What a network has learned, every matrix packed for ``multiply``, forwards and backwards."""

    degree: int
    pairs: Float[np.ndarray, " entry"]  # a matrix per degree, from channels to u
    pairs_back: Float[np.ndarray, " entry"]
    fields: Float[np.ndarray, " entry"]  # likewise, from channels to mixed
    fields_back: Float[np.ndarray, " entry"]
    place: Int[np.ndarray, " harmonic"]  # row of each harmonic in mixed: even degrees first
    even: int  # how many harmonics of even degree there are
    sphere: Float[np.ndarray, " entry"]  # from harmonics to half the points: even degrees, then odd
    sphere_back: Float[np.ndarray, " entry"]
    point: Float[np.ndarray, " point"]  # weights of the points
    mean: Float[np.ndarray, " invariant"]
    scale: Float[np.ndarray, " invariant"]
    widths: Int[np.ndarray, " layer"]  # of the dense layers: invariants, hidden ...
    dense: Float[np.ndarray, " entry"]  # layer by layer, and in each species by species
    dense_back: Float[np.ndarray, " entry"]
    bias: Float[np.ndarray, "species hidden"]  # of all layers, one after the other
    last: Float[np.ndarray, "species width"]
    empty: Float[np.ndarray, " species"]  # what the layers say of nothing


class Room(NamedTuple):
    """Where one thread works."""

    seen: Float[np.ndarray, "channel harmonic lane"]
    field: Float[np.ndarray, "channel harmonic lane"]
    u: Float[np.ndarray, "harmonic k_and_lane"]
    gu: Float[np.ndarray, "harmonic k_and_lane"]
    mixed: Float[np.ndarray, "harmonic k_and_lane"]
    f: Float[np.ndarray, "point parity k_and_lane"]
    gf: Float[np.ndarray, "point parity k_and_lane"]
    h: Float[np.ndarray, " number"]  # invariants and hidden layers
    gh: Float[np.ndarray, " number"]  # dE/dh
    rise: Float[np.ndarray, " number"]  # derivative of the nonlinearity that made h
    mask: Float[np.ndarray, " lane"]


def _weights(network: SteerableNetwork) -> Weights:
    spec = network.spec

    def matrices(mixtures: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        whole = [(network.whiten[l] @ w).numpy() for l, w in enumerate(mixtures.unbind())]
        return np.concatenate([pack(w) for w in whole]), np.concatenate([pack(w.T) for w in whole])

    dtype = network.mean.numpy().dtype
    nothing = np.empty(0, dtype)
    pairs, pairs_back = matrices(network.pairs)
    fields = fields_back = sphere = sphere_back = point = nothing
    degrees = np.repeat(np.arange(network.product_degree + 1), 2 * np.arange(network.product_degree + 1) + 1)
    order = np.argsort(degrees % 2, kind="stable")
    even = int((degrees % 2 == 0).sum())
    if spec.products:
        fields, fields_back = matrices(network.fields)
        half = len(network.weights) // 2
        point = 2 * network.weights.numpy()[:half]
        parts = np.split(network.sphere.numpy()[:half, order], [even], axis=1)
        sphere = np.concatenate([pack(y.T) for y in parts])
        sphere_back = np.concatenate([pack(point[:, None] * y) for y in parts])
    layers = [w.numpy() for w in network.dense.weights]
    biases = [b.numpy() for b in network.dense.biases]
    empty = network.dense.constant(torch.asinh(-network.mean * network.scale)).numpy()
    return Weights(
        spec.degree,
        pairs,
        pairs_back,
        fields,
        fields_back,
        np.argsort(order),
        even,
        sphere,
        sphere_back,
        point,
        network.mean.numpy().copy(),
        network.scale.numpy().copy(),
        np.array([w.shape[1] for w in layers]),
        np.concatenate([nothing, *(pack(w) for layer in layers[:-1] for w in layer)]),
        np.concatenate([nothing, *(pack(w.T) for layer in layers[:-1] for w in layer)]),
        np.concatenate([np.empty((len(empty), 0), dtype), *biases], axis=1),
        layers[-1][:, :, 0].copy(),
        empty,
    )


def _room(weights: Weights, fold: Fold, spec: tuple[int, int], *, species: int) -> Room:
    dtype, (channels, products) = weights.mean.dtype, spec
    inputs, harmonics, points = species * fold.shells, fold.harmonics, len(weights.point)
    numbers = int(weights.widths.sum()) * LANES

    def make(*shape: int) -> np.ndarray:
        return aligned(*shape, dtype=dtype)

    return Room(
        make(inputs, harmonics, LANES),
        make(inputs, harmonics, LANES),
        make(harmonics, channels * LANES),
        make(harmonics, channels * LANES),
        make(len(weights.place), products * LANES),
        make(points, 2, products * LANES),
        make(points, 2, products * LANES),
        make(numbers),
        make(numbers),
        make(numbers),
        make(LANES),
    )


@njit(cache=True, nogil=True)
def mix(seen, matrices, place, out):  # pragma: no cover - compiled
    """One matrix per degree on the coefficients of a block, for as many degrees as ``place`` has."""
    inputs, harmonics, size = seen.shape[0], seen.shape[1], out.shape[1]
    l = 0
    for m in range(len(place)):
        if m == (l + 1) * (l + 1):
            l += 1
        matrix, to = l * inputs * (size // LANES), place[m] * size
        multiply(matrices, matrix, size // LANES, inputs, seen, m * LANES, harmonics * LANES, out, to, LANES, False)


@njit(cache=True, nogil=True)
def mix_back(gradient, matrices, place, field, add):  # pragma: no cover - compiled
    """The adjoint of ``mix``."""
    inputs, harmonics, size = field.shape[0], field.shape[1], gradient.shape[1]
    l = 0
    for m in range(len(place)):
        if m == (l + 1) * (l + 1):
            l += 1
        matrix, at = l * inputs * (size // LANES), place[m] * size
        multiply(matrices, matrix, inputs, size // LANES, gradient, at, LANES, field, m * LANES, harmonics * LANES, add)


@njit(cache=True, nogil=True)
def to_sphere(weights, mixed, f):  # pragma: no cover - compiled
    """The mixtures as functions on half the points of the sphere, even and odd parts apart."""
    sphere, points, size = weights.sphere, len(weights.point), mixed.shape[1]
    even, odd = weights.even, len(mixed) - weights.even
    for i in range(0, size, LANES):
        multiply(sphere, 0, points, even, mixed, i, size, f, i, 2 * size, False)
        multiply(sphere, even * points, points, odd, mixed, even * size + i, size, f, size + i, 2 * size, False)


@njit(cache=True, nogil=True)
def from_sphere(weights, gf, mixed):  # pragma: no cover - compiled
    """The adjoint of ``to_sphere``."""
    sphere, points, size = weights.sphere_back, len(weights.point), mixed.shape[1]
    even, odd = weights.even, len(mixed) - weights.even
    for i in range(0, size, LANES):
        multiply(sphere, 0, even, points, gf, i, 2 * size, mixed, i, size, False)
        multiply(sphere, even * points, odd, points, gf, size + i, 2 * size, mixed, even * size + i, size, False)


@njit(cache=True, nogil=True, fastmath=True)
def _perceive(kind, weights, room):  # pragma: no cover - compiled
    """The hidden layers of one species; returns where the last of them begins."""
    widths, h = weights.widths, room.h
    start, matrix, bias, species = 0, 0, 0, len(weights.empty)
    for layer in range(len(widths) - 1):
        inner, rows = widths[layer], widths[layer + 1]
        here, there = start * LANES, (start + inner) * LANES
        for r in range(rows):
            h[there + r * LANES : there + (r + 1) * LANES] = weights.bias[kind, bias + r]
        multiply(weights.dense, matrix + kind * inner * rows, rows, inner, h, here, LANES, h, there, LANES, True)
        silu_block(h[there : there + rows * LANES], room.rise[there : there + rows * LANES])
        start, bias, matrix = start + inner, bias + rows, matrix + species * inner * rows
    return start


@njit(cache=True, nogil=True, fastmath=True)
def _perceive_back(kind, weights, room, start, add):  # pragma: no cover - compiled
    """dE/dx of one species, in the lanes of the mask, from where the last layer begins."""
    widths, gh, species = weights.widths, room.gh, len(weights.empty)
    layers = len(widths) - 1
    for r in range(widths[layers]):
        for lane in range(LANES):
            at = (start + r) * LANES + lane
            if layers == 0 and add:
                gh[at] += weights.last[kind, r] * room.mask[lane]
            else:
                gh[at] = weights.last[kind, r] * room.mask[lane]
    matrix = 0
    for layer in range(layers):
        matrix += species * widths[layer] * widths[layer + 1]
    for layer in range(layers - 1, -1, -1):
        inner, rows = widths[layer + 1], widths[layer]
        matrix -= species * inner * rows
        here, there = start * LANES, (start - rows) * LANES
        for i in range(here, here + inner * LANES):
            gh[i] *= room.rise[i]
        more = add and layer == 0
        multiply(weights.dense_back, matrix + kind * inner * rows, rows, inner, gh, here, LANES, gh, there, LANES, more)
        start -= rows


@njit(cache=True, nogil=True, fastmath=True)
def dense(atoms, species, weights, room, gradient, energies, features):  # pragma: no cover - compiled
    """The dense layers of every species of a block, forwards and backwards."""
    lowest = species[atoms[0]]
    for kind in range(lowest, species[atoms[-1]] + 1):
        start = _perceive(kind, weights, room)
        room.mask[:] = 0
        for lane in range(len(atoms)):
            if species[atoms[lane]] != kind:
                continue
            room.mask[lane] = 1
            said = -weights.empty[kind]
            for r in range(weights.last.shape[1]):
                said += weights.last[kind, r] * room.h[(start + r) * LANES + lane]
            energies[atoms[lane]] = said
            for r in range(features.shape[1]):
                features[atoms[lane], r] = room.h[(start + r) * LANES + lane]
        if gradient:
            _perceive_back(kind, weights, room, start, kind > lowest)


@njit(cache=True, nogil=True)
def _network(atoms, species, weights, room, gradient, energies, features):  # pragma: no cover - compiled
    """From ``room.seen`` to energies and ``room.field``."""
    invariants, harmonics = len(weights.mean) * LANES, np.arange(room.u.shape[0])
    squared = 2 * (weights.degree + 1) * room.u.shape[1]
    mix(room.seen, weights.pairs, harmonics, room.u)
    squares_block(room.u, weights.degree, room.h)
    if len(weights.point):
        mix(room.seen, weights.fields, weights.place, room.mixed)
        to_sphere(weights, room.mixed, room.f)
        products_block(room.f, weights.point, room.h, squared)
    tame_block(weights.mean, weights.scale, room.h, room.rise)
    dense(atoms, species, weights, room, gradient, energies, features)
    if not gradient:
        return
    for i in range(invariants):
        room.gh[i] *= room.rise[i]
    squares_adjoint_block(room.u, weights.degree, room.gh, room.gu)
    mix_back(room.gu, weights.pairs_back, harmonics, room.field, False)
    if len(weights.point):
        products_adjoint_block(room.f, room.gh, squared, room.gf)
        from_sphere(weights, room.gf, room.mixed)
        mix_back(room.mixed, weights.fields_back, weights.place, room.field, True)


@njit(cache=True, nogil=True)
def evaluate_blocks(  # pragma: no cover - compiled
    begin, end, order, species, first, channel, offset, pair_room, weights, room, energies, slopes, features
):
    """Blocks ``begin`` to ``end`` of the atoms in ``order``, from pairs to all that is wanted."""
    for block in range(begin, end):
        atoms = order[block * LANES : (block + 1) * LANES]
        sort_pairs(atoms, first, channel, pair_room)
        deposit_block(offset, pair_room, room.seen)
        gradient = len(slopes) > 0
        _network(atoms, species, weights, room, gradient, energies, features)
        if gradient:
            gather_block(room.field, offset, pair_room, slopes)


@njit(cache=True, nogil=True)
def energies_of(  # pragma: no cover - compiled
    atoms, species, first, neighbour, offset, pair_room, weights, room, nothing, energies
):
    """Write the energies of some ``atoms``, listed species by species; those of the others are left alone.

    What is written depends on the surroundings of an atom alone, not on who is listed with it.
    ``nothing`` is an empty matrix of the precision of the weights.
    """
    for start in range(0, len(atoms), LANES):
        block = atoms[start : start + LANES]
        sort_neighbours(block, first, neighbour, species, pair_room)
        deposit_block(offset, pair_room, room.seen)
        _network(block, species, weights, room, False, energies, nothing)


class SteerableInference:
    """Energies of atoms and their derivative by the offsets of their neighbours."""

    def __init__(self, network: SteerableNetwork, fold: Fold) -> None:
        """Follow ``network``: products of its weights are made anew when these have changed."""
        self._network, self._fold = network, fold
        self._version: tuple[int, ...] = ()
        self._rooms: list[tuple[PairRoom, Room]] = []

    def _follow(self) -> None:
        """Take over the weights, if torch says that somebody wrote to them."""
        network = self._network
        tensors = (*network.parameters(), *network.buffers())
        version = tuple(number for t in tensors for number in (t.data_ptr(), t._version))
        if version != self._version:
            with torch.no_grad():
                self._weights = _weights(network)
            self._rooms.clear()
            self._version = version

    def workplace(self) -> tuple[Weights, tuple[PairRoom, Room]]:
        """The weights as they are packed, and the arrays of an earlier call, as it left them."""
        return self._weights, self._rooms[-1]

    def _take_room(self, most: int) -> tuple[PairRoom, Room]:
        """Arrays of an earlier call, or new ones."""
        with suppress(IndexError):  # to look first would be too early: another thread may take the last one
            while True:
                rooms = self._rooms.pop()
                if rooms[0].slot.shape[1] >= most:
                    return rooms
        return self._make_room(most + most // 4)

    def _make_room(self, most: int) -> tuple[PairRoom, Room]:
        species, spec = len(self._weights.empty), self._network.spec
        pairs = pair_room(self._fold, species=species, most=most, dtype=self._weights.mean.dtype)
        return pairs, _room(self._weights, self._fold, (spec.channels, spec.products), species=species)

    def parts(self, most: int) -> tuple[Weights, PairRoom, Room]:
        """What ``evaluate_blocks`` works with: the weights as they are now, and new arrays for one thread.

        Args:
            most: neighbours of an atom that there is room for.
        """
        self._follow()
        return self._weights, *self._make_room(most)

    def __call__(
        self,
        pairs: Pairs,
        species: Int[np.ndarray, " atom"],
        channel: Int[np.ndarray, " pair"],
        *,
        gradient: bool = True,
        features: Float[np.ndarray, "atom feature"] | None = None,
    ) -> tuple[Float[np.ndarray, " atom"], Float[np.ndarray, "pair 3"]]:
        """Energies in eV, and dE/dd in eV/Å, float64; the latter empty unless ``gradient``.

        Args:
            pairs: who sees whom.
            species: species number of the atoms at the centres.
            channel: species number of every neighbour.
            gradient: whether the derivative is wanted.
            features: filled with what the last layer gets.
        """
        self._follow()
        energies, slopes = np.empty(pairs.atoms), np.empty((len(pairs) if gradient else 0, 3))
        order = np.argsort(species.astype(np.int16), kind="stable")  # of 16 bits, as these are sorted by counting
        kept = np.empty((0, 0), self._weights.mean.dtype) if features is None else features
        most = int(np.diff(pairs.first).max(initial=1))

        def work(pieces: Iterator[tuple[int, int]]) -> None:
            rooms = self._take_room(most)
            seen = (order, species, pairs.first, channel, pairs.offset)
            for begin, end in pieces:
                evaluate_blocks(begin, end, *seen, rooms[0], self._weights, rooms[1], energies, slopes, kept)
            self._rooms.append(rooms)

        spread(work, -(-pairs.atoms // LANES))
        return energies, slopes
