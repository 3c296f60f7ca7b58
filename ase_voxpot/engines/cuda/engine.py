"""The engine of steerable networks on a GPU: positions are copied there, energies, forces and virial back.

    positions ─► offsets of all neighbours ─► A ─► energies ─► dE/dd ─► forces, virial

All results are copied in one transfer at the end, together with the largest displacement since the table of
neighbours was made: if this exceeds half the skin (once in some twenty steps of dynamics), the step is repeated
with a new table.  Sums over pairs are made in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ase_voxpot import kernels as fused
from ase_voxpot.descriptor import autograd as gpu
from ase_voxpot.engines import Answer
from ase_voxpot.engines.chunks import in_chunks
from ase_voxpot.engines.cuda.repulsion import Repulsion
from ase_voxpot.engines.cuda.tables import Rows, TableList, sorted_rows
from ase_voxpot.neighbours.verlet import CLOSEST, VerletList
from ase_voxpot.neighbours.workspace import FRESH, Workspace

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Float, Int
    from torch import Tensor

    from ase_voxpot.baseline.energies import Baseline
    from ase_voxpot.descriptor import Expansion
    from ase_voxpot.engines.cuda.tables import Table
    from ase_voxpot.neighbours.verlet import Pairs
    from ase_voxpot.network.steerable import SteerableNetwork

__all__ = ["CudaEngine"]

CHUNK = 32768
"""Atoms per batch; less if memory is insufficient."""


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums of one evaluation, in float64 on the device."""

    energies: Float[Tensor, " atom"]
    forces: Float[Tensor, "atom 3"]
    virial: Float[Tensor, "3 3"]
    closest: Float[Tensor, ""]  # Å², the least distance


