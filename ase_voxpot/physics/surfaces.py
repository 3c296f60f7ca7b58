"""Surface energies of relaxed slabs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import J, m

from ase_voxpot.properties.cells import energy_per_atom, relaxed, wide

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Surface", "surface_energy"]

THICKNESS = 16.0
"""Å, of the slab at least."""
VACUUM = 8.0
"""Å, on either side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """Work to cleave a crystal, per area of the two surfaces made."""

    energy: float  # J/m²
    unrelaxed: float  # J/m²
    atoms: int


def surface_energy(crystal: Atoms, calculator: Any, miller: tuple[int, int, int], *, fmax: float = 0.01) -> Surface:
    """Energy of an unreconstructed surface.

    Args:
        crystal: the relaxed conventional cell.
        calculator: any.
        miller: indices of the plane.
        fmax: eV/Å, for the ions.

    Raises:
        DivergenceError: the relaxation did not converge.
    """
    from ase.build import surface

    thin = surface(crystal, miller, 1, periodic=True)
    height = thin.get_volume() / np.linalg.norm(np.cross(thin.cell[0], thin.cell[1]))
    slab = surface(crystal, miller, int(np.ceil(THICKNESS / height)), vacuum=VACUUM, periodic=True)
    slab = wide(slab, axes=(0, 1))
    bulk = energy_per_atom(wide(crystal), calculator) * len(slab)
    area = 2 * float(np.linalg.norm(np.cross(slab.cell[0], slab.cell[1])))
    unit = J / m**2
    return Surface(
        energy=(relaxed(slab, calculator, fmax=fmax).get_potential_energy() - bulk) / area / unit,
        unrelaxed=(energy_per_atom(slab, calculator) * len(slab) - bulk) / area / unit,
        atoms=len(slab),
    )
