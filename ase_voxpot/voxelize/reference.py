"""The voxel density as its equation, in plain NumPy.

The cube around atom *i* holds one channel per species and shell, and each neighbour
*j* adds a Gaussian of width σ, weighted by its distance:

    ρ_i[(c, q), v] = Σ_{j: Z_j = c}  f_q(r_ij) exp(-|x_v - d_ij|² / 2σ²)

``d_ij`` points from *i* to *j*; channel (c, q) has the number c·shells + q.  This
module is the reference for ``cpu`` and ``gpu``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.descriptor.radial import radial_functions

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from ase_voxpot.spec import Cubes

__all__ = ["axis_points", "deposit", "deposit_tangent", "gather", "voxel_points"]


def axis_points(grid: Cubes) -> Float[np.ndarray, " n"]:
    """Coordinates of the voxels along one edge, in Å, symmetric about the atom.

    >>> from ase_voxpot.spec import Cubes
    >>> axis_points(Cubes(n=3, spacing=0.5, width=0.4, cutoff=2.0))
    array([-0.5,  0. ,  0.5])
    """
    return (np.arange(grid.n) - 0.5 * (grid.n - 1)) * grid.spacing


def voxel_points(grid: Cubes) -> Float[np.ndarray, "n n n 3"]:
    """Coordinates x_v of all voxels, in Å."""
    axis = axis_points(grid)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)


def _blob_and_slope(
    d: Float[np.ndarray, " 3"], grid: Cubes
) -> tuple[Float[np.ndarray, "shell n n n"], Float[np.ndarray, "shell n n n 3"]]:
    """Density of one neighbour at ``d`` in its channels, and the derivative with respect to ``d``."""
    r = np.linalg.norm(d, axis=0, keepdims=True)
    weight, slope = radial_functions(r, grid.cutoff, grid.radial, grid.lift)
    away = voxel_points(grid) - d
    gauss = np.exp(-(away**2).sum(axis=-1) / (2 * grid.width**2))
    blob = weight[0][:, None, None, None] * gauss
    direction = d / r
    derivative = (
        slope[0][:, None, None, None, None] * gauss[..., None] * direction + blob[..., None] * away / grid.width**2
    )
    return blob, derivative


def deposit(
    offset: Float[np.ndarray, "pair 3"],
    centre: Int[np.ndarray, " pair"],
    channel: Int[np.ndarray, " pair"],
    *,
    shape: tuple[int, int],
    grid: Cubes,
) -> Float[np.ndarray, "atom channel n n n"]:
    """Density of the neighbours on the cube of every atom.

    Args:
        offset: vectors d_ij from atom to neighbour, in Å, images included.
        centre: index *i* of the central atom of each pair.
        channel: species number of the neighbour *j*.
        shape: number of atoms and of species.
        grid: the cube.

    Returns:
        Densities ρ, dimensionless; an empty neighbourhood is an empty cube.
    """
    atoms, species = shape
    density = np.zeros((atoms, species, grid.radial, grid.n, grid.n, grid.n))
    for d, i, c in zip(offset, centre, channel, strict=True):
        density[i, c] += _blob_and_slope(d, grid)[0]
    return density.reshape(atoms, species * grid.radial, grid.n, grid.n, grid.n)


def gather(
    field: Float[np.ndarray, "atom channel n n n"],
    offset: Float[np.ndarray, "pair 3"],
    centre: Int[np.ndarray, " pair"],
    channel: Int[np.ndarray, " pair"],
    *,
    grid: Cubes,
) -> Float[np.ndarray, "pair 3"]:
    """Derivative of ⟨field, ρ⟩ by every offset: the transpose of ``deposit_tangent``.

    With ``field`` = dE/dρ in eV the result is dE/dd_ij in eV/Å.
    """
    shells = field.reshape(len(field), -1, grid.radial, grid.n, grid.n, grid.n)
    out = np.zeros((len(offset), 3))
    for p, (d, i, c) in enumerate(zip(offset, centre, channel, strict=True)):
        out[p] = np.einsum("qabc,qabck->k", shells[i, c], _blob_and_slope(d, grid)[1])
    return out


def deposit_tangent(
    tangent: Float[np.ndarray, "pair 3"],
    offset: Float[np.ndarray, "pair 3"],
    centre: Int[np.ndarray, " pair"],
    channel: Int[np.ndarray, " pair"],
    *,
    shape: tuple[int, int],
    grid: Cubes,
) -> Float[np.ndarray, "atom channel n n n"]:
    """Directional derivative of the density along a ``tangent`` per neighbour."""
    atoms, species = shape
    change = np.zeros((atoms, species, grid.radial, grid.n, grid.n, grid.n))
    for t, d, i, c in zip(tangent, offset, centre, channel, strict=True):
        change[i, c] += _blob_and_slope(d, grid)[1] @ t
    return change.reshape(atoms, species * grid.radial, grid.n, grid.n, grid.n)
