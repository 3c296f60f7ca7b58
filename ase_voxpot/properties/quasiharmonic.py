"""The quasi-harmonic approximation by phonopy: volume, bulk modulus and heat capacity against temperature.

Harmonic vibrations are computed at several volumes, and at every temperature an equation
of state (Vinet's) is fitted to the free energies.  ``thermal`` computes thermal expansion
alone, with less effort.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import GPa, kB

from ase_voxpot.errors import ConfigError, DivergenceError
from ase_voxpot.properties.cells import energy_per_atom, relaxed, scaled, wide
from ase_voxpot.properties.phonons import harmonic, mesh_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["VOLUMES", "QuasiHarmonic", "quasi_harmonic"]

VOLUMES = np.linspace(0.97, 1.07, 7)
"""Relative to the one without pressure at rest."""
WIDTH = 12.0
"""Å: less than for a dispersion, as only an average over all frequencies counts here."""
IMAGINARY = -0.1
"""THz; lower frequencies are imaginary, not noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuasiHarmonic:
    """A crystal without pressure against temperature; k_B is Boltzmann's constant."""

    temperatures: Float[np.ndarray, " point"]  # K
    volumes: Float[np.ndarray, " point"]  # Å³/atom
    expansion: Float[np.ndarray, " point"]  # 1/K, of lengths
    bulk_modulus: Float[np.ndarray, " point"]  # GPa, isothermal
    capacity: Float[np.ndarray, " point"]  # k_B per atom, at constant pressure
    gibbs: Float[np.ndarray, " point"]  # eV/atom
    grid: Float[np.ndarray, " volume"]  # Å³/atom, volumes that were tried
    free_energies: Float[np.ndarray, "point volume"]  # eV/atom

    def at(self, temperature: float) -> float:
        """Expansion of lengths at a temperature in K, 1/K."""
        return float(np.interp(temperature, self.temperatures, self.expansion))


def quasi_harmonic(
    rest: Atoms,
    calculator: Any,
    *,
    highest: float = 1500.0,
    step: float = 25.0,
    width: float = WIDTH,
    observe: Callable[[int], None] = lambda done: None,
) -> QuasiHarmonic:
    """Volumes from 0 K up.

    Args:
        rest: the crystal without pressure, ions at rest; its shape is kept, ions are
            relaxed at every volume.
        calculator: any.
        highest: K.
        step: K, from one temperature to the next.
        width: Å, of the supercell for phonons.
        observe: called with the number of volumes that are done.

    Raises:
        ConfigError: invalid temperatures.
        DivergenceError: a volume with imaginary frequencies, or no minimum within the volumes tried.
    """
    from phonopy import run_qha

    if not (0 < step <= highest / 3 and highest < 1e4):
        raise ConfigError(f"temperature: expected some steps up to at most 10000 K, got {step:g} K up to {highest:g} K")
    models, energies, volumes = [], [], []
    for factor in VOLUMES:
        cell = relaxed(scaled(rest, factor ** (1 / 3)), calculator, fmax=0.001)
        model = harmonic(cell, calculator, width=width)
        if model.run_mesh(mesh_of(model), is_gamma_center=True).frequencies.min() < IMAGINARY:
            raise DivergenceError(
                f"{rest.get_chemical_formula()} has imaginary frequencies at {factor:.3f} of its volume; "
                "the quasi-harmonic approximation does not hold"
            )
        models.append(model)
        energies.append(energy_per_atom(wide(cell), calculator) * len(model.primitive))
        volumes.append(cell.get_volume() / len(cell))
        observe(len(models))
    temperatures = np.arange(0.0, highest + 2.5 * step, step)  # finite differences need points beyond the last
    mesh = [n + 1 - n % 2 for n in mesh_of(models[0])]  # phonopy would shift an even one off the centre
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Lattice parameters are extrapolated", UserWarning)  # judged below
        warnings.filterwarnings("ignore", "Lattice parameter fitting was skipped", UserWarning)  # volumes are wanted
        found = run_qha(models, temperatures, energies, mesh=mesh, exclude_gamma_acoustic=True)
    atoms = len(models[0].primitive)
    keep = np.flatnonzero(found.temperatures <= highest + 1e-6)
    best = found.equilibrium_volumes[keep] / atoms
    if len(keep) < 3 or not (min(volumes) < best.min() and best.max() < max(volumes)):
        fits = found.temperatures[keep][np.cumprod((best > min(volumes)) & (best < max(volumes))).astype(bool)]
        raise DivergenceError(
            "the free energy has no minimum between the volumes tried; ask for a lower temperature"
            + (f" ({fits[-1]:.0f} K is the last that has one)" if len(fits) > 2 else "")
        )
    return QuasiHarmonic(
        temperatures=found.temperatures[keep],
        volumes=best,
        expansion=found.thermal_expansion[keep] / 3,
        bulk_modulus=found.bulk_moduli[keep] / GPa,
        capacity=found.heat_capacity_P.heat_capacities[keep] / kB / atoms,
        gibbs=found.gibbs_free_energies[keep] / atoms,
        grid=np.array(volumes),
        free_energies=found.helmholtz_volume[keep] / atoms,
    )
