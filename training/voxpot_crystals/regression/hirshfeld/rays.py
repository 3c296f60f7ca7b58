"""Intersections of rays from a nucleus with its Hirshfeld surface, in Numba.

Along a ray from atom A the share w_A = ρ_A / Σ_B ρ_B passes one half where

    h(r) = ln ρ_A - ln Σ_{B≠A} ρ_B

changes sign.  h is nearly a straight line there, so that a regula falsi with halving
(Illinois) needs three or four steps.  Rays are independent and go over the threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import prange

from ase_voxpot.compiled import njit

if TYPE_CHECKING:
    from jaxtyping import Float, Int

__all__ = ["MOST", "Densities", "Sites", "density_at", "trace"]

MOST = 6
"""Crossings of one ray that are kept; further ones are counted."""

STRIDE = 0.15
"""Å between the points at which the sign of h is looked up before a crossing is refined."""

START = 0.05
"""Å, the first such point."""

SHARP = 1e-7
"""Å, to which crossings are refined."""

TINY = 1e-300


class Densities(NamedTuple):
    """Sampled densities, kind after kind."""

    value: Float[np.ndarray, " sample"]  # electrons per Å³
    slope: Float[np.ndarray, " sample"]  # the same per spacing
    first: Int[np.ndarray, " kind"]  # first sample of each kind
    reach: Float[np.ndarray, " kind"]  # Å, beyond which there is nothing
    spacing: float  # Å


class Sites(NamedTuple):
    """The nuclei that rays start from, and all atoms around them.

    The neighbours of a site are sorted by ``onset``, the distance from the site at which
    their density begins, so that a sum may stop early.
    """

    mine: Int[np.ndarray, " site"]  # kind
    stop: Float[np.ndarray, " site"]  # Å, end of the rays
    begin: Int[np.ndarray, " site_plus_1"]
    around: Float[np.ndarray, "neighbour 3"]  # Å, as seen from the site
    kind: Int[np.ndarray, " neighbour"]
    onset: Float[np.ndarray, " neighbour"]  # Å


@njit(inline="always")
def _interpolate(densities, kind, r):  # pragma: no cover - compiled
    """Cubic Hermite: the density of a kind at r and its derivative by r / spacing."""
    u = r / densities.spacing
    k = int(u)
    t = u - k
    k += densities.first[kind]
    a, p, q = densities.value[k], densities.slope[k], densities.slope[k + 1]
    c = densities.value[k + 1] - a
    square, cube = 3 * c - 2 * p - q, p + q - 2 * c
    return a + t * (p + t * (square + t * cube)), p + t * (2 * square + t * 3 * cube)


@njit()
def _lead(densities, sites, s, u, r):  # pragma: no cover - compiled
    """The value of h at the distance r along the direction u from site s."""
    x, y, z = r * u[0], r * u[1], r * u[2]
    rest = TINY
    for j in range(sites.begin[s], sites.begin[s + 1]):
        if sites.onset[j] > r:
            break
        dx, dy, dz = x - sites.around[j, 0], y - sites.around[j, 1], z - sites.around[j, 2]
        square = dx * dx + dy * dy + dz * dz
        far = densities.reach[sites.kind[j]]
        if square < far * far:
            rest += _interpolate(densities, sites.kind[j], np.sqrt(square))[0]
    return np.log(max(_interpolate(densities, sites.mine[s], r)[0], TINY) / rest)


@njit()
def _owns(densities, sites, s, u, r):  # pragma: no cover - compiled
    """Whether h is positive, without summing on once it cannot be."""
    x, y, z = r * u[0], r * u[1], r * u[2]
    left = _interpolate(densities, sites.mine[s], r)[0]
    for j in range(sites.begin[s], sites.begin[s + 1]):
        if sites.onset[j] > r:
            break
        dx, dy, dz = x - sites.around[j, 0], y - sites.around[j, 1], z - sites.around[j, 2]
        square = dx * dx + dy * dy + dz * dz
        far = densities.reach[sites.kind[j]]
        if square < far * far:
            left -= _interpolate(densities, sites.kind[j], np.sqrt(square))[0]
            if left < 0:
                return False
    return True


@njit()
def _undisputed(densities, sites, s, step):  # pragma: no cover - compiled
    """Steps within which no ray can leave the site: all neighbours together, each as near as can be, hold less."""
    k = 0
    while START + (k + 1) * step < sites.stop[s]:
        r = START + (k + 1) * step
        left = _interpolate(densities, sites.mine[s], r)[0]
        for j in range(sites.begin[s], sites.begin[s + 1]):
            if sites.onset[j] > r or left < 0:
                break
            square = sites.around[j, 0] ** 2 + sites.around[j, 1] ** 2 + sites.around[j, 2] ** 2
            distance = np.sqrt(square) - r
            if distance < densities.reach[sites.kind[j]]:
                left -= _interpolate(densities, sites.kind[j], max(distance, 0.0))[0]
        if left < 0:
            break
        k += 1
    return k


@njit()
def _refine(densities, sites, s, u, a, b):  # pragma: no cover - compiled
    """The zero of h between a and b."""
    ha, hb = _lead(densities, sites, s, u, a), _lead(densities, sites, s, u, b)
    side, m = 0, b
    for _ in range(60):
        m = (a * hb - b * ha) / (hb - ha)
        hm = _lead(densities, sites, s, u, m)
        if abs(hm) < SHARP or b - a < SHARP:
            break
        if (hm > 0) == (hb > 0):
            b, hb = m, hm
            if side == 1:
                ha /= 2
            side = 1
        else:
            a, ha = m, hm
            if side == -1:
                hb /= 2
            side = -1
    return m


@njit()
def _normal(densities, sites, s, u, r):  # pragma: no cover - compiled
    """Cosine between u and the normal -grad h, the nearest atom outside and its distance."""
    x, y, z = r * u[0], r * u[1], r * u[2]
    total, gx, gy, gz = TINY, 0.0, 0.0, 0.0
    nearest, outside = np.inf, -1
    for j in range(sites.begin[s], sites.begin[s + 1]):
        if sites.onset[j] > r:
            break
        dx, dy, dz = x - sites.around[j, 0], y - sites.around[j, 1], z - sites.around[j, 2]
        square = dx * dx + dy * dy + dz * dz
        if square < nearest:
            nearest, outside = square, j
        far = densities.reach[sites.kind[j]]
        if square < far * far:
            d = max(np.sqrt(square), 1e-12)
            rho, rise = _interpolate(densities, sites.kind[j], d)
            total += rho
            gx, gy, gz = gx + rise * dx / d, gy + rise * dy / d, gz + rise * dz / d
    own, fall = _interpolate(densities, sites.mine[s], r)
    fall /= max(own, TINY)
    nx, ny, nz = gx / total - fall * u[0], gy / total - fall * u[1], gz / total - fall * u[2]
    length = max(np.sqrt(nx * nx + ny * ny + nz * nz), TINY)
    return (nx * u[0] + ny * u[1] + nz * u[2]) / length, np.sqrt(nearest), outside


@njit(parallel=True)
def trace(densities, sites, direction, start):  # pragma: no cover - compiled
    """Follow every ray from its nucleus out to the ``stop`` of the site.

    Args:
        densities: of all kinds of atoms, ``Densities``.
        sites: nuclei and what is around them, ``Sites``.
        direction: unit vectors, (ray, 3).
        start: the site at which each ray starts, (ray).

    Returns:
        Four arrays (ray, MOST): distance of a crossing along the ray and to the nearest atom
        outside, in Å, the index of that atom in ``sites.around``, and the cosine between ray
        and outward normal.  Two arrays (ray): number of crossings, and whether the site
        still owns the density where the ray ends.
    """
    rays, nuclei = len(direction), len(sites.mine)
    inside, outside = np.zeros((rays, MOST)), np.zeros((rays, MOST))
    which, cosine = np.full((rays, MOST), -1), np.zeros((rays, MOST))
    count, still = np.zeros(rays, np.int64), np.zeros(rays, np.bool_)
    steps, skipped = np.empty(nuclei, np.int64), np.empty(nuclei, np.int64)
    for s in range(nuclei):
        steps[s] = max(int(np.ceil((sites.stop[s] - START) / STRIDE)), 1)
        skipped[s] = _undisputed(densities, sites, s, (sites.stop[s] - START) / steps[s])
    for i in prange(rays):
        s, u, c = start[i], direction[i], 0
        step = (sites.stop[s] - START) / steps[s]
        before = skipped[s] > 0 or _owns(densities, sites, s, u, START)
        for k in range(skipped[s] + 1, steps[s] + 1):
            r = START + k * step
            now = _owns(densities, sites, s, u, r)
            if now != before:
                if c < MOST:
                    m = _refine(densities, sites, s, u, r - step, r)
                    inside[i, c] = m
                    cosine[i, c], outside[i, c], which[i, c] = _normal(densities, sites, s, u, m)
                c += 1
            before = now
        count[i], still[i] = c, before
    return inside, outside, which, cosine, count, still


@njit(parallel=True)
def density_at(densities, points, around, kind):  # pragma: no cover - compiled
    """Density of all atoms together.

    Args:
        densities: of all kinds of atoms, ``Densities``.
        points: (point, 3), Å.
        around: all atoms that may reach the points, (atom, 3), Å.
        kind: their kinds, (atom).

    Returns:
        Electrons per Å³, (point).
    """
    total = np.zeros(len(points))
    for i in prange(len(points)):
        for j in range(len(around)):
            dx, dy, dz = points[i, 0] - around[j, 0], points[i, 1] - around[j, 1], points[i, 2] - around[j, 2]
            square = dx * dx + dy * dy + dz * dz
            far = densities.reach[kind[j]]
            if square < far * far:
                total[i] += _interpolate(densities, kind[j], np.sqrt(square))[0]
    return total