class CudaEngine:
    """Network and baseline of one potential on its device."""

    neighbour_type = TableList

    def __init__(self, network: SteerableNetwork, expansion: Expansion, baseline: Baseline) -> None:
        """Compute on the device of ``network``, in its precision."""
        self._network, self._expansion = network, expansion
        self.device, self.dtype = network.mean.device, network.mean.dtype
        self._reference = torch.from_numpy(baseline.reference).to(self.device)
        self._repulsion = Repulsion(baseline, self.device)
        self._last: tuple[Table, Int[np.ndarray, " atom"], Rows] | None = None

    @property
    def species(self) -> int:
        """How many species there are."""
        return len(self._reference)

    def evaluate(
        self,
        atoms: Atoms,
        species: Int[np.ndarray, " atom"],
        tables: TableList,
        *,
        features: Float[np.ndarray, "atom feature"] | None = None,
    ) -> Answer:
        """Energies, forces and virial of ``atoms``, whose ``species`` are numbers.

        Raises:
            StructureError: one of its kinds, if the structure has no energy.
            DeviceError: too little memory even for one atom at a time.
        """
        while True:
            table = tables.current(atoms)
            strained = tables.strain(atoms)
            assert strained is not None
            strain, stretch = strained
            positions = self._there(atoms.positions)
            sums = self._step(positions, atoms.cell[:], table, species, features)
            drift = tables.drift(positions, strain)
            found = torch.cat([part.reshape(-1) for part in (*_parts(sums), drift)]).cpu().numpy()
            *result, closest, moved = np.split(found, np.cumsum([part.numel() for part in _parts(sums)]))
            if tables.skin == 0 or tables.holds(float(moved[0]), stretch):
                break
        if not closest[0] >= CLOSEST**2:
            VerletList(tables.cutoff).update(atoms)  # raises the error that names the two atoms
        energies, forces, virial = result
        return Answer(energies, forces.reshape(-1, 3), virial.reshape(3, 3))

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
        """As ``Engine``; ``scratch`` is not used."""
        order = np.argsort(species, kind="stable")
        first, rows, kinds, offset = (self._there(a) for a in (pairs.first, order, channel, pairs.offset))
        beyond = offset.new_full((1, 3), 2 * self._expansion.cutoff)  # of the last pair, an empty one
        offset = torch.cat([offset, beyond]).to(self.dtype)
        kinds = torch.cat([kinds, kinds.new_full((1,), -1)])
        places = torch.arange(int(np.diff(pairs.first).max(initial=1)), device=self.device)
        energies, slopes = offset.new_empty(pairs.atoms), torch.zeros_like(offset)
        last = None if features is None else offset.new_empty(features.shape)

        def answer(start: int, stop: int) -> None:
            mine = rows[start:stop]
            slot = first[mine, None] + places
            slot = torch.where(slot < first[mine + 1, None], slot, len(pairs))
            ends = np.searchsorted(species[order[start:stop]], np.arange(self.species + 1))
            result, slope, inputs = self._network_rows(offset[slot], kinds[slot], ends, gradient=gradient)
            energies[mine] = result
            if slope is not None:
                slopes[slot] = slope
            if last is not None:
                last[mine] = inputs

        in_chunks(pairs.atoms, CHUNK, answer, device=self.device)
        if features is not None and last is not None:
            features[:] = last.cpu().numpy()
        found = slopes[: len(pairs) if gradient else 0]
        return energies.double().cpu().numpy(), found.double().cpu().numpy()

    def _there(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def _rows(self, table: Table, species: Int[np.ndarray, " atom"]) -> Rows:
        """The rows of ``table`` sorted by species, reused if table and species are those of the last call."""
        last = self._last
        if last is None or last[0] is not table or not np.array_equal(last[1], species):
            last = self._last = table, species.copy(), sorted_rows(table, species, count=self.species)
        return last[2]

    def _step(
        self,
        positions: Float[Tensor, "atom 3"],
        cell: Float[np.ndarray, "3 3"],
        table: Table,
        species: Int[np.ndarray, " atom"],
        features: Float[np.ndarray, "atom feature"] | None,
    ) -> _Sums:
        """One evaluation, all on the device unless ``features`` are wanted."""
        rows, atoms = self._rows(table, species), len(positions)
        images = table.shifts @ self._there(cell)
        sums = _Sums(*(positions.new_zeros(shape) for shape in ((atoms,), (atoms, 3), (3, 3), ())))
        sums.closest.fill_(torch.inf)

        def add(start: int, stop: int) -> None:
            centre, neighbour, channel = (part[start:stop] for part in (rows.centre, rows.neighbour, rows.channel))
            offset = positions[neighbour] - positions[centre][:, None] + images[rows.image[start:stop]]
            offset = torch.where(channel[..., None] >= 0, offset, 2 * self._expansion.cutoff)
            ends = np.clip(rows.ends - start, 0, stop - start)
            result, slope, inputs = self._network_rows(offset.to(self.dtype), channel, ends, gradient=True)
            assert slope is not None
            kind = rows.kind[start:stop]
            value, repelled = self._repulsion(offset, kind, channel)
            gradient = slope.double() + repelled
            energies = result.double() + value.sum(1) + self._reference[kind.long()]
            own, virial = gradient.sum(1), offset.flatten(0, 1).T @ gradient.flatten(0, 1)
            closest = offset.square().sum(2).min()
            if features is not None:
                features[centre.cpu().numpy()] = inputs.cpu().numpy()
            sums.energies[centre] = energies
            sums.forces.index_add_(0, centre, own)
            sums.forces.index_add_(0, neighbour.flatten(), gradient.flatten(0, 1), alpha=-1)
            sums.virial.add_(virial)
            torch.minimum(sums.closest, closest, out=sums.closest)

        in_chunks(atoms, CHUNK, add, device=self.device)
        return sums

    def _network_rows(
        self,
        offset: Float[Tensor, "row place 3"],
        channel: Int[Tensor, "row place"],
        ends: Int[np.ndarray, " species_plus_1"],
        *,
        gradient: bool,
    ) -> tuple[Float[Tensor, " row"], Float[Tensor, "row place 3"] | None, Float[Tensor, "row feature"]]:
        """Energies of rows sorted by species, dE/dd and the inputs of the last layer."""
        with torch.cuda.device_of(offset), torch.set_grad_enabled(gradient):  # the device where Triton launches
            offset = offset.detach().requires_grad_(gradient)
            if fused.usable(offset):
                from ase_voxpot.kernels.density import deposit_table
            else:
                deposit_table = gpu.deposit_table
            coefficients = deposit_table(offset, channel, species=self.species, expansion=self._expansion)
            result, features = self._network.of_sorted(coefficients, ends)
            slope = torch.autograd.grad(result.sum(), offset)[0] if gradient else None
        return result.detach(), slope, features.detach()


def _parts(sums: _Sums) -> tuple[Tensor, ...]:
    return sums.energies, sums.forces, sums.virial, sums.closest
