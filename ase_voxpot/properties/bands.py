"""Minimum energy paths between two structures at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import DivergenceError

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Float

__all__ = ["elastic_band"]

BAND = 0.03
"""eV/Å, for the elastic band."""


def elastic_band(first: Atoms, last: Atoms, calculator: Any, *, images: int) -> Float[np.ndarray, " image"]:
    """Energies along a path over the saddle in eV, above the first structure; both ends are included.

    Climbing-image nudged elastic band: Henkelman, Uberuaga and Jónsson, J. Chem. Phys. 113, 9901 (2000).

    Args:
        first: at rest, with its calculator.
        last: likewise; every atom goes the shorter way to its place.
        calculator: any.
        images: between the two ends.

    Raises:
        DivergenceError: the band did not converge.
    """
    from ase.mep import NEB
    from ase.optimize import FIRE

    band = [first, *(first.copy() for _ in range(images)), last]
    for atoms in band[1:-1]:
        atoms.calc = calculator
    chain = NEB(band, method="improvedtangent", allow_shared_calculator=True)
    chain.interpolate(mic=True)
    for climb, fmax in ((False, 5 * BAND), (True, BAND)):
        chain.climb = climb
        if not FIRE(chain, logfile=None).run(fmax=fmax, steps=500):
            raise DivergenceError(f"the elastic band did not come to rest within {fmax} eV/Å")
    energies = np.array([atoms.get_potential_energy() for atoms in band])
    return energies - energies[0]
