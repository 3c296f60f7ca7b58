"""The part of the energy that is not learned: energies of free atoms and the ZBL repulsion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_numbers

from ase_voxpot.baseline.repulsion import BaselineArrays, repulsions
from ase_voxpot.neighbours.loops import close as near

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from ase_voxpot.neighbours.verlet import Pairs
    from ase_voxpot.spec import PotentialSpec

__all__ = ["Baseline", "zbl"]


def zbl(
    r: Float[np.ndarray, " pair"],
    za: Float[np.ndarray, " pair"],
    zb: Float[np.ndarray, " pair"],
    *,
    inner: float,
    outer: float,
) -> tuple[Float[np.ndarray, " pair"], Float[np.ndarray, " pair"]]:
    """The repulsion V(r) of each pair in eV, and its derivative V'(r) in eV/Å."""
    return repulsions(r, za, zb, float(inner), float(outer))


class Baseline:
    """Free-atom energies and the ZBL repulsion of one potential."""

    def __init__(self, spec: PotentialSpec) -> None:
        self.reference = np.array(spec.baseline.reference)
        self.charge = np.array([float(atomic_numbers[s]) for s in spec.species])
        self.inner, self.outer = float(spec.baseline.zbl_inner), float(spec.baseline.zbl_outer)

    @property
    def arrays(self) -> BaselineArrays:
        """The parameters as a named tuple, for compiled functions."""
        return BaselineArrays(self.reference, self.charge, self.inner, self.outer)

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
