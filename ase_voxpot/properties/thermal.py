"""Thermal expansion in the quasi-harmonic approximation.

At every temperature the free energy of harmonic vibrations is added to the energies of
several volumes, and the minimum found.  The approximation is valid for small displacements,
in refractory metals up to about half of the melting point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import kJ, mol

from ase_voxpot.errors import DivergenceError
from ase_voxpot.properties.cells import at_rest, energy_per_atom, scaled, wide
from ase_voxpot.properties.phonons import LOWEST, harmonic

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["Expansion", "thermal_expansion"]

VOLUMES = np.linspace(0.98, 1.06, 6)
"""Relative to the one without pressure at rest."""
WIDTH = 12.0
"""Å: less than for phonons, as only an average over all of them counts here."""
MESH = 16
DEGREE = 3
"""Of the polynomial through the free energies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """The volume against temperature, zero-point motion included."""

    temperatures: Float[np.ndarray, " point"]  # K
    volumes: Float[np.ndarray, " point"]  # Å³/atom
    expansion: Float[np.ndarray, " point"]  # 1/K, of lengths

    def at(self, temperature: float) -> float:
        """Expansion of lengths at a temperature in K, 1/K."""
        return float(np.interp(temperature, self.temperatures, self.expansion))


def thermal_expansion(
    crystal: Atoms,
    calculator: Any,
    *,
    highest: float = 1500.0,
    width: float = WIDTH,
    observe: Callable[[int], None] = lambda done: None,
) -> Expansion:
    """Volume and expansion from 0 K up.

    Args:
        crystal: the conventional cell, near equilibrium.
        calculator: with stress.
        highest: K.
        width: Å, of the supercell for phonons.
        observe: called with the number of volumes that are done.

    Raises:
        DivergenceError: a volume with imaginary frequencies, or no minimum.
    """
    rest = at_rest(crystal, calculator)
    temperatures = np.arange(0.0, highest + 1, 25.0)
    volumes, energies = [], []
    for number, factor in enumerate(VOLUMES):
        cell = scaled(rest, factor ** (1 / 3))
        model = harmonic(cell, calculator, width=width)
        mesh = model.run_mesh([MESH] * 3, is_gamma_center=True)
        if mesh.frequencies.min() < -0.1:
            raise DivergenceError(
                f"{crystal.get_chemical_formula()} has imaginary frequencies at {factor:.2f} of its volume; "
                "the quasi-harmonic approximation does not hold"
            )
        free = np.asarray(model.run_thermal_properties(temperatures=temperatures, cutoff_frequency=LOWEST).free_energy)
        volumes.append(cell.get_volume() / len(cell))
        energies.append(energy_per_atom(wide(cell), calculator) + free * kJ / mol / len(model.primitive))
        observe(number + 1)
    best = np.array([_lowest(np.array(volumes), column) for column in np.array(energies).T])
    return Expansion(temperatures=temperatures, volumes=best, expansion=np.gradient(np.log(best), temperatures) / 3)


def _lowest(volumes: Float[np.ndarray, " volume"], energies: Float[np.ndarray, " volume"]) -> float:
    """Minimum of a polynomial through the points."""
    middle = volumes.mean()
    curve = np.polynomial.Polynomial.fit(volumes - middle, energies, DEGREE)
    bend, half = curve.deriv(2), np.ptp(volumes) / 2
    roots = [r.real for r in curve.deriv().roots() if abs(r.imag) < 1e-9]
    inside = [r for r in roots if abs(r) <= half and bend(r) > 0]
    if not inside:
        raise DivergenceError("the free energy has no minimum between the volumes tried; ask for a lower temperature")
    return float(middle + min(inside, key=curve))
