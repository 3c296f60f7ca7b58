"""The voxel density in Numba: atoms in parallel, Gaussians axis by axis.

A Gaussian is a product over the axes, so a neighbour costs 3n exponentials and one
multiply-add per voxel and shell.  The precision is that of ``offset``.  Pairs must be
sorted by centre (``neighbours.Pairs`` are), so that every thread owns whole cubes and
no two write to the same one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import prange

from ase_voxpot.compiled import njit
from ase_voxpot.descriptor.radial import radial_functions
from ase_voxpot.voxelize.reference import axis_points

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from ase_voxpot.spec import Cubes

__all__ = ["deposit", "deposit_tangent", "gather"]


def _first_pairs(centre: Int[np.ndarray, " pair"], atoms: int) -> Int[np.ndarray, " atom_plus_1"]:
    if len(centre) and (np.diff(centre) < 0).any():
        raise ValueError("expected pairs sorted by centre, got them out of order; sort them or use neighbours.Pairs")
    return np.searchsorted(centre, np.arange(atoms + 1))


def _weights(
    offset: Float[np.ndarray, "pair 3"], grid: Cubes
) -> tuple[Float[np.ndarray, "pair shell"], Float[np.ndarray, "pair shell 3"]]:
    """Radial functions and their gradients with respect to the offset."""
    r = np.sqrt((offset**2).sum(axis=1))
    weight, slope = radial_functions(r, grid.cutoff, grid.radial, grid.lift)
    return weight.astype(offset.dtype), (slope[:, :, None] * (offset / r[:, None])[:, None, :]).astype(offset.dtype)


@njit(inline="always")
def _gauss(d, axis, width, out, slope):  # pragma: no cover - compiled
    """exp(-(x-d)²/2σ²) along the three axes, and the derivatives by d."""
    for k in range(3):
        for a in range(len(axis)):
            u = (axis[a] - d[k]) / width
            out[k, a] = np.exp(-u * u / 2)
            slope[k, a] = out[k, a] * u / width


@njit(parallel=True, fastmath=True)
def _deposit(offset, first, channel, weight, axis, width, density):  # pragma: no cover - compiled
    n, shells = len(axis), weight.shape[1]
    for i in prange(len(first) - 1):
        g = np.empty((3, n), offset.dtype)
        s = np.empty((3, n), offset.dtype)
        for p in range(first[i], first[i + 1]):
            _gauss(offset[p], axis, width, g, s)
            for q in range(shells):
                cube = density[i, channel[p] * shells + q]
                for a in range(n):
                    for b in range(n):
                        height = weight[p, q] * g[0, a] * g[1, b]
                        for c in range(n):
                            cube[a, b, c] += height * g[2, c]


@njit(parallel=True, fastmath=True)
def _gather(field, offset, first, channel, weight, slope, axis, width, out):  # pragma: no cover - compiled
    n, shells = len(axis), weight.shape[1]
    for i in prange(len(first) - 1):
        g = np.empty((3, n), offset.dtype)
        s = np.empty((3, n), offset.dtype)
        for p in range(first[i], first[i + 1]):
            _gauss(offset[p], axis, width, g, s)
            fx, fy, fz = offset.dtype.type(0), offset.dtype.type(0), offset.dtype.type(0)
            for q in range(shells):
                cube = field[i, channel[p] * shells + q]
                # sums over z, y, x of the field times Gaussians, or times their slope in one axis
                v, vx, vy, vz = fx * 0, fx * 0, fx * 0, fx * 0
                for a in range(n):
                    w, wy, wz = fx * 0, fx * 0, fx * 0
                    for b in range(n):
                        u, uz = fx * 0, fx * 0
                        for c in range(n):
                            u += cube[a, b, c] * g[2, c]
                            uz += cube[a, b, c] * s[2, c]
                        w += g[1, b] * u
                        wy += s[1, b] * u
                        wz += g[1, b] * uz
                    v += g[0, a] * w
                    vx += s[0, a] * w
                    vy += g[0, a] * wy
                    vz += g[0, a] * wz
                fx += weight[p, q] * vx + slope[p, q, 0] * v
                fy += weight[p, q] * vy + slope[p, q, 1] * v
                fz += weight[p, q] * vz + slope[p, q, 2] * v
            out[p, 0], out[p, 1], out[p, 2] = fx, fy, fz


@njit(parallel=True, fastmath=True)
def _deposit_tangent(  # pragma: no cover - compiled
    tangent, offset, first, channel, weight, slope, axis, width, change
):
    n, shells = len(axis), weight.shape[1]
    for i in prange(len(first) - 1):
        g = np.empty((3, n), offset.dtype)
        s = np.empty((3, n), offset.dtype)
        for p in range(first[i], first[i + 1]):
            _gauss(offset[p], axis, width, g, s)
            tx, ty, tz = tangent[p, 0], tangent[p, 1], tangent[p, 2]
            for q in range(shells):
                cube = change[i, channel[p] * shells + q]
                w = weight[p, q]
                rise = slope[p, q, 0] * tx + slope[p, q, 1] * ty + slope[p, q, 2] * tz
                for a in range(n):
                    for b in range(n):
                        level = g[0, a] * g[1, b] * rise + w * (tx * s[0, a] * g[1, b] + ty * g[0, a] * s[1, b])
                        tilt = w * tz * g[0, a] * g[1, b]
                        for c in range(n):
                            cube[a, b, c] += level * g[2, c] + tilt * s[2, c]


def deposit(
    offset: Float[np.ndarray, "pair 3"],
    centre: Int[np.ndarray, " pair"],
    channel: Int[np.ndarray, " pair"],
    *,
    shape: tuple[int, int],
    grid: Cubes,
) -> Float[np.ndarray, "atom channel n n n"]:
    """As ``reference.deposit``, for pairs sorted by centre."""
    axis, width = axis_points(grid).astype(offset.dtype), offset.dtype.type(grid.width)
    density = np.zeros((shape[0], shape[1] * grid.radial, grid.n, grid.n, grid.n), offset.dtype)
    _deposit(offset, _first_pairs(centre, shape[0]), channel, _weights(offset, grid)[0], axis, width, density)
    return density


def gather(
    field: Float[np.ndarray, "atom channel n n n"],
    offset: Float[np.ndarray, "pair 3"],
    centre: Int[np.ndarray, " pair"],
    channel: Int[np.ndarray, " pair"],
    *,
    grid: Cubes,
) -> Float[np.ndarray, "pair 3"]:
    """As ``reference.gather``, for pairs sorted by centre."""
    axis, width = axis_points(grid).astype(offset.dtype), offset.dtype.type(grid.width)
    out = np.empty_like(offset)
    _gather(field, offset, _first_pairs(centre, len(field)), channel, *_weights(offset, grid), axis, width, out)
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
    """As ``reference.deposit_tangent``, for pairs sorted by centre."""
    axis, width = axis_points(grid).astype(offset.dtype), offset.dtype.type(grid.width)
    change = np.zeros((shape[0], shape[1] * grid.radial, grid.n, grid.n, grid.n), offset.dtype)
    first = _first_pairs(centre, shape[0])
    _deposit_tangent(tangent, offset, first, channel, *_weights(offset, grid), axis, width, change)
    return change
