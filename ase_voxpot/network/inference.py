"""The steerable network without a graph: from pairs to energies and their derivative, written by hand.

The same numbers as ``SteerableNetwork`` with automatic differentiation, for the CPU.  A
block of atoms goes from its pairs to their derivatives in one piece, by one thread, in
arrays that are made once and stay in the nearest cache (``lanes`` has the layout, ``passes`` the way
there and back).  Atoms are taken species by species, so that the blocks are of one species but
for those in which the species changes; these go through the dense layers of each, and the
lanes of the others count zero.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import torch

from ase_voxpot.folded.blocks import PairRoom, pair_room
from ase_voxpot.lanes import LANES, aligned
from ase_voxpot.lanes.threads import spread
from ase_voxpot.lanes.tiles import pack
from ase_voxpot.network.passes import Room, Weights, evaluate_blocks
from ase_voxpot.network.steps import BlockRoom, Sums, block_room, no_sums, step_blocks, total
from ase_voxpot.scratch import FRESH, Scratch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxtyping import Float, Int

    from ase_voxpot.folded import Fold
    from ase_voxpot.neighbours import Candidates, Pairs
    from ase_voxpot.network.steerable import SteerableNetwork
    from ase_voxpot.repulsion import Known

__all__ = ["SteerableInference"]


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


def _by_species(species: Int[np.ndarray, " atom"]) -> Int[np.ndarray, " atom"]:
    """Numbers of the atoms, species by species; of 16 bits, as these are sorted by counting."""
    return np.argsort(species.astype(np.int16), kind="stable")


class SteerableInference:
    """Energies of atoms and their derivative by the offsets of their neighbours."""

    def __init__(self, network: SteerableNetwork, fold: Fold) -> None:
        """Follow ``network``: products of its weights are made anew when these have changed."""
        self._network, self._fold = network, fold
        self._held = [held for module in network.modules() for held in (module._parameters, module._buffers)]
        self._version: tuple[int, ...] = ()
        self._rooms: list[tuple[PairRoom, Room, BlockRoom]] = []

    def _follow(self) -> None:
        """Take over the weights, if torch says that somebody wrote to them."""
        tensors = [tensor for held in self._held for tensor in held.values() if tensor is not None]
        version = tuple(number for t in tensors for number in (t.data_ptr(), t._version))
        if version != self._version:
            with torch.no_grad():
                self._weights = _weights(self._network)
            self._rooms.clear()
            self._version = version

    def workplace(self) -> tuple[Weights, tuple[PairRoom, Room, BlockRoom]]:
        """The weights as they are packed, and the arrays of an earlier call, as it left them."""
        return self._weights, self._rooms[-1]

    def _take_room(self, most: int) -> tuple[PairRoom, Room, BlockRoom]:
        """Arrays of an earlier call, or new ones."""
        with suppress(IndexError):  # to look first would be too early: another thread may take the last one
            while True:
                rooms = self._rooms.pop()
                if rooms[0].slot.shape[1] >= most:
                    return rooms
        return self._make_room(most + most // 4)

    def _make_room(self, most: int) -> tuple[PairRoom, Room, BlockRoom]:
        species, spec = len(self._weights.empty), self._network.spec
        pairs = pair_room(self._fold, species=species, most=most, dtype=self._weights.mean.dtype)
        room = _room(self._weights, self._fold, (spec.channels, spec.products), species=species)
        return pairs, room, block_room(most)

    def parts(self, most: int) -> tuple[Weights, PairRoom, Room]:
        """What ``evaluate_blocks`` works with: the weights as they are now, and new arrays for one thread.

        Args:
            most: neighbours of an atom that there is room for.
        """
        self._follow()
        return self._weights, *self._make_room(most)[:2]

    def __call__(
        self,
        pairs: Pairs,
        species: Int[np.ndarray, " atom"],
        channel: Int[np.ndarray, " pair"],
        *,
        gradient: bool = True,
        features: Float[np.ndarray, "atom feature"] | None = None,
        scratch: Scratch = FRESH,
    ) -> tuple[Float[np.ndarray, " atom"], Float[np.ndarray, "pair 3"]]:
        """Energies in eV, and dE/dd in eV/Å, float64; the latter empty unless ``gradient``.

        Args:
            pairs: who sees whom.
            species: species number of the atoms at the centres.
            channel: species number of every neighbour.
            gradient: whether the derivative is wanted.
            features: filled with what the last layer gets.
            scratch: where dE/dd is written.
        """
        self._follow()
        energies, slopes = np.empty(pairs.atoms), scratch.take("slopes", len(pairs) if gradient else 0, 3)
        order = _by_species(species)
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

    def step(
        self,
        candidates: Candidates,
        species: Int[np.ndarray, " atom"],
        cutoff: float,
        known: Known,
        *,
        features: Float[np.ndarray, "atom feature"] | None = None,
        scratch: Scratch = FRESH,
    ) -> tuple[Float[np.ndarray, " atom"], Sums]:
        """Everything of a structure in one pass over its atoms, baseline included: energies in eV, and the sums.

        Every piece of the atoms has sums of its own, added up in the order of the pieces, so that
        it does not matter which thread took which.

        Args:
            candidates: who may see whom.
            species: species number of every atom.
            cutoff: Å.
            known: what is added to the answer of the network.
            features: filled with what the last layer gets.
            scratch: where pieces add up.
        """
        self._follow()
        energies, order = np.empty(len(species)), _by_species(species)
        kept = np.empty((0, 0), self._weights.mean.dtype) if features is None else features
        most, sums = int(np.diff(candidates.first).max(initial=1)), dict[int, Sums]()
        arrays = count()

        def work(pieces: Iterator[tuple[int, int]]) -> None:
            rooms = self._take_room(most)
            given = (order, species, candidates, cutoff, known, rooms[2])
            for begin, end in pieces:
                mine = sums[begin] = no_sums(scratch.take(f"forces {next(arrays)}", len(species), 3))
                step_blocks(begin, end, *given, rooms[0], self._weights, rooms[1], energies, mine, kept)
            self._rooms.append(rooms)

        spread(work, -(-len(species) // LANES))
        return energies, total([sums[begin] for begin in sorted(sums)])
