"""Coefficients and voxels in torch: many crystals at a time, on any device.

The equations are those of ``reciprocal`` and ``grids``, which these functions agree with; on the
processor the compiled loops are faster.  Vectors of all crystals stand in one list, with their owners.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch

from voxpot_crystals.regression.voxelnet.grids import CENTRE, STAY, WRAP, pairs_of
from voxpot_crystals.regression.voxelnet.reciprocal import SILENT, bounds, slots_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Complex, Float, Int
    from torch import Tensor

    from voxpot_crystals.regression.voxelnet.grids import Window

__all__ = ["Spectra", "spectra_of", "voxels_of"]


@dataclass(frozen=True, slots=True)
class Spectra:
    """Crystals in reciprocal space, padded to the elements of the richest."""

    numbers: Int[Tensor, "crystal element"]  # Z, ascending; 0 where there is none
    density: Float[Tensor, "crystal element"]  # 1/Å³
    owner: Int[Tensor, " vector"]
    g: Float[Tensor, "vector 3"]  # 1/Å
    h: Complex[Tensor, "vector element"]  # 1/Å³


@dataclass(frozen=True, slots=True)
class Cells:
    """What of crystals goes to the device, padded with atoms that weigh nothing."""

    reciprocal: Float[Tensor, "crystal 3 3"]
    volume: Float[Tensor, " crystal"]
    fractional: Float[Tensor, "crystal atom 3"]
    slot: Int[Tensor, "crystal atom"]
    weight: Float[Tensor, "crystal atom"]
    numbers: Int[Tensor, "crystal element"]


def _upload(crystals: Sequence[Atoms], device: torch.device | str, dtype: torch.dtype) -> Cells:
    most = max(len(a) for a in crystals)
    found = [slots_of(a) for a in crystals]
    richest = max(len(numbers) for numbers, _ in found)
    cells = np.stack([a.cell[:] for a in crystals])
    inverse = np.linalg.inv(cells)
    fractional, weight = np.zeros((len(crystals), most, 3)), np.zeros((len(crystals), most))
    slot, numbers = np.zeros((len(crystals), most), np.int64), np.zeros((len(crystals), richest), np.int64)
    for row, (atoms, (own, place)) in enumerate(zip(crystals, found, strict=True)):
        fractional[row, : len(atoms)] = (atoms.positions @ inverse[row]) % 1.0
        weight[row, : len(atoms)] = 1
        slot[row, : len(atoms)], numbers[row, : len(own)] = place, own

    def real(array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(device, dtype)

    return Cells(
        real(2 * np.pi * np.swapaxes(inverse, 1, 2)),
        real(np.abs(np.linalg.det(cells))),
        real(fractional),
        torch.from_numpy(slot).to(device),
        real(weight),
        torch.from_numpy(numbers).to(device),
    )


def _half_lattices(most: Int[Tensor, "crystal 3"]) -> tuple[Tensor, Tensor]:
    """Owners and whole numbers of one of every m and -m within the bounds, zero first of every crystal."""
    sides = 2 * most + 1
    size = sides.prod(1) // 2 + 1  # the order is lexicographic, so that zero stands in the middle
    owner = torch.repeat_interleave(torch.arange(len(most), device=most.device), size)
    start = torch.cumsum(size, 0) - size
    place = torch.arange(len(owner), device=most.device) - start[owner] + (size - 1)[owner]
    second, third = sides[owner, 1], sides[owner, 2]
    m = torch.stack([place // (second * third), place // third % second, place % third], dim=1)
    return owner, m - most[owner]


def spectra_of(
    crystals: Sequence[Atoms],
    *,
    radius: float,
    width: float,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
) -> Spectra:
    """As ``reciprocal.spectrum_of``, for some crystals.

    Args:
        crystals: any cells.
        radius: 1/Å.
        width: σ in Å.
        device: where the arrays are made.
        dtype: of real numbers.

    Raises:
        StructureError: a cell with too many vectors.
    """
    cells = _upload(crystals, device, dtype)
    most = torch.from_numpy(np.stack([bounds(a.cell[:], radius) for a in crystals])).to(device)
    owner, m = _half_lattices(most)
    g = torch.einsum("vi,vij->vj", m.to(dtype), cells.reciprocal[owner])
    near = g.square().sum(1) <= (radius * (1 + 1e-9)) ** 2
    owner, m, g = owner[near], m[near], g[near]
    angle = -2 * torch.pi * torch.einsum("vi,vai->va", m.to(dtype), cells.fractional[owner])
    slot, weight = cells.slot[owner], cells.weight[owner]
    empty = g.new_zeros(len(g), cells.numbers.shape[1])
    h = torch.complex(
        empty.scatter_add(1, slot, weight * angle.cos()), empty.scatter_add(1, slot, weight * angle.sin())
    )
    atoms = cells.weight.sum(1)
    limit = max(SILENT, 100 * torch.finfo(dtype).eps)
    loud = torch.view_as_real(h).abs().amax((1, 2)) > limit * atoms[owner]
    h = h * (torch.exp(-0.5 * width**2 * g.square().sum(1)) / cells.volume[owner])[:, None]
    density = empty.new_zeros(len(crystals), cells.numbers.shape[1]).scatter_add(1, cells.slot, cells.weight)
    return Spectra(cells.numbers, density / cells.volume[:, None], owner[loud], g[loud], h[loud])


def _field_of(spectra: Spectra, window: Window) -> Float[Tensor, "vector channel"]:
    if window.field == "moduli":
        return spectra.h.abs()
    first, second = torch.from_numpy(pairs_of(spectra.h.shape[1])).to(spectra.owner.device).unbind(1)
    cross = (spectra.h[:, first] * spectra.h[:, second].conj()).real
    return cross * ((2 * torch.pi / window.spacing) ** 3 / spectra.density.sum(1)[spectra.owner])[:, None]


def _places(g: Float[Tensor, "vector 3"], window: Window) -> Float[Tensor, "vector 3"]:
    if window.shape == "cartesian":
        return (g + window.reach) / window.spacing
    r = torch.linalg.vector_norm(g, dim=1)
    polar = torch.arccos((g[:, 2] / torch.where(r > 0, r, 1)).clamp(-1, 1))
    azimuth = torch.arctan2(g[:, 1], g[:, 0]) + torch.pi
    return torch.stack([r / window.radius, polar / torch.pi, azimuth / (2 * torch.pi)], dim=1) * window.n


def _settle(index: Int[Tensor, " vector"], n: int, edge: int) -> tuple[Tensor, Tensor]:
    """The voxel of every place along an axis, and whether there is one."""
    if edge == WRAP:
        return index % n, torch.ones_like(index, dtype=torch.bool)
    inside = (index >= 0) & (index < n)
    if edge == STAY:
        inside = torch.ones_like(inside)
    if edge == CENTRE:
        inside = index < n
    return index.clamp(0, n - 1), inside


def voxels_of(
    spectra: Spectra, window: Window, rotations: Float[Tensor, "crystal 3 3"] | None = None
) -> Float[Tensor, "crystal channel n n n"]:
    """As ``grids.voxels_of``, for some crystals, each turned as its rotation says.

    The channels are those of the elements, or of ``pairs_of`` the elements, of each crystal; they
    are empty where it has fewer than the richest.
    """
    value = _field_of(spectra, window)
    g = spectra.g if rotations is None else torch.einsum("vij,vj->vi", rotations[spectra.owner], spectra.g)
    crystals, channels, n = len(spectra.numbers), value.shape[1], window.n
    out = value.new_zeros(crystals * n**3, channels)
    centre = (spectra.g == 0).all(1)
    for sign in (1, -1):
        weight = torch.where(centre, 1.0 if sign == 1 else 0.0, 1.0)
        _deposit(_places(sign * g, window), value * weight[:, None], spectra.owner, window, out)
    return out.view(crystals, n, n, n, channels).permute(0, 4, 1, 2, 3)


def _deposit(
    place: Float[Tensor, "vector 3"],
    value: Float[Tensor, "vector channel"],
    owner: Int[Tensor, " vector"],
    window: Window,
    out: Float[Tensor, "voxel channel"],
) -> None:
    """Add values to the voxels that share a place, as ``kernels.deposit_into``."""
    soft = window.binning == "soft"
    place = place - 0.5 if soft else place
    lower = place.floor()
    upper_share = place - lower if soft else torch.zeros_like(place)
    for corner in product((0, 1) if soft else (0,), repeat=3):
        index, weight = owner, torch.ones_like(place[:, 0])
        for axis, side in enumerate(corner):
            voxel, inside = _settle(lower[:, axis].long() + side, window.n, int(window.edges[axis]))
            index = index * window.n + voxel
            share = upper_share[:, axis] if side else 1 - upper_share[:, axis]
            weight = weight * share * inside
        out.index_add_(0, index, weight[:, None] * value)
