"""ZBL repulsion of nuclei, the compiled loops of ``baseline.energies``.

The universal repulsion of Ziegler, Biersack and Littmark (The Stopping and Range of
Ions in Solids, 1985), faded out between ``zbl_inner`` and ``zbl_outer``:

    V(r) = s(r) (Z_i Z_j e² / 4πε₀ r) φ(r/a),   a = 0.46850 Å / (Z_i^0.23 + Z_j^0.23)
    φ(x) = Σ_k c_k exp(-b_k x)

with s going from 1 to 0 as a quintic with two vanishing derivatives at both ends.
Pairs at short distance then repel each other for any output of the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from ase.units import Bohr, Hartree

from ase_voxpot.compiled import njit, part

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["BaselineArrays", "add_baseline", "repulsion", "repulsions"]

COULOMB = Hartree * Bohr  # eV Å, e²/4πε₀
COEFFICIENTS = np.array([0.18175, 0.50986, 0.28022, 0.02817])
EXPONENTS = np.array([3.19980, 0.94229, 0.40290, 0.20162])
SCREENING = 0.46850  # Å


class BaselineArrays(NamedTuple):
    """Parameters of the baseline, see ``baseline.energies``."""

    reference: Float[np.ndarray, " species"]  # eV
    charge: Float[np.ndarray, " species"]
    inner: float  # Å
    outer: float  # Å


@part(nogil=True)
def repulsion(r, za, zb, inner, outer):  # pragma: no cover - compiled
    """The repulsion V(r) of one pair in eV, and its derivative V'(r) in eV/Å."""
    inverse = (za**0.23 + zb**0.23) / SCREENING
    screened, falling = 0.0, 0.0
    for k in range(len(COEFFICIENTS)):
        term = COEFFICIENTS[k] * np.exp(-EXPONENTS[k] * inverse * r)
        screened += term
        falling += EXPONENTS[k] * inverse * term
    strength = COULOMB * za * zb / r
    value = strength * screened
    slope = -value / r - strength * falling
    t = min(max((r - inner) / (outer - inner), 0.0), 1.0)
    switch = 1 - t**3 * (10 - 15 * t + 6 * t**2)
    fading = -30 * t**2 * (1 - t) ** 2 / (outer - inner)
    return switch * value, fading * value + switch * slope


@njit(nogil=True)
def repulsions(r, za, zb, inner, outer):  # pragma: no cover - compiled
    """As ``baseline.repulsion``, for the pairs in arrays."""
    value, slope = np.empty(len(r)), np.empty(len(r))
    for p in range(len(r)):
        value[p], slope[p] = repulsion(r[p], za[p], zb[p], inner, outer)
    return value, slope


@njit(nogil=True)
def add_baseline(  # pragma: no cover - compiled
    reference, charge, inner, outer, species, first, channel, offset, energies, slopes
):
    """Add the terms of ``baseline.Baseline`` to energies [atom] and, unless it is empty, to slopes [pair, 3]."""
    limit = outer * outer
    for i in range(len(species)):
        energies[i] += reference[species[i]]
        for p in range(first[i], first[i + 1]):
            square = offset[p, 0] ** 2 + offset[p, 1] ** 2 + offset[p, 2] ** 2
            if square < limit:
                r = np.sqrt(square)
                value, slope = repulsion(r, charge[species[i]], charge[channel[p]], inner, outer)
                energies[i] += 0.5 * value
                if len(slopes):
                    for k in range(3):
                        slopes[p, k] += 0.5 * slope / r * offset[p, k]
