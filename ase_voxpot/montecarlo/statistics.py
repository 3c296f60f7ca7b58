"""Heat capacities from fluctuations, and their maxima over temperature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase.units import kB

from ase_voxpot.statistics import FEWEST, Estimate

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["Peak", "find_peak", "heat_capacity"]


def _blocks_of(series: Float[np.ndarray, " sample"], count: int) -> list[Float[np.ndarray, " some"]]:
    return np.array_split(series, min(count, len(series)))


def heat_capacity(
    energies: Float[np.ndarray, " sample"], temperature: float, sites: int, *, rng: np.random.Generator
) -> tuple[Estimate, Float[np.ndarray, " copy"]]:
    """Configurational heat capacity per site in k_B, var E / (kT)² N, and copies of it by bootstrap.

    Args:
        energies: eV, of a system at equilibrium.
        temperature: K.
        sites: number of sites.
        rng: draws the blocks of the bootstrap, 16 of the series, 200 times.
    """
    scale = sites * (kB * temperature) ** 2
    blocks = _blocks_of(energies, 2 * FEWEST)
    copies = np.array(
        [np.concatenate([blocks[k] for k in rng.integers(len(blocks), size=len(blocks))]).var() for _ in range(200)]
    )
    return Estimate(float(energies.var() / scale), float(copies.std() / scale)), copies / scale


@dataclass(frozen=True, slots=True)
class Peak:
    """Maximum of a curve."""

    temperature: Estimate  # K; with an error from the scatter of the points and their spacing
    height: float
    inside: bool  # whether the highest point has points on both sides


def find_peak(temperatures: Float[np.ndarray, " point"], copies: Float[np.ndarray, "point copy"]) -> Peak:
    """The maximum of a curve from copies of its points, a parabola through the highest three.

    Args:
        temperatures: K, ascending, three or more.
        copies: of every point, from a bootstrap; their mean is the curve.
    """
    mean = copies.mean(axis=1)
    top, height = _parabola(temperatures, mean)
    tops = [_parabola(temperatures, copies[:, k])[0] for k in range(copies.shape[1])]
    k = int(mean.argmax())
    inside = 0 < k < len(mean) - 1
    near = np.diff(temperatures[max(k - 1, 0) : k + 2]).mean()
    # a peak between points is known to a fraction of their distance at best
    error = float(np.hypot(np.std(tops), near / np.sqrt(12)))
    return Peak(Estimate(top, error), height, inside)


def _parabola(x: Float[np.ndarray, " point"], y: Float[np.ndarray, " point"]) -> tuple[float, float]:
    k = int(np.clip(y.argmax(), 1, len(y) - 2))
    here = slice(k - 1, k + 2)
    a, b, c = np.polyfit(x[here] - x[k], y[here], 2)
    if a >= 0:
        return float(x[y.argmax()]), float(y.max())
    shift = float(np.clip(-b / (2 * a), x[k - 1] - x[k], x[k + 1] - x[k]))
    return float(x[k] + shift), float(a * shift**2 + b * shift + c)
