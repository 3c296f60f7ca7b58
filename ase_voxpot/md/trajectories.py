"""Structural and dynamical properties of a trajectory, from positions alone.

Positions are arrays over frames; time is in fs, lengths in Å.  Two trajectories of any
origin are analysed in the same way.

    path = without_drift(unwrap(positions, cells), masses)
    curve = mean_squared_displacement(path)
    rate = diffusion_coefficient(curve, interval=2.0)
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

__all__ = [
    "Shells",
    "diffusion_coefficient",
    "mean_squared_displacement",
    "shells",
    "unwrap",
    "velocities",
    "velocity_autocorrelation",
    "vibrational_density",
    "without_drift",
]

FIT = (0.1, 0.5)
"""Range of the lags of the fit of a diffusion coefficient: after the ballistic part, before noise dominates."""


def unwrap(positions: Float[np.ndarray, "frame atom 3"], cells: Float[np.ndarray, "frame 3 3"]) -> np.ndarray:
    """Paths without the jumps of periodic boundaries, beginning at the first frame.

    From frame to frame every atom takes the nearest image, in fractional coordinates and
    times the mean of both cells.  A change of the cell is therefore not counted as motion, and
    errors of unwrapping do not accumulate (Bullerjahn et al., J. Chem. Theory Comput. 19, 3406, 2023).

    Raises:
        DataError: an atom moved by close to half of the cell in one step, so that the nearest image is ambiguous.
    """
    fractional = positions @ np.linalg.inv(cells)
    steps = np.diff(fractional, axis=0)
    steps -= np.round(steps)
    if len(steps) and np.abs(steps).max() > 0.45:
        frame = int(np.abs(steps).max(axis=(1, 2)).argmax())
        raise DataError(
            f"frame {frame + 1}: an atom moved by {np.abs(steps).max():.2f} of the cell since the frame before, "
            "too far to follow across the boundary; give frames closer in time, or treat them as snapshots"
        )
    walked = np.cumsum(steps @ ((cells[1:] + cells[:-1]) / 2), axis=0)
    return np.concatenate([positions[:1], positions[:1] + walked])


def without_drift(path: Float[np.ndarray, "frame atom 3"], masses: Float[np.ndarray, " atom"]) -> np.ndarray:
    """The path relative to the centre of mass, which is fixed at its position in the first frame."""
    centre = np.einsum("fai,a->fi", path, masses / masses.sum())
    return path - (centre - centre[:1])[:, None]


def mean_squared_displacement(path: Float[np.ndarray, "frame atom 3"]) -> Float[np.ndarray, " lag"]:
    """⟨|r(t₀+t) - r(t₀)|²⟩ over atoms and all origins, in Å², for every lag in frames.

    By Fourier transforms (Calandrini et al., Collection SFN 12, 201, 2011): S₁ - 2 S₂ with
    the autocorrelation S₂ of the positions.
    """
    frames = len(path)
    centred = path - path.mean(axis=0)
    squares = (centred**2).sum(axis=2).mean(axis=1)
    s1 = 2 * squares.sum() - np.cumsum(np.append(0.0, squares[:-1] + squares[:0:-1]))
    s2 = _correlation(centred).sum(axis=2).mean(axis=1)
    lags = np.arange(frames, 0, -1)
    return np.maximum(s1 / lags - 2 * s2, 0.0)


def _correlation(values: Float[np.ndarray, "frame atom 3"]) -> Float[np.ndarray, "lag atom 3"]:
    """⟨x(t₀) x(t₀+t)⟩ over all origins, for every lag; with zero padding."""
    frames = len(values)
    spectrum = np.fft.rfft(values, n=2 * frames, axis=0)
    both = np.fft.irfft(np.abs(spectrum) ** 2, n=2 * frames, axis=0)[:frames]
    return both / np.arange(frames, 0, -1)[:, None, None]


def diffusion_coefficient(curve: Float[np.ndarray, " lag"], *, interval: float) -> float:
    """D in Å²/ps by a line through ``FIT`` of a mean squared displacement, 6 D t (Einstein).

    Args:
        curve: Å², for lags 0, 1, 2 … frames.
        interval: fs from frame to frame.

    Raises:
        DataError: fewer than 20 frames.
    """
    if len(curve) < 20:
        raise DataError(f"expected at least 20 frames for a diffusion coefficient, got {len(curve)}")
    start, stop = (round(part * len(curve)) for part in FIT)
    time = np.arange(start, stop) * interval / 1000
    return float(np.polyfit(time, curve[start:stop], 1)[0]) / 6


def velocities(path: Float[np.ndarray, "frame atom 3"], *, interval: float) -> np.ndarray:
    """Central differences in Å/fs, for all frames but the first and the last.

    A vibration of angular frequency ω comes out smaller by sin(ω Δt)/(ω Δt).
    """
    return (path[2:] - path[:-2]) / (2 * interval)


def velocity_autocorrelation(
    speed: Float[np.ndarray, "frame atom 3"], masses: Float[np.ndarray, " atom"]
) -> Float[np.ndarray, " lag"]:
    """Σ m ⟨v(t₀)·v(t₀+t)⟩ / Σ m ⟨v²⟩ for every lag in frames: 1 at the start."""
    found = np.einsum("lai,a->l", _correlation(speed), masses)
    return found / found[0]


def vibrational_density(
    correlation: Float[np.ndarray, " lag"], *, interval: float, longest: float = 1000.0
) -> tuple[Float[np.ndarray, " frequency"], Float[np.ndarray, " frequency"]]:
    """Frequencies in THz and the density of states of unit area, in 1/THz.

    The cosine transform of a velocity autocorrelation under a Hann window of ``longest`` fs
    (or half of the data); negative values are set to zero.
    """
    lags = max(2, min(round(longest / interval), len(correlation) // 2))
    window = np.cos(np.pi * np.arange(lags) / (2 * lags)) ** 2
    even = np.zeros(16 * lags)
    even[:lags] = correlation[:lags] * window
    even[-lags + 1 :] = even[lags - 1 : 0 : -1]
    density = np.maximum(np.fft.rfft(even).real, 0.0)
    frequency = np.fft.rfftfreq(len(even), interval / 1000)
    return frequency, density / np.trapezoid(density, frequency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shells:
    """Distances, bonds and angles of many frames.

    ``rdf`` is g_ab(r) for every pair of elements and, under "all", of all pairs:
    the number of pairs over that in an ideal gas of the same densities.
    """

    radius: Float[np.ndarray, " bin"]  # Å, middles of the bins
    rdf: dict[str, Float[np.ndarray, " bin"]]
    bond: float  # Å, first minimum of g(r) behind its first peak; or as given
    coordination: float  # neighbours within that
    angle: Float[np.ndarray, " bin"]  # degrees, middles
    angles: Float[np.ndarray, " bin"]  # 1/degree, of unit area


def shells(
    positions: Float[np.ndarray, "frame atom 3"],
    cells: Float[np.ndarray, "frame 3 3"],
    symbols: Sequence[str],
    *,
    cutoff: float = 8.0,
    width: float = 0.05,
    bond: float | None = None,
) -> Shells:
    """Radial distribution functions per pair of elements, coordination and bond angles.

    Periodic images count, so that the cutoff may exceed half of the cell.

    Args:
        positions: Å.
        cells: Å, rows are vectors; periodic in three directions.
        symbols: of the atoms.
        cutoff: Å.
        width: Å, of a bin.
        bond: Å, up to where neighbours are bonded; the first minimum of g(r) without it.
    """
    elements = sorted(set(symbols))
    kind = np.array([elements.index(s) for s in symbols])
    edges = np.linspace(0.0, cutoff, round(cutoff / width) + 1)
    counts = np.zeros((len(elements), len(elements), len(edges) - 1))
    found = [_pairs(p, c, cutoff) for p, c in zip(positions, cells, strict=True)]
    for centre, neighbour, offset in found:
        slot = (kind[centre] * len(elements) + kind[neighbour]) * (len(edges) - 1)
        bins = np.minimum((np.linalg.norm(offset, axis=1) / edges[1]).astype(int), len(edges) - 2)
        counts += np.bincount(slot + bins, minlength=counts.size).reshape(counts.shape)
    rdf = _normalised(counts, elements, Counter(symbols), np.abs(np.linalg.det(cells)), edges)
    radius = (edges[1:] + edges[:-1]) / 2
    bond = bond or _first_minimum(radius, rdf["all"])
    angle = np.arange(0.5, 180.0)
    angles, bonds = np.zeros(len(angle)), 0
    for centre, _, offset in found:
        near = np.einsum("pi,pi->p", offset, offset) < bond * bond
        bonds += int(near.sum())
        angles += _angles(centre[near], offset[near], len(symbols))
    return Shells(
        radius=radius,
        rdf=rdf,
        bond=bond,
        coordination=bonds / (len(positions) * len(symbols)),
        angle=angle,
        angles=angles / max(angles.sum(), 1.0),
    )


def _pairs(positions: np.ndarray, cell: np.ndarray, cutoff: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directed pairs, sorted by their centres."""
    from ase import Atoms

    from ase_voxpot.neighbours.verlet import VerletList

    pairs = VerletList(cutoff).update(Atoms(numbers=np.ones(len(positions)), positions=positions, cell=cell, pbc=True))
    return pairs.centre, pairs.neighbour, pairs.offset


