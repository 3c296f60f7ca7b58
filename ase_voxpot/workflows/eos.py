"""Energy against volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import GPa

from ase_voxpot.errors import DivergenceError
from ase_voxpot.workflows.cells import at_rest, relaxed, scaled, wide

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Float

__all__ = ["VolumeCurve", "equation_of_state"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeCurve:
    """Energies around equilibrium and what a Birch-Murnaghan fit says of them."""

    volumes: Float[np.ndarray, " point"]  # Å³/atom
    energies: Float[np.ndarray, " point"]  # eV/atom
    volume: float  # Å³/atom, at the minimum
    energy: float  # eV/atom, there
    bulk_modulus: float  # GPa
    derivative: float  # of the bulk modulus by pressure


def equation_of_state(crystal: Atoms, calculator: Any, *, span: float = 0.06, points: int = 11) -> VolumeCurve:
    """Fit the third-order equation of state of Birch, Phys. Rev. 71, 809 (1947).

    Args:
        crystal: cubic, near equilibrium; ions are relaxed at every volume.
        calculator: any.
        span: volumes reach so far, relative, below and above the one without pressure.
        points: number of volumes.

    Raises:
        DivergenceError: no equilibrium, or energies that no such equation fits.
    """
    from ase.eos import EquationOfState

    rest = at_rest(crystal, calculator)
    volumes, energies = [], []
    for factor in np.linspace(1 - span, 1 + span, points):
        atoms = relaxed(wide(scaled(rest, factor ** (1 / 3))), calculator)
        volumes.append(atoms.get_volume() / len(atoms))
        energies.append(atoms.get_potential_energy() / len(atoms))
    fit = EquationOfState(volumes, energies, eos="birchmurnaghan")
    try:
        volume, energy, modulus = fit.fit()
    except (RuntimeError, ValueError) as error:
        raise DivergenceError(
            f"{crystal.get_chemical_formula()}: energies against volume have no minimum that can be fitted ({error})"
        ) from None
    return VolumeCurve(
        volumes=np.array(volumes),
        energies=np.array(energies),
        volume=float(volume),
        energy=float(energy),
        bulk_modulus=float(modulus / GPa),
        derivative=float(fit.eos_parameters[2]),
    )
