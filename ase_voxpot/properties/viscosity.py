"""Shear viscosity of a liquid from the stress of a run, and the size correction of diffusion coefficients.

Green and Kubo: η = V / k_B T ∫ ⟨σ(0) σ(t)⟩ dt with the traceless parts of the stress.  Hydrodynamic
interaction with periodic images reduces a diffusion coefficient by ξ k_B T / 6πηL (Yeh and Hummer,
J. Phys. Chem. B 108, 15873, 2004).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase import units

from ase_voxpot.errors import DataError

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["Viscosity", "missing_diffusion", "viscosity_of"]

CUBE = 2.837297
"""ξ of a cubic cell."""
BLOCKS = 5
"""Parts of a run, for the error."""
MILLIPASCAL = units.Pascal * 1e-3 * units.second
"""mPa s in units of ASE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viscosity:
    """Viscosity of one run."""

    value: float  # mPa s
    error: float | None  # mPa s, standard error over blocks; None if it was given


def viscosity_of(
    stress: Float[np.ndarray, "frame 6"], *, volume: float, temperature: float, interval: float
) -> Viscosity:
    """The integral of the autocorrelation of the stress up to where it first vanishes.

    Args:
        stress: eV/Å³, Voigt, with its kinetic part.
        volume: Å³.
        temperature: K.
        interval: fs from frame to frame, short against the time in which stress decays (some 100 fs).

    Raises:
        DataError: fewer than 20 frames in each of ``BLOCKS`` parts.
    """
    if len(stress) < 20 * BLOCKS:
        raise DataError(f"expected at least {20 * BLOCKS} frames for a viscosity, got {len(stress)}")
    normal, shear = stress[:, :3], stress[:, 3:]
    parts = np.concatenate([shear, (normal - np.roll(normal, 1, axis=1)) / 2], axis=1)
    weights = np.array([1, 1, 1, 2 / 3, 2 / 3, 2 / 3]) / 5  # three differences of which two are independent
    scale = volume / (units.kB * temperature) * interval * units.fs / MILLIPASCAL
    correlation = _correlation(parts - parts.mean(axis=0)) @ weights
    end = int(np.argmax(correlation <= 0)) or len(correlation)
    blocks = [_correlation(b - parts.mean(axis=0))[:end] @ weights for b in np.array_split(parts, BLOCKS)]
    each = [scale * float(np.trapezoid(b)) for b in blocks]
    return Viscosity(
        value=scale * float(np.trapezoid(correlation[:end])), error=float(np.std(each, ddof=1) / np.sqrt(BLOCKS))
    )


def _correlation(values: Float[np.ndarray, "frame part"]) -> Float[np.ndarray, "lag part"]:
    """⟨x(0) x(t)⟩ over all origins, for lags up to half of the frames."""
    frames = len(values)
    spectrum = np.fft.rfft(values, n=2 * frames, axis=0)
    both = np.fft.irfft(np.abs(spectrum) ** 2, n=2 * frames, axis=0)[: frames // 2]
    return both / np.arange(frames, frames - frames // 2, -1)[:, None]


def missing_diffusion(viscosity: Viscosity, *, temperature: float, length: float) -> tuple[float, float]:
    """Size correction of a diffusion coefficient in a cubic cell, and its error, Å²/ps.

    Args:
        viscosity: of the liquid.
        temperature: K.
        length: Å, edge of the cube.

    >>> water = Viscosity(value=0.9, error=None)
    >>> round(missing_diffusion(water, temperature=300, length=20.0)[0], 4)  # of 0.23
    0.0346
    """
    missing = CUBE * units.kB * temperature / (6 * np.pi * viscosity.value * MILLIPASCAL * length)
    missing *= 1000 * units.fs
    return missing, missing * (viscosity.error or 0.0) / viscosity.value
