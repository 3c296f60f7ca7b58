"""Batches through both passes, spread over threads, as one differentiable function of torch."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ase_voxpot.compiled import njit
from ase_voxpot.descriptor.blocks import PairBuffers, pair_buffers
from ase_voxpot.engines.cpu.packing import pack_weights
from ase_voxpot.simd import LANES, aligned
from ase_voxpot.simd.threads import spread
from voxpot_training.gradients.passes import Blocks, Scratch, State, first_pass, second_pass
from voxpot_training.gradients.sums import Sums, strips, sum_strips, zero_sums

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jaxtyping import Float, Int
    from torch import Tensor

    from ase_voxpot.descriptor import Expansion
    from ase_voxpot.neighbours.verlet import Pairs
    from ase_voxpot.network.steerable import SteerableNetwork
    from ase_voxpot.spec import SteerableSpec

__all__ = ["GradientEngine", "evaluate"]


def _blocks(species: Int[np.ndarray, " atom"], kinds: int) -> Blocks:
    """Atoms in blocks of one species."""
    parts: list[np.ndarray] = []
    counts: list[int] = []
    ends = [0]
    for kind in range(kinds):
        mine = np.flatnonzero(species == kind)
        number = -(-len(mine) // LANES)
        padded = np.zeros((number, LANES), np.int64)
        padded.reshape(-1)[: len(mine)] = mine
        parts.append(padded)
        counts.extend(min(LANES, len(mine) - start) for start in range(0, len(mine), LANES))
        ends.append(ends[-1] + number)
    return Blocks(np.concatenate(parts), np.array(counts), np.repeat(np.arange(kinds), np.diff(ends)), np.array(ends))


class GradientEngine:
    """Energies and slopes of the atoms of a batch, then derivatives of a loss by the weights.

    For every element, an atom without neighbours is evaluated as well, whose energy is subtracted.
    """

    def __init__(self, spec: SteerableSpec, expansion: Expansion, *, species: int) -> None:
        """For networks of ``spec`` and ``species`` elements."""
        self._spec, self._expansion, self._species = spec, expansion, species
        self._network: SteerableNetwork | None = None
        self._tensors: tuple[dict[str, Tensor], dict[str, Tensor]] = {}, {}
        self._state: State | None = None
        self._scratch: list[tuple[PairBuffers, Scratch]] = []
        self._table: Int[np.ndarray, "strip 4"] | None = None
        self.calls = 0
        """Number of first passes; the state is that of the last one."""

    def tensors_of(self, network: SteerableNetwork) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Parameters and buffers of a network by name; those of the last network are remembered."""
        if self._network is not network:
            fixed = {name: tensor for name, tensor in network.named_buffers() if name in ("whiten", "mean", "scale")}
            self._network, self._tensors = network, (dict(network.named_parameters()), fixed)
        return self._tensors

    @property
    def _inputs(self) -> int:
        return self._species * self._expansion.radial

    def first(
        self, arrays: dict[str, np.ndarray], pairs: Pairs, species: Int[np.ndarray, " atom"], channel: np.ndarray
    ) -> tuple[Float[np.ndarray, " atom"], Float[np.ndarray, "pair 3"]]:
        """Energies beyond those of free atoms in eV, and dE/dd in eV/Å.

        Args:
            arrays: the weights by name, see ``network.shapes``.
            pairs: of all frames of a batch.
            species: number of the element of every atom.
            channel: that of the neighbour of every pair.
        """
        self._weights = weights = pack_weights(self._spec, arrays)
        self._whiten = arrays["whiten"]
        kinds = np.arange(self._species)
        self._kinds = species
        self._blocks = _blocks(np.concatenate([species, kinds]), self._species)
        first = np.concatenate([pairs.first, np.full(self._species, pairs.first[-1])])
        self._input = first, channel, pairs.offset
        energies, slopes = np.empty(len(species) + self._species), np.empty((len(pairs), 3), weights.mean.dtype)
        self.calls += 1
        self._over_blocks(first_pass, energies, slopes)
        return energies[: len(species)] - energies[len(species) :][species], slopes

    def second(
        self, factors: Float[np.ndarray, " atom"], tangents: Float[np.ndarray, "pair 3"]
    ) -> dict[str, Float[np.ndarray, ...]]:
        """Derivatives of Σ_i c_i E_i + Σ_p t_p · dE/dd_p by the weights of the last ``first``, by name.

        Args:
            factors: c of every atom.
            tangents: t of every pair.
        """
        self.second_pass(factors, tangents)
        return self._by_name(self.sums())

    def second_pass(self, factors: Float[np.ndarray, " atom"], tangents: Float[np.ndarray, "pair 3"]) -> None:
        """The first part of ``second``: directional derivatives of what ``first`` computed."""
        weights = self._weights
        isolated = -np.bincount(self._kinds, factors, minlength=self._species)
        c = np.concatenate([factors, isolated]).astype(weights.mean.dtype)
        self._over_blocks(second_pass, c, tangents)

    def _over_blocks(self, kernel: Callable[..., None], *arrays: np.ndarray) -> None:
        """Call a pass for all blocks of the batch, with buffers of its own in each thread."""
        most, state = int(np.diff(self._input[0]).max(initial=1)), self._state_for(len(self._blocks.counts))

        def work(pieces: Iterator[tuple[int, int]]) -> None:
            buffers, scratch = self._take(most)
            for begin, end in pieces:
                kernel(begin, end, self._blocks, *self._input, buffers, self._weights, scratch, state, *arrays)
            self._scratch.append((buffers, scratch))

        spread(work, len(self._blocks.counts))

    def sums(self) -> Sums:
        """The second part of ``second``: sums over atoms of the products of both."""
        weights, spec, state = self._weights, self._spec, self._state_for(len(self._blocks.counts))
        sums = zero_sums(weights, channels=spec.channels, inputs=self._inputs, products=spec.products)
        if self._table is None:
            self._table = strips(weights, inputs=self._inputs, products=spec.products)
        table = self._table

        def add(pieces: Iterator[tuple[int, int]]) -> None:
            for begin, end in pieces:
                sum_strips(begin, end, table, self._blocks, weights, state, sums)

        spread(add, len(table))
        return sums

    def _by_name(self, sums: Sums) -> dict[str, np.ndarray]:
        """The sums as derivatives by the arrays of the network."""
        turned = self._whiten.transpose(0, 2, 1)
        found = {"pairs": turned @ sums.power}
        if self._spec.products:
            found["fields"] = turned[: len(sums.fields)] @ sums.fields
        widths, entry, unit = self._weights.widths, 0, 0
        for layer, (inner, rows) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
            size = self._species * inner * rows
            found[f"dense.weights.{layer}"] = sums.dense[entry : entry + size].reshape(self._species, inner, rows)
            found[f"dense.biases.{layer}"] = sums.bias[:, unit : unit + rows]
            entry, unit = entry + size, unit + rows
        return found | {f"dense.weights.{len(widths) - 1}": sums.last[:, :, None]}

    def _take(self, most: int) -> tuple[PairBuffers, Scratch]:
        """Buffers of one thread, of an earlier call or new ones."""
        with suppress(IndexError):  # another thread may have taken the last ones
            while True:
                found = self._scratch.pop()
                if found[0].slot.shape[1] >= most:
                    return found
        weights, spec, harmonics = self._weights, self._spec, self._expansion.harmonics
        dtype = weights.mean.dtype
        points, width = (len(weights.point), 2, spec.products * LANES), spec.channels * LANES
        return (
            pair_buffers(self._expansion, species=self._species, most=most + most // 4, dtype=dtype),
            Scratch(
                aligned(self._inputs, harmonics, LANES, dtype=dtype),
                aligned(harmonics, width, dtype=dtype),
                aligned(len(weights.place), spec.products * LANES, dtype=dtype),
                aligned(*points, dtype=dtype),
                aligned(*points, dtype=dtype),
                np.arange(harmonics),
            ),
        )

    def _state_for(self, blocks: int) -> State:
        """Arrays for a number of blocks; those of an earlier call if they are large enough."""
        if self._state is None or len(self._state.c) < blocks:
            self._state = self._new_state(blocks + blocks // 4)
        return State(*(array[:blocks] for array in self._state))

    def _new_state(self, blocks: int) -> State:
        weights, spec, harmonics = self._weights, self._spec, self._expansion.harmonics
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(State._fields, (int(weights.widths.sum()) * LANES,))
        shapes |= dict.fromkeys(("a", "da"), (self._inputs, harmonics, LANES))
        shapes |= dict.fromkeys(("u", "gu", "dgu"), (harmonics, spec.channels * LANES))
        shapes |= dict.fromkeys(("gm", "dgm"), (len(weights.place), spec.products * LANES))
        shapes |= {"f": (len(weights.point), 2, spec.products * LANES), "c": (LANES,)}
        return State(**{name: aligned(blocks, *shape, dtype=weights.mean.dtype) for name, shape in shapes.items()})


@njit(nogil=True, fastmath=True)
def _add_up(slopes, offset, centre, neighbour, owner, forces, virial):  # pragma: no cover - compiled
    """Forces on atoms and virials Σ d ⊗ dE/dd of frames."""
    for p in range(len(centre)):
        i, j = np.uint64(centre[p]), np.uint64(neighbour[p])
        n = np.uint64(owner[i])
        for k in range(3):
            forces[i, k] += slopes[p, k]
            forces[j, k] -= slopes[p, k]
            for m in range(3):
                virial[n, m, k] += offset[p, m] * slopes[p, k]


@njit(nogil=True, fastmath=True)
def _add_up_adjoint(by_forces, by_virial, offset, centre, neighbour, owner, out):  # pragma: no cover - compiled
    """The adjoint of ``_add_up``."""
    for p in range(len(centre)):
        i, j = np.uint64(centre[p]), np.uint64(neighbour[p])
        n = np.uint64(owner[i])
        for k in range(3):
            total = by_forces[i, k] - by_forces[j, k]
            for m in range(3):
                total += offset[p, m] * by_virial[n, m, k]
            out[p, k] = total


class _Evaluate(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        engine: GradientEngine,
        fixed: dict[str, Tensor],
        names: tuple[str, ...],
        data: tuple[Any, ...],
        *given: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        pairs, channel, species, owner, frames = data
        arrays = {k: t.detach().numpy() for k, t in (fixed | dict(zip(names, given, strict=True))).items()}
        energies, slopes = engine.first(arrays, pairs, species, channel)
        forces, virial = np.zeros((len(species), 3)), np.zeros((frames, 3, 3))
        _add_up(slopes, pairs.offset, pairs.centre, pairs.neighbour, owner, forces, virial)
        ctx.engine, ctx.data, ctx.names, ctx.call = engine, data, names, engine.calls
        results = (np.bincount(owner, energies, minlength=frames), forces, virial)
        energy, force, stress = (torch.from_numpy(array).to(given[0].dtype) for array in results)
        return energy, force, stress

    @staticmethod
    def backward(ctx: Any, *by: Tensor) -> tuple[Any, ...]:
        if ctx.call != ctx.engine.calls:
            raise RuntimeError("another batch was evaluated since; differentiate each one before the next")
        pairs, _, _, owner, _ = ctx.data
        energy, forces, virial = (tensor.numpy() for tensor in by)
        tangents = np.empty((len(pairs), 3), forces.dtype)
        _add_up_adjoint(forces, virial, pairs.offset, pairs.centre, pairs.neighbour, owner, tangents)
        found = ctx.engine.second(energy[owner], tangents)
        return None, None, None, None, *(torch.from_numpy(found[name]) for name in ctx.names)


def evaluate(
    engine: GradientEngine,
    network: SteerableNetwork,
    pairs: Pairs,
    channel: Int[np.ndarray, " pair"],
    species: Int[np.ndarray, " atom"],
    owner: Int[np.ndarray, " atom"],
    frames: int,
) -> tuple[Float[Tensor, " frame"], Float[Tensor, "atom 3"], Float[Tensor, "frame 3 3"]]:
    """Energies in eV, forces in eV/Å and virials in eV of a batch, differentiable by the parameters of ``network``.

    Args:
        engine: of the spec of the network.
        network: on the CPU.
        pairs: of all frames.
        channel: number of the element of the neighbour of every pair.
        species: that of every atom.
        owner: number of the frame of every atom.
        frames: how many there are.
    """
    learned, fixed = engine.tensors_of(network)
    data = (pairs, channel, species, owner, frames)
    result: tuple[Tensor, Tensor, Tensor] = _Evaluate.apply(engine, fixed, tuple(learned), data, *learned.values())
    return result
