"""The coefficients A in torch, on any device; derivatives by automatic differentiation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from ase_voxpot.descriptor.harmonics import norms

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from ase_voxpot.descriptor import Expansion

__all__ = ["deposit", "deposit_tangent", "gather", "deposit_table", "solid_harmonics"]


def solid_harmonics(points: Float[Tensor, "point 3"], degree: int) -> Float[Tensor, "point harmonic"]:
    """As ``harmonics.solid_harmonics``, values only, differentiable."""
    x, y, z = points.unbind(1)
    r2 = (points * points).sum(1)
    norm = norms(degree)
    out: list[Tensor] = [x] * (degree + 1) ** 2
    cosine, sine = torch.ones_like(x), torch.zeros_like(x)
    column = 1.0
    for m in range(degree + 1):
        lower, q = torch.zeros_like(x), torch.full_like(x, column)
        for l in range(m, degree + 1):
            w = float(norm[l * (l + 1) + m])
            out[l * (l + 1) - m] = w * q * sine
            out[l * (l + 1) + m] = w * q * cosine
            lower, q = q, ((2 * l + 1) * z * q - (l + m) * r2 * lower) / (l + 1 - m)
        cosine, sine = x * cosine - y * sine, x * sine + y * cosine
        column *= 2 * m + 1
    return torch.stack(out, 1)


def _radial_functions(r: Float[Tensor, " pair"], expansion: Expansion) -> Float[Tensor, "pair shell"]:
    height = (1 - (r / expansion.cutoff) ** 2).clamp(min=0) ** 3 * torch.exp(-expansion.narrowing * r**2 / 2)
    phase = torch.arange(expansion.radial, device=r.device, dtype=r.dtype) * (math.pi / expansion.cutoff)
    return height[:, None] * torch.cos(r[:, None] * phase)


def deposit(
    offset: Float[Tensor, "pair 3"],
    centre: Int[Tensor, " pair"],
    channel: Int[Tensor, " pair"],
    *,
    shape: tuple[int, int],
    expansion: Expansion,
) -> Float[Tensor, "harmonic atom channel"]:
    """Coefficients A of every atom, differentiable with respect to ``offset``, in its precision."""
    atoms, species = shape
    shells = _radial_functions(offset.norm(dim=1), expansion)
    harmonics = solid_harmonics(offset / expansion.cutoff, expansion.degree)
    out = offset.new_zeros(atoms * species, expansion.harmonics, expansion.radial)
    out = out.index_add(0, centre * species + channel, harmonics[:, :, None] * shells[:, None, :])
    out = out.view(atoms, species, expansion.harmonics, expansion.radial).permute(2, 0, 1, 3)
    return out.reshape(expansion.harmonics, atoms, species * expansion.radial)


def deposit_table(
    offset: Float[Tensor, "atom place 3"], channel: Int[Tensor, "atom place"], *, species: int, expansion: Expansion
) -> Float[Tensor, "harmonic atom channel"]:
    """As ``deposit``, of neighbours in a table: one row per atom, channel -1 in empty places."""
    flat = offset.flatten(0, 1)
    harmonics = solid_harmonics(flat / expansion.cutoff, expansion.degree).unflatten(0, channel.shape)
    shells = _radial_functions(flat.norm(dim=1), expansion).unflatten(0, channel.shape)
    own = channel[..., None] == torch.arange(species, device=channel.device)
    shells = torch.where(own[..., None], shells[:, :, None], 0.0).flatten(2)
    return torch.bmm(harmonics.transpose(1, 2), shells).transpose(0, 1)


def gather(
    field: Float[Tensor, "harmonic atom channel"],
    offset: Float[Tensor, "pair 3"],
    centre: Int[Tensor, " pair"],
    channel: Int[Tensor, " pair"],
    *,
    expansion: Expansion,
) -> Float[Tensor, "pair 3"]:
    """Derivative of ⟨field, A⟩ with respect to every offset."""
    shape = (field.shape[1], field.shape[2] // expansion.radial)
    with torch.enable_grad():
        offset = offset.detach().requires_grad_()
        painted = deposit(offset, centre, channel, shape=shape, expansion=expansion)
        return torch.autograd.grad(painted, offset, field)[0]


def deposit_tangent(
    tangent: Float[Tensor, "pair 3"],
    offset: Float[Tensor, "pair 3"],
    centre: Int[Tensor, " pair"],
    channel: Int[Tensor, " pair"],
    *,
    shape: tuple[int, int],
    expansion: Expansion,
) -> Float[Tensor, "harmonic atom channel"]:
    """Directional derivative of A along a ``tangent`` per neighbour."""

    def painted(moved: Tensor) -> Tensor:
        return deposit(moved, centre, channel, shape=shape, expansion=expansion)

    return torch.func.jvp(painted, (offset.detach(),), (tangent,))[1]