def _normalised(
    counts: np.ndarray, elements: list[str], atoms: Counter[str], volumes: np.ndarray, edges: np.ndarray
) -> dict[str, np.ndarray]:
    """Counts over those of an ideal gas; 1/V is averaged over the frames, whose cells may change."""
    gas = 4 / 3 * np.pi * np.diff(edges**3) * (1 / volumes).sum()
    both = {
        f"{a}-{b}": (counts[i, j] + counts[j, i]) / (2 * atoms[a] * atoms[b] * gas)
        for (i, a), (j, b) in combinations_with_replacement(enumerate(elements), 2)
    }
    return {"all": counts.sum(axis=(0, 1)) / (atoms.total() ** 2 * gas)} | both


def _first_minimum(radius: np.ndarray, rdf: np.ndarray) -> float:
    """Where a smoothed g(r) is lowest between its first peak and 1.7 times that distance."""
    smooth = np.convolve(rdf, np.ones(3) / 3, mode="same")
    if smooth.max() <= 0:
        return float(radius[-1])
    peak = int(np.argmax(smooth > 0.5 * smooth.max()))
    while peak + 1 < len(smooth) and smooth[peak + 1] > smooth[peak]:
        peak += 1
    stop = int(np.searchsorted(radius, 1.7 * radius[peak]))
    window = smooth[peak : max(stop, peak + 1)]
    lowest = np.flatnonzero(window == window.min())
    return float(radius[peak + int(np.median(lowest))])


def _angles(centre: np.ndarray, offset: np.ndarray, atoms: int) -> np.ndarray:
    """Histogram over 180 degrees of the angles between the bonds of every atom."""
    first = np.searchsorted(centre, np.arange(atoms + 1))
    most = int(np.diff(first).max(initial=0))
    direction = np.zeros((atoms, most, 3))
    direction[centre, np.arange(len(centre)) - first[centre]] = offset / np.linalg.norm(offset, axis=1)[:, None]
    known = np.arange(most) < np.diff(first)[:, None]
    cosine = np.einsum("aki,ali->akl", direction, direction)
    both = known[:, :, None] & known[:, None, :] & np.triu(np.ones((most, most), bool), 1)
    degrees = np.degrees(np.arccos(np.clip(cosine[both], -1.0, 1.0)))
    return np.bincount(np.minimum(degrees.astype(int), 179), minlength=180).astype(float)
