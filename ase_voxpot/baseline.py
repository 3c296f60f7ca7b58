"""What is known before learning: the energy of free atoms, and that nuclei repel.

The universal repulsion of Ziegler, Biersack and Littmark (The Stopping and Range of
Ions in Solids, 1985), faded out between ``zbl_inner`` and ``zbl_outer``:

    V(r) = s(r) (Z_i Z_j e² / 4πε₀ r) φ(r/a),   a = 0.46850 Å / (Z_i^0.23 + Z_j^0.23)
    φ(x) = Σ_k c_k exp(-b_k x)

with s going from 1 to 0 as a quintic with two vanishing derivatives at both ends.
Close approaches are then repulsive whatever the network says of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers
from ase.units import Bohr, Hartree

from ase_voxpot.loops import close as near

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from ase_voxpot.neighbours import Pairs
    from ase_voxpot.spec import PotentialSpec

__all__ = ["Baseline", "zbl"]

COULOMB = Hartree * Bohr  # eV Å, e²/4πε₀
COEFFICIENTS = np.array([0.18175, 0.50986, 0.28022, 0.02817])
EXPONENTS = np.array([3.19980, 0.94229, 0.40290, 0.20162])
SCREENING = 0.46850  # Å


def zbl(
    r: Float[np.ndarray, " pair"],
    za: Float[np.ndarray, " pair"],
    zb: Float[np.ndarray, " pair"],
    *,
    inner: float,
    outer: float,
) -> tuple[Float[np.ndarray, " pair"], Float[np.ndarray, " pair"]]:
    """The repulsion V(r) of each pair in eV, and its derivative V'(r) in eV/Å."""
    rate = EXPONENTS * ((za**0.23 + zb**0.23) / SCREENING)[:, None]
    terms = COEFFICIENTS * np.exp(-rate * r[:, None])
    strength = COULOMB * za * zb / r
    value = strength * terms.sum(axis=1)
    slope = -value / r - strength * (rate * terms).sum(axis=1)
    t = np.clip((r - inner) / (outer - inner), 0, 1)
    switch = 1 - t**3 * (10 - 15 * t + 6 * t**2)
    falling = -30 * t**2 * (1 - t) ** 2 / (outer - inner)
    return switch * value, falling * value + switch * slope


class Baseline:
    """Free-atom energies and the ZBL repulsion of one potential."""

    def __init__(self, spec: PotentialSpec) -> None:
        self.reference = np.array(spec.baseline.reference)
        self.charge = np.array([float(atomic_numbers[s]) for s in spec.species])
        self.inner, self.outer = spec.baseline.zbl_inner, spec.baseline.zbl_outer

    def __call__(
        self, pairs: Pairs, species: Int[np.ndarray, " all"]
    ) -> tuple[Float[np.ndarray, " atom"], Int[np.ndarray, " close"], Float[np.ndarray, "close 3"]]:
        """Energies of the atoms, the numbers of the close pairs, and dE/dd of those.

        Half of each repulsion belongs to either atom, so a directed pair carries half.
        """
        energies = self.reference[species[: pairs.atoms]].copy()
        close = near(pairs.offset, self.outer)
        r = np.linalg.norm(pairs.offset[close], axis=1)
        za, zb = self.charge[species[pairs.centre[close]]], self.charge[species[pairs.neighbour[close]]]
        value, slope = zbl(r, za, zb, inner=self.inner, outer=self.outer)
        energies += 0.5 * np.bincount(pairs.centre[close], weights=value, minlength=pairs.atoms)
        return energies, close, (0.5 * slope / r)[:, None] * pairs.offset[close]
