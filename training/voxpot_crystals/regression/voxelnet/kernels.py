"""Compiled loops over reciprocal lattice vectors and voxels."""

from __future__ import annotations

import numpy as np

from ase_voxpot.compiled import njit

__all__ = ["coefficients_into", "deposit_into"]


@njit(error_model="numpy")
def _phases(fractional, most):  # pragma: no cover - compiled
    """Powers exp(-2πi m s) of every axis, from -most to most, for every atom."""
    phase = np.empty((3, 2 * most.max() + 1, len(fractional)), np.complex128)
    for axis in range(3):
        for m in range(-most[axis], most[axis] + 1):
            for j in range(len(fractional)):
                angle = -2 * np.pi * m * fractional[j, axis]
                phase[axis, m + most[axis], j] = complex(np.cos(angle), np.sin(angle))
    return phase


@njit(error_model="numpy")
def _sum_atoms(plane, along, slot, scale, here):  # pragma: no cover - compiled
    """Sum phases element by element; the largest part that came out."""
    here[:] = 0
    for j in range(len(slot)):
        here[slot[j]] += plane[j] * along[j]
    loudest = 0.0
    for e in range(len(here)):
        here[e] *= scale
        loudest = max(loudest, abs(here[e].real), abs(here[e].imag))
    return loudest


@njit(error_model="numpy")
def coefficients_into(
    fractional, slot, reciprocal, most, radius, width, per_volume, silent, g, h
):  # pragma: no cover - compiled
    """Write vectors to ``g`` [vector, 3] and coefficients to ``h`` [element, vector]; return how many.

    With fractional coordinates s, g·μ = 2π m·s: the phase of an atom is a product of three
    numbers, each from a table.  Zero comes first, then the half of the lattice with a first
    non-zero m > 0, in lexicographic order, but for vectors where all elements are silent.
    """
    phase = _phases(fractional, most)
    here = np.empty(len(h), np.complex128)
    count = 0
    for m0 in range(most[0] + 1):
        for m1 in range(-most[1] if m0 > 0 else 0, most[1] + 1):
            plane = phase[0, m0 + most[0]] * phase[1, m1 + most[1]]
            for m2 in range(-most[2] if m0 + abs(m1) > 0 else 0, most[2] + 1):
                x = m0 * reciprocal[0, 0] + m1 * reciprocal[1, 0] + m2 * reciprocal[2, 0]
                y = m0 * reciprocal[0, 1] + m1 * reciprocal[1, 1] + m2 * reciprocal[2, 1]
                z = m0 * reciprocal[0, 2] + m1 * reciprocal[1, 2] + m2 * reciprocal[2, 2]
                squared = x * x + y * y + z * z
                if squared > radius * radius:
                    continue
                if _sum_atoms(plane, phase[2, m2 + most[2]], slot, per_volume, here) > silent:
                    g[count, 0], g[count, 1], g[count, 2] = x, y, z
                    h[:, count] = np.exp(-0.5 * width * width * squared) * here
                    count += 1
    return count


@njit(error_model="numpy")
def _settle(index, n, edge):  # pragma: no cover - compiled
    """The voxel that a place belongs to, -1 if to none."""
    if edge == 2:
        return index % n
    if edge == 1 or (edge == 3 and index < 0):
        return min(max(index, 0), n - 1)
    return index if 0 <= index < n else -1


@njit(error_model="numpy")
def _shares(place, n, edge, soft, index, share):  # pragma: no cover - compiled
    """The two voxels of every axis that share a point, and how; the second takes nothing if not ``soft``."""
    for axis in range(3):
        u = place[axis] - (0.5 if soft else 0.0)
        lower = int(np.floor(u))
        share[axis, 1] = u - lower if soft else 0.0
        share[axis, 0] = 1 - share[axis, 1]
        for side in range(2):
            index[axis, side] = _settle(lower + side, n, edge[axis])
            if index[axis, side] < 0:
                share[axis, side] = 0.0


@njit(error_model="numpy")
def deposit_into(place, value, edge, soft, out):  # pragma: no cover - compiled
    """Add ``value`` [channel, point] to the voxels of ``out`` [channel, n, n, n] at ``place`` [point, 3].

    Places are in voxels: voxel k spans k to k + 1.  Soft points are shared among the
    two nearest voxels of every axis, in proportion to their nearness.  What falls out along an axis is
    dropped (``edge`` 0), stays in the last voxel (1), comes in again on the other side (2), or stays below
    and is dropped above (3).
    """
    n, sides = out.shape[1], 2 if soft else 1
    index, share = np.empty((3, 2), np.int64), np.empty((3, 2))
    for p in range(len(place)):
        _shares(place[p], n, edge, soft, index, share)
        for corner in range(sides**3):
            i, j, k = corner // (sides * sides), corner // sides % sides, corner % sides
            weight = share[0, i] * share[1, j] * share[2, k]
            if weight > 0:
                for c in range(len(out)):
                    out[c, index[0, i], index[1, j], index[2, k]] += weight * value[c, p]
