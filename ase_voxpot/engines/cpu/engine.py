"""The engine of steerable networks on the CPU, without torch.

Results are those of ``SteerableNetwork`` with automatic differentiation, up to rounding.  A
block of atoms is evaluated by one thread from pairs to derivatives, in
buffers that are reused and stay in the L1 or L2 cache (see ``simd`` for the layout, ``passes`` for the
evaluation).  Atoms are sorted by species, so that most blocks have one species; blocks with several
are evaluated by the dense layers of each, with a mask over lanes.
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
from ase_voxpot.engines.cpu.step import BlockBuffers, Sums, block_buffers, step_blocks, total, zero_sums
from ase_voxpot.neighbours.verlet import CLOSEST, VerletList
from ase_voxpot.neighbours.workspace import FRESH, Workspace
from ase_voxpot.simd import LANES, aligned
from ase_voxpot.simd.threads import spread

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from ase import Atoms
    from jaxtyping import Float, Int

    from ase_voxpot.baseline.repulsion import BaselineArrays
    from ase_voxpot.descriptor import Expansion
    from ase_voxpot.engines.cpu.packing import Source
    from ase_voxpot.neighbours.verlet import Candidates, Pairs
    from ase_voxpot.network.steerable import SteerableNetwork
    from ase_voxpot.spec import SteerableSpec

__all__ = ["CpuEngine"]


def _network_buffers(weights: Weights, expansion: Expansion, spec: tuple[int, int], *, species: int) -> NetworkBuffers:
    dtype, (channels, products) = weights.mean.dtype, spec
    inputs, harmonics, points = species * expansion.radial, expansion.harmonics, len(weights.point)
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
        np.arange(harmonics),
    )


def _by_species(species: Int[np.ndarray, " atom"]) -> Int[np.ndarray, " atom"]:
    """Indices of the atoms sorted by species; 16-bit integers are sorted by radix sort."""
    return np.argsort(species.astype(np.int16), kind="stable")


class CpuEngine:
    """Energies of atoms and their derivatives with respect to the offsets of neighbours."""

    neighbour_type = VerletList

    def __init__(
        self, spec: SteerableSpec, expansion: Expansion, source: Source, *, baseline: BaselineArrays | None = None
    ) -> None:
        """Evaluate the weights of ``source``; they are packed again when its version changes.

        Args:
            spec: the network.
            expansion: the closed form of its filters.
            source: of the weights.
            baseline: the baseline, which ``evaluate`` adds.
        """
        self._spec, self._expansion, self._source, self._baseline = spec, expansion, source, baseline
        self._version: Hashable = self  # differs from the version of any source
        self._buffers: list[tuple[PairBuffers, NetworkBuffers, BlockBuffers]] = []

    @staticmethod
    def of_network(network: SteerableNetwork, expansion: Expansion) -> CpuEngine:
        """An engine that follows the weights of a torch module."""
        return CpuEngine(network.spec, expansion, ModuleArrays(network))

    def follow(self, source: Source) -> None:
        """Use the weights of another source from now on."""
        self._source, self._version = source, self

    def _update(self) -> None:
        """Pack the weights, if they have changed."""
        version = self._source.version()
        if version != self._version:
            self._weights = pack_weights(self._spec, self._source.arrays())
            self._buffers.clear()
            self._version = version

    def workplace(self) -> tuple[Weights, tuple[PairBuffers, NetworkBuffers, BlockBuffers]]:
        """The packed weights, and the buffers of the last call with their contents."""
        return self._weights, self._buffers[-1]

    def _take_buffers(self, most: int) -> tuple[PairBuffers, NetworkBuffers, BlockBuffers]:
        """Buffers of an earlier call, or new ones."""
        with suppress(IndexError):  # pop may fail: another thread may take the last one
            while True:
                buffers = self._buffers.pop()
                if buffers[0].slot.shape[1] >= most:
                    return buffers
        return self._make_buffers(most + most // 4)

    def _make_buffers(self, most: int) -> tuple[PairBuffers, NetworkBuffers, BlockBuffers]:
        species, spec = len(self._weights.isolated), self._spec
        neighbours = pair_buffers(self._expansion, species=species, most=most, dtype=self._weights.mean.dtype)
        buffers = _network_buffers(self._weights, self._expansion, (spec.channels, spec.products), species=species)
        return neighbours, buffers, block_buffers(most)

    def parts(self, most: int) -> tuple[Weights, PairBuffers, NetworkBuffers]:
        """The present weights, and new buffers for one thread, as for ``evaluate_blocks``.

        Args:
            most: largest number of neighbours of an atom.
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
        """As ``Engine``."""
        self._update()
        energies, slopes = np.empty(pairs.atoms), scratch.take("slopes", len(pairs) if gradient else 0, 3)
        order = _by_species(species)
        kept = np.empty((0, 0), self._weights.mean.dtype) if features is None else features
        most = int(np.diff(pairs.first).max(initial=1))

        def work(pieces: Iterator[tuple[int, int]]) -> None:
            buffers = self._take_buffers(most)
            arguments = (order, species, pairs.first, channel, pairs.offset)
            for begin, end in pieces:
                evaluate_blocks(begin, end, *arguments, buffers[0], self._weights, buffers[1], energies, slopes, kept)
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
        assert self._baseline is not None
        candidates = neighbours.candidates(atoms)
        scratch = neighbours.scratch
        energies, sums = self.step(
            candidates, species, self._expansion.cutoff, self._baseline, features=features, scratch=scratch
        )
        if not sums.closest[0] >= CLOSEST**2:
            neighbours.update(atoms)  # raises the error that names the two atoms
        return Answer(energies, sums.forces, sums.virial)

    def step(
        self,
        candidates: Candidates,
        species: Int[np.ndarray, " atom"],
        cutoff: float,
        baseline: BaselineArrays,
        *,
        features: Float[np.ndarray, "atom feature"] | None = None,
        scratch: Workspace = FRESH,
    ) -> tuple[Float[np.ndarray, " atom"], Sums]:
        """Energies in eV, and forces and virial, of a structure in one pass over its atoms, baseline included.

        Every range of blocks has its own sums, which are added in a fixed order, so that one number of threads gives
        the same bits every time; forces of another number differ by the rounding of float64.

        Args:
            candidates: pairs within cutoff and skin.
            species: species number of every atom.
            cutoff: Å.
            baseline: parameters of the baseline.
            features: filled with the inputs of the last layer.
            scratch: for the arrays of the sums.
        """
        self._update()
        energies, order = np.empty(len(species)), _by_species(species)
        kept = np.empty((0, 0), self._weights.mean.dtype) if features is None else features
        most, sums = int(np.diff(candidates.first).max(initial=1)), dict[int, Sums]()
        arrays = count()

        def work(pieces: Iterator[tuple[int, int]]) -> None:
            buffers = self._take_buffers(most)
            given = (order, species, candidates, cutoff, baseline, buffers[2])
            for begin, end in pieces:
                mine = sums[begin] = zero_sums(scratch.take(f"forces {next(arrays)}", len(species), 3))
                step_blocks(begin, end, *given, buffers[0], self._weights, buffers[1], energies, mine, kept)
            self._buffers.append(buffers)

        spread(work, -(-len(species) // LANES))
        return energies, total([sums[begin] for begin in sorted(sums)])
