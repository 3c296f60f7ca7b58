"""Structure and motion of trajectories, for comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.md.trajectories import (
    diffusion_coefficient,
    mean_squared_displacement,
    shells,
    unwrap,
    velocities,
    velocity_autocorrelation,
    vibrational_density,
    without_drift,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

    from ase_voxpot.md.trajectories import Shells

__all__ = ["SHORTEST", "Motion", "Structure", "describe_motion", "describe_structure", "distance_between", "histogram"]

MOST = 500
"""Frames that distances are counted in, spread over the run."""
WINDOW = 1000.0
"""fs, length of the velocity autocorrelation for the density of states: a resolution of about 1 THz."""
SHORTEST = 20
"""Least frames of a stretch for dynamical properties."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """Structure of one trajectory and of its two halves, whose difference estimates the noise."""

    whole: Shells
    halves: tuple[Shells, Shells] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """Motion in one trajectory."""

    interval: float  # fs
    displacement: dict[str, Float[np.ndarray, " lag"]]  # Å², of every element and "all"
    diffusion: float | None  # Å²/ps
    correlation: Float[np.ndarray, " lag"]  # of velocities, 1 at the start
    frequency: Float[np.ndarray, " frequency"]  # THz
    density: Float[np.ndarray, " frequency"]  # 1/THz
    noise: float  # distance between the densities of the first and the second half


def describe_structure(
    positions: Float[np.ndarray, "frame atom 3"],
    cells: Float[np.ndarray, "frame 3 3"],
    symbols: Sequence[str],
    *,
    bond: float | None = None,
) -> Structure:
    """Distances and angles; ``bond`` as in ``trajectories.shells``."""
    chosen = np.unique(np.linspace(0, len(positions) - 1, min(len(positions), MOST)).round().astype(int))
    whole = shells(positions[chosen], cells[chosen], symbols, bond=bond)
    halves = None
    if len(chosen) >= 4:
        first, second = np.array_split(chosen, 2)
        one = shells(positions[first], cells[first], symbols, bond=whole.bond)
        two = shells(positions[second], cells[second], symbols, bond=whole.bond)
        halves = (one, two)
    return Structure(whole=whole, halves=halves)


def describe_motion(
    positions: Float[np.ndarray, "frame atom 3"],
    cells: Float[np.ndarray, "frame 3 3"],
    symbols: Sequence[str],
    masses: Float[np.ndarray, " atom"],
    *,
    interval: float,
    stretches: Sequence[slice],
) -> Motion | None:
    """Averages over the stretches of at least half of the longest; None if all are too short.

    Raises:
        DataError: atoms move too far from frame to frame to be followed.
    """
    lengths = [s.stop - s.start for s in stretches]
    kept = [s for s, n in zip(stretches, lengths, strict=True) if n >= max(SHORTEST, max(lengths) / 2)]
    if not kept:
        return None
    shortest = min(s.stop - s.start for s in kept)
    weights = np.array([s.stop - s.start for s in kept], float)
    weights /= weights.sum()
    paths = [without_drift(unwrap(positions[s], cells[s]), masses) for s in kept]
    kinds = np.array(symbols)
    members = {"all": np.ones(len(kinds), bool)} | {s: kinds == s for s in sorted(set(symbols))}
    displacement: dict[str, Any] = {
        name: sum(w * mean_squared_displacement(p[:, chosen])[:shortest] for w, p in zip(weights, paths, strict=True))
        for name, chosen in members.items()
    }
    speeds = [velocities(p, interval=interval) for p in paths]

    def correlate(parts: Sequence[np.ndarray]) -> np.ndarray:
        lags = min(len(p) for p in parts)
        curves = [velocity_autocorrelation(p, masses)[:lags] for p in parts]
        return np.average(curves, axis=0, weights=weights)

    correlation = correlate(speeds)
    frequency, density = vibrational_density(correlation, interval=interval, longest=WINDOW)
    halves = [
        np.interp(frequency, *vibrational_density(correlate(half), interval=interval, longest=WINDOW))
        for half in ([s[: len(s) // 2] for s in speeds], [s[len(s) // 2 :] for s in speeds])
    ]
    return Motion(
        interval=interval,
        displacement={name: np.asarray(curve) for name, curve in displacement.items()},
        diffusion=diffusion_coefficient(np.asarray(displacement["all"]), interval=interval),
        correlation=correlation,
        frequency=frequency,
        density=density,
        noise=distance_between(*halves),
    )


def distance_between(one: Float[np.ndarray, " bin"], two: Float[np.ndarray, " bin"]) -> float:
    """Σ|a - b| / Σ(a + b): 0 if the curves are the same, 1 if they have nothing in common."""
    total = float((one + two).sum())
    return float(np.abs(one - two).sum()) / total if total > 0 else 0.0


def histogram(values: np.ndarray, edges: Float[np.ndarray, " edge"]) -> Float[np.ndarray, " bin"]:
    """Density of unit area within the edges."""
    counts = np.histogram(values, edges)[0]
    return counts / (max(counts.sum(), 1) * np.diff(edges))
