"""Densities of crystals on the unit torus: a grid in fractions of the cell, all periodic images.

    ρ[c, v] = Σ_j weight[j, c] Σ_n exp(-|(u_v - u_j + n) · cell|² / 2σ²)        n whole

for cells of any shape.  ``deposit`` is the equation, ``gather`` its adjoint in the weights, and
``deposit_torch`` the equation in torch, which differentiates by the coordinates and the cell as well.
Beyond ``REACH`` widths a Gaussian counts as nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.compiled import njit
from ase_voxpot.errors import CellError, SpecError

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["deposit", "deposit_torch", "gather"]

REACH = 6.0
"""Widths; there a Gaussian is 1.5e-8 of what it is in its middle."""
LARGEST = 256
"""Points along an axis."""


def _heights(cell: np.ndarray, n: int, width: float) -> Float[np.ndarray, " 3"]:
    """Distances of the faces, in Å, of a cell that can be painted.

    Raises:
        CellError: no volume.
        SpecError: a grid or width that makes no sense.
    """
    if not (np.isfinite(cell).all() and abs(np.linalg.det(cell)) > 1e-6):
        raise CellError("expected a cell that has a volume, to paint a density in it")
    if not (2 <= n <= LARGEST and 0 < width < 100):
        raise SpecError(f"expected 2 to {LARGEST} points along an axis and a width in Å, got {n} and {width}")
    return np.asarray(1 / np.linalg.norm(np.linalg.inv(cell), axis=0))


def deposit(
    fractions: Float[np.ndarray, "atom 3"],
    weight: Float[np.ndarray, "atom channel"],
    cell: Float[np.ndarray, "3 3"],
    *,
    n: int,
    width: float,
) -> Float[np.ndarray, "channel n n n"]:
    """Paint atoms on the grid; voxel v sits at the fractions v / n.

    Args:
        fractions: of the cell, not necessarily within it.
        weight: what an atom adds to every channel.
        cell: rows in Å.
        n: voxels along each axis.
        width: σ of the Gaussians in Å.

    Raises:
        CellError: a cell without a volume.
        SpecError: a grid or width that makes no sense.
    """
    cell = np.asarray(cell, float)
    reach = REACH * width / _heights(cell, n, width) * n  # in voxels, along each axis
    density = np.zeros((weight.shape[1], n, n, n))
    _sweep(np.asarray(fractions, float), np.asarray(weight, float), cell, width, reach, density, True)
    return density


def gather(
    fractions: Float[np.ndarray, "atom 3"],
    gradient: Float[np.ndarray, "channel n n n"],
    cell: Float[np.ndarray, "3 3"],
    *,
    width: float,
) -> Float[np.ndarray, "atom channel"]:
    """The adjoint of ``deposit`` in the weights: what a change of each would change."""
    cell, n = np.asarray(cell, float), gradient.shape[1]
    reach = REACH * width / _heights(cell, n, width) * n
    out = np.zeros((len(fractions), len(gradient)))
    _sweep(np.asarray(fractions, float), out, cell, width, reach, np.asarray(gradient, float), False)
    return out


@njit(nogil=True)
def _sweep(fractions, weight, cell, width, reach, density, paint):  # pragma: no cover - compiled
    """Every atom over the voxels that it reaches: paint them, or read them back into the weights.

    Indices wrap around, so that images come by themselves.
    """
    channels, n = density.shape[0], density.shape[1]
    steep = 0.5 / width**2
    limit = (REACH * width) ** 2
    for j in range(len(fractions)):
        x, y, z = fractions[j, 0] * n, fractions[j, 1] * n, fractions[j, 2] * n
        for a in range(int(np.ceil(x - reach[0])), int(np.floor(x + reach[0])) + 1):
            u = (a - x) / n
            for b in range(int(np.ceil(y - reach[1])), int(np.floor(y + reach[1])) + 1):
                v = (b - y) / n
                for c in range(int(np.ceil(z - reach[2])), int(np.floor(z + reach[2])) + 1):
                    w = (c - z) / n
                    square = 0.0
                    for k in range(3):
                        square += (u * cell[0, k] + v * cell[1, k] + w * cell[2, k]) ** 2
                    height = np.exp(-steep * square) * (square < limit)
                    for channel in range(channels):
                        if paint:
                            density[channel, a % n, b % n, c % n] += weight[j, channel] * height
                        else:
                            weight[j, channel] += density[channel, a % n, b % n, c % n] * height


def deposit_torch(
    fractions: Float[Tensor, "atom 3"],
    weight: Float[Tensor, "atom channel"],
    cell: Float[Tensor, "3 3"],
    *,
    n: int,
    width: float,
) -> Float[Tensor, "channel n n n"]:
    """``deposit`` as a sum over whole images, on the device of its arguments and differentiable by them."""
    import torch

    heights = _heights(cell.detach().cpu().double().numpy(), n, width)
    spans = [range(-int(k), int(k) + 1) for k in np.ceil(REACH * width / heights + 0.5)]
    images = torch.cartesian_prod(*(torch.tensor(list(s)) for s in spans)).to(fractions)
    axis = torch.arange(n, device=fractions.device, dtype=fractions.dtype) / n
    grid = torch.cartesian_prod(axis, axis, axis)
    density = fractions.new_zeros(weight.shape[1], n**3)
    for place, heavy in zip(fractions, weight, strict=True):
        difference = grid - place
        difference = difference - difference.detach().round()
        square = ((difference[:, None] + images) @ cell).square().sum(-1)
        near = torch.where(square < (REACH * width) ** 2, torch.exp(-0.5 * square / width**2), 0.0).sum(1)
        density = density + heavy[:, None] * near
    return density.reshape(-1, n, n, n)
