"""The engine of steerable networks on the CPU: from pairs to energies and their derivative, without torch.

The same numbers as ``SteerableNetwork`` with automatic differentiation, for the CPU.  A
block of atoms goes from its pairs to their derivatives in one piece, by one thread, in
arrays that are made once and stay in the nearest cache (``simd`` has the layout, ``passes`` the way
there and back).  Atoms are taken species by species, so that the blocks are of one species but
for those in which the species changes; these go through the dense layers of each, and the
lanes of the others count zero.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.descriptor.blocks import PairBuffers, pair_buffers
from ase_voxpot.engines import Answer
from ase_voxpot.engines.cpu.packing import ModuleArrays, pack_weights
from ase_voxpot.engines.cpu.passes import NetworkBuffers, Weights, evaluate_blocks
from ase_voxpot.engines.cpu.step import BlockBuffers, Sums, block_buffers, no_sums, step_blocks, total
from ase_voxpot.neighbours.verlet import CLOSEST, VerletList
from ase_voxpot.neighbours.workspace import FRESH, Workspace
from ase_voxpot.simd import LANES, aligned
from ase_voxpot.simd.threads import spread

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from ase import Atoms
    from jaxtyping import Float, Int

    from ase_voxpot.baseline.repulsion import Known
    from ase_voxpot.descriptor import Fold
    from ase_voxpot.engines.cpu.packing import Source
    from ase_voxpot.neighbours.verlet import Candidates, Pairs
    from ase_voxpot.network.steerable import SteerableNetwork
    from ase_voxpot.spec import SteerableSpec

__all__ = ["CpuEngine"]


def _network_buffers(weights: Weights, fold: Fold, spec: tuple[int, int], *, species: int) -> NetworkBuffers:
    dtype, (channels, products) = weights.mean.dtype, spec
    inputs, harmonics, points = species * fold.shells, fold.harmonics, len(weights.point)
    numbers = int(weights.widths.sum()) * LANES

    def make(*shape: int) -> np.ndarray:
        return aligned(*shape, dtype=dtype)

    return NetworkBuffers(
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


class CpuEngine:
    """Energies of atoms and their derivative by the offsets of their neighbours."""

    neighbour_type = VerletList

    def __init__(self, spec: SteerableSpec, fold: Fold, source: Source, *, known: Known | None = None) -> None:
        """Evaluate the weights of ``source``; they are packed anew whenever its version changes.

        Args:
            spec: the network.
            fold: the closed form of its filters.
            source: where its weights are kept.
            known: the baseline, which ``evaluate`` adds.
        """
        self._spec, self._fold, self._source, self._known = spec, fold, source, known
        self._version: Hashable = self  # of no source
        self._buffers: list[tuple[PairBuffers, NetworkBuffers, BlockBuffers]] = []

    @staticmethod
    def of_network(network: SteerableNetwork, fold: Fold) -> CpuEngine:
        """An engine that always has the present weights of a torch module."""
        return CpuEngine(network.spec, fold, ModuleArrays(network))

    def follow(self, source: Source) -> None:
        """Take the weights from another source from now on."""
        self._source, self._version = source, self

    def _update(self) -> None:
        """Pack the weights, if they have changed."""
        version = self._source.version()
        if version != self._version:
            self._weights = pack_weights(self._spec, self._source.arrays())
            self._buffers.clear()
            self._version = version

    def workplace(self) -> tuple[Weights, tuple[PairBuffers, NetworkBuffers, BlockBuffers]]:
        """The weights as they are packed, and the arrays of an earlier call, as it left them."""
        return self._weights, self._buffers[-1]

    def _take_buffers(self, most: int) -> tuple[PairBuffers, NetworkBuffers, BlockBuffers]:
        """Arrays of an earlier call, or new ones."""
        with suppress(IndexError):  # to look first would be too early: another thread may take the last one
            while True:
                buffers = self._buffers.pop()
                if buffers[0].slot.shape[1] >= most:
                    return buffers
        return self._make_buffers(most + most // 4)

    def _make_buffers(self, most: int) -> tuple[PairBuffers, NetworkBuffers, BlockBuffers]:
        species, spec = len(self._weights.empty), self._spec
        pairs = pair_buffers(self._fold, species=species, most=most, dtype=self._weights.mean.dtype)
        buffers = _network_buffers(self._weights, self._fold, (spec.channels, spec.products), species=species)
        return pairs, buffers, block_buffers(most)

    def parts(self, most: int) -> tuple[Weights, PairBuffers, NetworkBuffers]:
        """What ``evaluate_blocks`` works with: the weights as they are now, and new arrays for one thread.

        Args:
            most: neighbours of an atom that the buffers hold.
        """
        self._update()
        return self._weights, *self._make_buffers(most)[:2]

    def __call__(
        self,
        pairs: Pairs,
        species: Int[np.ndarray, " atom"],
        channel: Int[np.ndarray, " pair"],
        *,
        gradient: bool = True,
        features: Float[np.ndarray, "atom feature"] | None = None,
        scratch: Workspace = FRESH,
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
        self._update()
        energies, slopes = np.empty(pairs.atoms), scratch.take("slopes", len(pairs) if gradient else 0, 3)
        order = _by_species(species)
        kept = np.empty((0, 0), self._weights.mean.dtype) if features is None else features
        most = int(np.diff(pairs.first).max(initial=1))

        def work(pieces: Iterator[tuple[int, int]]) -> None:
            buffers = self._take_buffers(most)
            seen = (order, species, pairs.first, channel, pairs.offset)
            for begin, end in pieces:
                evaluate_blocks(begin, end, *seen, buffers[0], self._weights, buffers[1], energies, slopes, kept)
            self._buffers.append(buffers)

        spread(work, -(-pairs.atoms // LANES))
        return energies, slopes

    def evaluate(
        self,
        atoms: Atoms,
        species: Int[np.ndarray, " atom"],
        neighbours: VerletList,
        *,
        features: Float[np.ndarray, "atom feature"] | None = None,
    ) -> Answer:
        """Energies, forces and virial of ``atoms``, baseline included.

        Raises:
            StructureError: one of its kinds, if the structure has no energy.
        """
        assert self._known is not None
        candidates = neighbours.candidates(atoms)
        scratch = neighbours.scratch
        energies, sums = self.step(
            candidates, species, self._fold.cutoff, self._known, features=features, scratch=scratch
        )
        if not sums.closest[0] >= CLOSEST**2:
            neighbours.update(atoms)  # raises the error that names the two atoms
        return Answer(energies, sums.forces, sums.virial)

    def step(
        self,
        candidates: Candidates,
        species: Int[np.ndarray, " atom"],
        cutoff: float,
        known: Known,
        *,
        features: Float[np.ndarray, "atom feature"] | None = None,
        scratch: Workspace = FRESH,
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
        self._update()
        energies, order = np.empty(len(species)), _by_species(species)
        kept = np.empty((0, 0), self._weights.mean.dtype) if features is None else features
        most, sums = int(np.diff(candidates.first).max(initial=1)), dict[int, Sums]()
        arrays = count()

        def work(pieces: Iterator[tuple[int, int]]) -> None:
            buffers = self._take_buffers(most)
            given = (order, species, candidates, cutoff, known, buffers[2])
            for begin, end in pieces:
                mine = sums[begin] = no_sums(scratch.take(f"forces {next(arrays)}", len(species), 3))
                step_blocks(begin, end, *given, buffers[0], self._weights, buffers[1], energies, mine, kept)
            self._buffers.append(buffers)

        spread(work, -(-len(species) // LANES))
        return energies, total([sums[begin] for begin in sorted(sums)])
