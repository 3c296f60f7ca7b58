"""Inputs of networks, computed from pairs, as torch tensors on the device of the network.

    Voxels       cubes of ``voxelize``, for every network
    ClosedForm   coefficients of ``descriptor``, for steerable networks

Both have ``deposit``, ``gather`` and ``deposit_tangent``.  They use Numba kernels on the CPU
and torch on other devices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import torch

from ase_voxpot.descriptor import autograd as density_torch, cpu as density_cpu, expansion_of
from ase_voxpot.spec import Cubes
from ase_voxpot.voxelize import cpu as voxel_cpu, gpu as voxel_gpu
from ase_voxpot.voxelize.limit import cubes_of, filter_bank, filter_width

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from ase_voxpot.neighbours.verlet import Pairs
    from ase_voxpot.spec import PotentialSpec, SteerableSpec

__all__ = ["ClosedForm", "Representation", "Scene", "Voxels"]


@dataclass(frozen=True, slots=True)
class Scene:
    """Pairs, and the species number of every neighbour."""

    pairs: Pairs
    channel: Int[np.ndarray, " pair"]

    def on(self, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        """Offsets, centres and channels as tensors."""
        return (
            torch.from_numpy(self.pairs.offset).to(device, dtype),
            torch.from_numpy(self.pairs.centre).to(device, torch.long),
            torch.from_numpy(self.channel).to(device, torch.long),
        )


class Representation(Protocol):
    """The inputs of a network as a function of the pairs, and its derivatives."""

    def deposit(self, scene: Scene, like: Tensor) -> Float[Tensor, ...]:
        """Inputs of every atom, on the device and in the precision of ``like``."""

    def network_input(self, view: Float[Tensor, ...]) -> Float[Tensor, ...]:
        """The input of the network from the result of ``deposit``."""

    def gather(self, field: Float[Tensor, ...], scene: Scene) -> Float[Tensor, "pair 3"]:
        """Derivative of ⟨field, deposit(scene)⟩ with respect to every offset."""

    def deposit_tangent(self, tangent: Float[Tensor, "pair 3"], scene: Scene) -> Float[Tensor, ...]:
        """Directional derivative of ``deposit`` along ``tangent``."""


def _numpy_dtype(tensor: Tensor) -> np.dtype:
    return np.dtype(str(tensor.dtype).removeprefix("torch."))


class Voxels:
    """Cubes of voxels, [atom, channel, n, n, n]."""

    def __init__(self, spec: PotentialSpec) -> None:
        self.species = len(spec.species)
        if isinstance(spec.descriptor, Cubes):
            self.grid, self._filters = spec.descriptor, None
        else:
            self.grid = cubes_of(spec.descriptor)
            self._filters = torch.from_numpy(
                filter_bank(self.grid, cast("SteerableSpec", spec.network).degree, filter_width(self.grid))
            )

    def network_input(self, view: Float[Tensor, "atom channel n n n"]) -> Float[Tensor, ...]:
        """The cubes; for a steerable network their convolution with its filters at the central voxel."""
        if self._filters is None:
            return view
        return torch.einsum("acv,vm->mac", view.flatten(2), self._filters.to(view))

    def deposit(self, scene: Scene, like: Tensor) -> Float[Tensor, "atom channel n n n"]:
        """Densities on the voxels."""
        shape = (scene.pairs.atoms, self.species)
        if like.device.type == "cpu":
            offset = scene.pairs.offset.astype(_numpy_dtype(like))
            cube = voxel_cpu.deposit(offset, scene.pairs.centre, scene.channel, shape=shape, grid=self.grid)
            return torch.from_numpy(cube)
        return voxel_gpu.deposit(*scene.on(like.device, like.dtype), shape=shape, grid=self.grid)

    def gather(self, field: Float[Tensor, "atom channel n n n"], scene: Scene) -> Float[Tensor, "pair 3"]:
        """Transpose of ``deposit_tangent``."""
        if field.device.type == "cpu":
            offset = scene.pairs.offset.astype(_numpy_dtype(field))
            array = field.contiguous().numpy()
            return torch.from_numpy(voxel_cpu.gather(array, offset, scene.pairs.centre, scene.channel, grid=self.grid))
        return voxel_gpu.gather(field, *scene.on(field.device, field.dtype), grid=self.grid)

    def deposit_tangent(self, tangent: Float[Tensor, "pair 3"], scene: Scene) -> Float[Tensor, "atom channel n n n"]:
        """Derivative of ``deposit``."""
        shape = (scene.pairs.atoms, self.species)
        if tangent.device.type == "cpu":
            offset = scene.pairs.offset.astype(_numpy_dtype(tangent))
            array = tangent.contiguous().numpy()
            change = voxel_cpu.deposit_tangent(
                array, offset, scene.pairs.centre, scene.channel, shape=shape, grid=self.grid
            )
            return torch.from_numpy(change)
        return voxel_gpu.deposit_tangent(tangent, *scene.on(tangent.device, tangent.dtype), shape=shape, grid=self.grid)


class ClosedForm:
    """Coefficients A of a steerable network, [harmonic, atom, channel]."""

    def __init__(self, spec: PotentialSpec) -> None:
        self.expansion, self.species = expansion_of(spec), len(spec.species)

    def network_input(self, view: Float[Tensor, "harmonic atom channel"]) -> Float[Tensor, "harmonic atom channel"]:
        """The coefficients, unchanged."""
        return view

    def deposit(self, scene: Scene, like: Tensor) -> Float[Tensor, "harmonic atom channel"]:
        """Sum over the neighbours."""
        if like.device.type == "cpu":
            pairs, dtype = scene.pairs, _numpy_dtype(like)
            return torch.from_numpy(
                density_cpu.deposit(
                    pairs.offset,
                    pairs.first,
                    scene.channel,
                    species=self.species,
                    expansion=self.expansion,
                    dtype=dtype,
                )
            )
        shape = (scene.pairs.atoms, self.species)
        return density_torch.deposit(*scene.on(like.device, like.dtype), shape=shape, expansion=self.expansion)

    def gather(self, field: Float[Tensor, "harmonic atom channel"], scene: Scene) -> Float[Tensor, "pair 3"]:
        """Transpose of ``deposit_tangent``."""
        if field.device.type == "cpu":
            pairs, array = scene.pairs, field.contiguous().numpy()
            return torch.from_numpy(
                density_cpu.gather(array, pairs.offset, pairs.first, scene.channel, expansion=self.expansion)
            )
        return density_torch.gather(field, *scene.on(field.device, field.dtype), expansion=self.expansion)

    def deposit_tangent(self, tangent: Float[Tensor, "pair 3"], scene: Scene) -> Float[Tensor, "harmonic atom channel"]:
        """Derivative of ``deposit``."""
        if tangent.device.type == "cpu":
            pairs, array = scene.pairs, tangent.contiguous().numpy()
            return torch.from_numpy(
                density_cpu.deposit_tangent(
                    array, pairs.offset, pairs.first, scene.channel, species=self.species, expansion=self.expansion
                )
            )
        shape = (scene.pairs.atoms, self.species)
        return density_torch.deposit_tangent(
            tangent, *scene.on(tangent.device, tangent.dtype), shape=shape, expansion=self.expansion
        )
