"""Energy against volume."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import GPa

from ase_voxpot.errors import ConfigError, DivergenceError
from ase_voxpot.properties.cells import at_rest, relaxed, scaled, wide

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["VolumeCurve", "equation_of_state"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeCurve:
    """Energies around equilibrium and their Birch-Murnaghan fit."""

    volumes: Float[np.ndarray, " point"]  # Å³/atom
    energies: Float[np.ndarray, " point"]  # eV/atom
    pressures: Float[np.ndarray, " point"]  # GPa, from stresses: a check of their consistency with the energy
    volume: float  # Å³/atom, at the minimum
    energy: float  # eV/atom, there
    bulk_modulus: float  # GPa
    derivative: float  # of the bulk modulus by pressure
    residual: float  # meV/atom, RMS of the energies about the fit
    uneven: (
        float  # GPa, largest stress beside the pressure, of the cell nearest to the minimum: zero for a relaxed shape
    )

    def fitted_energy(self, volume: Float[np.ndarray, " any"]) -> Float[np.ndarray, " any"]:
        """The equation of state at volumes in Å³/atom, eV/atom."""
        from ase.eos import birchmurnaghan

        return np.asarray(birchmurnaghan(volume, self.energy, self.bulk_modulus * GPa, self.derivative, self.volume))

    def fitted_pressure(self, volume: Float[np.ndarray, " any"]) -> Float[np.ndarray, " any"]:
        """Its slope, pressures in GPa."""
        x = (self.volume / volume) ** (1 / 3)
        bend = 1 + 0.75 * (self.derivative - 4) * (x**2 - 1)
        return 1.5 * self.bulk_modulus * (x**7 - x**5) * bend


def equation_of_state(
    crystal: Atoms,
    calculator: Any,
    *,
    span: float = 0.06,
    points: int = 11,
    observe: Callable[[], None] = lambda: None,
) -> VolumeCurve:
    """Fit the third-order equation of state of Birch, Phys. Rev. 71, 809 (1947).

    Args:
        crystal: near equilibrium; its shape is kept, ions are relaxed at every volume.
        calculator: with stress.
        span: volumes reach so far, relative, below and above the one without pressure.
        points: number of volumes, at least five for four unknowns.
        observe: called after every volume.

    Raises:
        ConfigError: too few volumes, or too far apart.
        DivergenceError: no equilibrium, or energies that the equation does not fit.
    """
    from ase.eos import EquationOfState

    if not (0 < span <= 0.3 and points >= 5):
        raise ConfigError(f"expected at least five volumes within 30 % of equilibrium, got {points} within {span:g}")
    rest = at_rest(crystal, calculator)
    volumes, energies, pressures, uneven = [], [], [], []
    for factor in np.linspace(1 - span, 1 + span, points):
        atoms = relaxed(wide(scaled(rest, factor ** (1 / 3))), calculator)
        volumes.append(atoms.get_volume() / len(atoms))
        energies.append(atoms.get_potential_energy() / len(atoms))
        stress = atoms.get_stress() / GPa
        pressures.append(-stress[:3].mean())
        uneven.append(np.abs(stress + np.array([1, 1, 1, 0, 0, 0]) * pressures[-1]).max())
        observe()
    fit = EquationOfState(volumes, energies, eos="birchmurnaghan")
    try:
        volume, energy, modulus = fit.fit(warn=False)  # told below
    except (RuntimeError, ValueError) as error:
        raise DivergenceError(
            f"{crystal.get_chemical_formula()}: energies against volume have no minimum that can be fitted ({error})"
        ) from None
    if not (volumes[0] < volume < volumes[-1] and modulus > 0):
        raise DivergenceError(
            f"{crystal.get_chemical_formula()}: the energy has its minimum at {volume:.2f} Å³/atom, beyond the "
            f"volumes tried ({volumes[0]:.2f} to {volumes[-1]:.2f}); relax the structure and its cell first, or widen "
            "the span"
        )
    curve = VolumeCurve(
        volumes=np.array(volumes),
        energies=np.array(energies),
        pressures=np.array(pressures),
        volume=float(volume),
        energy=float(energy),
        bulk_modulus=float(modulus / GPa),
        derivative=float(fit.eos_parameters[2]),
        residual=0.0,
        uneven=float(uneven[int(np.abs(np.array(volumes) - volume).argmin())]),
    )
    off = curve.energies - curve.fitted_energy(curve.volumes)
    return replace(curve, residual=float(1000 * np.sqrt((off**2).mean())))
