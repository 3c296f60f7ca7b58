"""Compiled loops over the frames of whole cells, without the GIL.

A box is an origin and three lengths along fixed directions.  Frames come as one array
[frame, atom, 3], boxes and rates as [frame, 3], or [1, 3] if all frames share them.
"""

from __future__ import annotations

import numpy as np

from ase_voxpot.compiled import njit

__all__ = ["PAINT", "bounds", "field_in_rectangles", "locate"]


@njit(nogil=True)
def bounds(positions, inverse, low, high):  # pragma: no cover - compiled
    """Least and greatest coordinate of every frame along each direction; not finite if a position is not."""
    low[:], high[:] = np.inf, -np.inf
    for f in range(len(positions)):
        for i in range(positions.shape[1]):
            for k in range(3):
                s = 0.0
                for m in range(3):
                    s += np.float64(positions[f, i, m]) * inverse[m, k]
                low[f, k] = min(low[f, k], s) if np.isfinite(s) else -np.inf
                high[f, k] = max(high[f, k], s)


@njit(nogil=True)
def locate(positions, origin, length, inverse, n, clip, voxel):  # pragma: no cover - compiled
    """Number of the voxel that every atom is in, -1 if in none; and the number of atoms in none.

    0 < t ≤ n along every edge, in units of a voxel: the lower face is out, the upper one in.
    """
    lost = 0
    for f in range(len(positions)):
        b = f if len(origin) > 1 else 0
        for i in range(positions.shape[1]):
            number = 0
            for k in range(3):
                s = 0.0
                for m in range(3):
                    s += (np.float64(positions[f, i, m]) - origin[b, m]) * inverse[m, k]
                index = int(np.ceil(s / length[b, k] * n)) - 1
                if clip:
                    index = min(max(index, 0), n - 1)
                number = number * n + index if 0 <= index < n and number >= 0 else -1
            voxel[f, i] = number
            lost += number < 0
    return lost


@njit(nogil=True, fastmath=True, inline="always")
def _gaussians(position, origin, length, rate, along):  # pragma: no cover - compiled
    """One Gaussian along each axis, at the centres of the voxels."""
    n = along.shape[1]
    for k in range(3):
        step = length[k] / n
        first = origin[k] + 0.5 * step - np.float64(position[k])
        for a in range(n):
            d = first + a * step
            along[k, a] = np.exp(-rate[k] * d * d)


@njit(nogil=True, fastmath=True, inline="always")
def _add_product(charge, along, plane, cube):  # pragma: no cover - compiled
    """Add the product of three Gaussians to the cube."""
    n = along.shape[1]
    for a in range(n):
        for c in range(n):
            plane[a * n + c] = along[1, a] * along[2, c]
    for a in range(n):
        height = charge * along[0, a]
        for c in range(n * n):
            cube[a * n * n + c] += height * plane[c]


@njit(nogil=True, fastmath=True)
def field_in_rectangles(  # pragma: no cover - compiled
    positions, charges, voxel, origin, length, axes, rate, n, out
):
    """V at every voxel centre of boxes along x, y, z: a Gaussian is a product over the axes there."""
    plane, along, cube = np.empty(n * n), np.empty((3, n)), np.empty(n * n * n)
    for f in range(len(positions)):
        b, r = (f if len(origin) > 1 else 0), (f if len(rate) > 1 else 0)
        cube[:] = 0.0
        for i in range(positions.shape[1]):
            if voxel[f, i] >= 0:
                _gaussians(positions[f, i], origin[b], length[b], rate[r], along)
                _add_product(charges[i], along, plane, cube)
        for v in range(n * n * n):
            out[f, v] = cube[v]


@njit(nogil=True)
def _centre(number, n, origin, length, axes, centre):  # pragma: no cover - compiled
    a, b, c = number // (n * n), number // n % n, number % n
    u = (a + 0.5) * length[0] / n
    v = (b + 0.5) * length[1] / n
    w = (c + 0.5) * length[2] / n
    for m in range(3):
        centre[m] = origin[m] + u * axes[0, m] + v * axes[1, m] + w * axes[2, m]


@njit(nogil=True, inline="always")
def _exponent(point, position, rate):  # pragma: no cover - compiled
    e = 0.0
    for m in range(3):
        d = np.float64(point[m]) - np.float64(position[m])
        e += rate[m] * d * d
    return e


@njit(nogil=True)
def _density(point, positions, charges, voxel, rate):  # pragma: no cover - compiled
    """V of all atoms that are in a voxel."""
    total = 0.0
    for i in range(len(positions)):
        if voxel[i] >= 0:
            total += charges[i] * np.exp(-_exponent(point, positions[i], rate))
    return total


@njit(nogil=True)
def _field(positions, charges, voxel, origin, length, axes, rate, n, out):  # pragma: no cover - compiled
    centre = np.empty(3)
    for f in range(len(positions)):
        b, r = (f if len(origin) > 1 else 0), (f if len(rate) > 1 else 0)
        for v in range(n * n * n):
            _centre(v, n, origin[b], length[b], axes, centre)
            out[f, v] = _density(centre, positions[f], charges, voxel[f], rate[r])


@njit(nogil=True)
def _occupied(positions, charges, voxel, origin, length, axes, rate, n, out):  # pragma: no cover - compiled
    centre = np.empty(3)
    out[:] = 0
    for f in range(len(positions)):
        b, r = (f if len(origin) > 1 else 0), (f if len(rate) > 1 else 0)
        for j in range(positions.shape[1]):
            if voxel[f, j] < 0 or out[f, voxel[f, j]] != 0:
                continue
            _centre(voxel[f, j], n, origin[b], length[b], axes, centre)
            out[f, voxel[f, j]] = _density(centre, positions[f], charges, voxel[f], rate[r])


@njit(nogil=True)
def _inside(positions, charges, voxel, origin, length, axes, rate, n, out):  # pragma: no cover - compiled
    centre = np.empty(3)
    cube = np.empty(n * n * n)
    for f in range(len(positions)):
        b, r = (f if len(origin) > 1 else 0), (f if len(rate) > 1 else 0)
        cube[:] = 0.0
        for i in range(positions.shape[1]):
            if voxel[f, i] < 0:
                continue
            _centre(voxel[f, i], n, origin[b], length[b], axes, centre)
            cube[voxel[f, i]] += charges[i] * np.exp(-_exponent(centre, positions[f, i], rate[r]))
        for v in range(n * n * n):
            out[f, v] = cube[v]


@njit(nogil=True)
def _atoms(positions, charges, voxel, origin, length, axes, rate, n, out):  # pragma: no cover - compiled
    cube = np.empty(n * n * n)
    for f in range(len(positions)):
        r = f if len(rate) > 1 else 0
        cube[:] = 0.0
        for i in range(positions.shape[1]):
            if voxel[f, i] >= 0:
                cube[voxel[f, i]] += _density(positions[f, i], positions[f], charges, voxel[f], rate[r])
        for v in range(n * n * n):
            out[f, v] = cube[v]


PAINT = {"field": _field, "occupied": _occupied, "inside": _inside, "atoms": _atoms}
"""Kernels by reading of the paper, see ``voxelizer``."""
