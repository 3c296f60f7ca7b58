"""The voxel density in torch, on any device: Gaussians axis by axis, one batched product.

Neighbours are padded to equal numbers per atom, so that the density is one matrix product
per atom, [channel·n, neighbour] · [neighbour, n²].  Derivatives by automatic
differentiation: ``gather`` backwards, ``deposit_tangent`` forwards.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from ase_voxpot.spec import Cubes

__all__ = ["deposit", "deposit_tangent", "gather"]


def _weights(r: Float[Tensor, " pair"], grid: Cubes) -> Float[Tensor, "pair shell"]:
    faded = (1 - (r / grid.cutoff) ** 2).clamp(min=0) ** 3
    phase = torch.arange(grid.radial, device=r.device, dtype=r.dtype) * (math.pi / grid.cutoff)
    if grid.lift is not None:
        faded = faded * torch.exp(r**2 / (2 * grid.lift**2))
    return faded[:, None] * torch.cos(r[:, None] * phase)


def deposit(
    offset: Float[Tensor, "pair 3"],
    centre: Int[Tensor, " pair"],
    channel: Int[Tensor, " pair"],
    *,
    shape: tuple[int, int],
    grid: Cubes,
) -> Float[Tensor, "atom channel n n n"]:
    """As ``reference.deposit``, for pairs sorted by centre, differentiable by ``offset``."""
    (atoms, species), n = shape, grid.n
    channels = species * grid.radial
    axis = (torch.arange(n, device=offset.device, dtype=offset.dtype) - 0.5 * (n - 1)) * grid.spacing
    gauss = torch.exp(-(((offset[:, :, None] - axis) / grid.width) ** 2) / 2)  # pair, 3, n
    weight = _weights(offset.norm(dim=1), grid)  # pair, shell
    painted = offset.new_zeros(len(offset), species, grid.radial)
    painted = painted.index_put((torch.arange(len(offset), device=offset.device), channel), weight)
    left = (painted.flatten(1)[:, :, None] * gauss[:, 0, None, :]).flatten(1)  # pair, channel·n
    right = (gauss[:, 1, :, None] * gauss[:, 2, None, :]).flatten(1)  # pair, n²
    counts = torch.bincount(centre, minlength=atoms)
    slot = torch.arange(len(offset), device=offset.device) - (counts.cumsum(0) - counts)[centre]
    most = int(counts.max())
    padded_left = offset.new_zeros(atoms, most, channels * n).index_put((centre, slot), left)
    padded_right = offset.new_zeros(atoms, most, n * n).index_put((centre, slot), right)
    return torch.bmm(padded_left.transpose(1, 2), padded_right).view(atoms, channels, n, n, n)


def gather(
    field: Float[Tensor, "atom channel n n n"],
    offset: Float[Tensor, "pair 3"],
    centre: Int[Tensor, " pair"],
    channel: Int[Tensor, " pair"],
    *,
    grid: Cubes,
) -> Float[Tensor, "pair 3"]:
    """As ``reference.gather``, for pairs sorted by centre."""
    shape = (len(field), field.shape[1] // grid.radial)
    with torch.enable_grad():
        offset = offset.detach().requires_grad_()
        density = deposit(offset, centre, channel, shape=shape, grid=grid)
        return torch.autograd.grad(density, offset, field)[0]


def deposit_tangent(
    tangent: Float[Tensor, "pair 3"],
    offset: Float[Tensor, "pair 3"],
    centre: Int[Tensor, " pair"],
    channel: Int[Tensor, " pair"],
    *,
    shape: tuple[int, int],
    grid: Cubes,
) -> Float[Tensor, "atom channel n n n"]:
    """As ``reference.deposit_tangent``, for pairs sorted by centre."""

    def density(moved: Tensor) -> Tensor:
        return deposit(moved, centre, channel, shape=shape, grid=grid)

    return torch.func.jvp(density, (offset.detach(),), (tangent,))[1]
