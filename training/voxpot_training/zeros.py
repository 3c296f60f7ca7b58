"""Zeros of energy and pressure of labels, which differ from code to code."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from ase.units import GPa

from ase_voxpot.errors import DataError

if TYPE_CHECKING:
    from ase import Atoms

    from ase_voxpot.frames.labels import Labels

__all__ = ["Zero"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Zero:
    """What brings the labels of one source in line with those of another, by element.

    Metals of another lattice constant are under pressure at the volumes of the others.  A pressure P lowers the energy
    by P V; the offsets are those at no volume.  Alloys need not be under the mean pressure of their elements: what is
    more, times 1 - Σ x² of the fractions x, lowers their energy by its product with V - Σ x v, as much as they are
    larger than their elements at rest.
    """

    offsets: dict[str, float] = field(default_factory=dict)  # eV per atom
    pressures: dict[str, float] = field(default_factory=dict)  # GPa, averaged over the atoms of a structure
    mixing_pressure: float = 0.0  # GPa, of alloys beyond that mean
    volumes: dict[str, float] = field(default_factory=dict)  # Å³ per atom of the elements at rest

    def pressure(self, atoms: Atoms) -> float:
        """To be added to the pressure of a structure, eV/Å³.

        Raises:
            DataError: there is one, and the structure has no volume.
        """
        total = GPa * sum(self.pressures.get(symbol, 0.0) for symbol in atoms.get_chemical_symbols()) / len(atoms)
        total += self._mixing(atoms)
        if total and not atoms.pbc.all():
            named = f"{atoms.symbols} with pbc {atoms.pbc.tolist()}"
            raise DataError(f"pressures expect periodic structures, got {named}")
        return float(total)

    def energy(self, atoms: Atoms) -> float:
        """To be added to the energy of a structure, eV.

        Raises:
            DataError: as ``pressure``; the volume of an element of an alloy is needed and not known.
        """
        pressure = self.pressure(atoms)
        shift = float(sum(self.offsets.get(symbol, 0.0) for symbol in atoms.get_chemical_symbols()))
        if pressure:
            shift -= pressure * atoms.get_volume()
        mixing = self._mixing(atoms)
        if not mixing:
            return shift
        unknown = sorted(set(atoms.symbols) - set(self.volumes))
        if unknown:
            raise DataError(f"volumes: expected those of all elements of an alloy, got none of {', '.join(unknown)}")
        return float(shift + mixing * sum(self.volumes[symbol] for symbol in atoms.get_chemical_symbols()))

    def _mixing(self, atoms: Atoms) -> float:
        """The pressure of an alloy beyond the mean of its elements, eV/Å³."""
        count = np.array(list(atoms.symbols.formula.count().values()))
        return float(GPa * self.mixing_pressure * (1 - (count / count.sum()) @ (count / count.sum())))

    def applied(self, label: Labels, atoms: Atoms) -> Labels:
        """The labels of a structure in line with the other source.

        Raises:
            DataError: as ``pressure``.
        """
        pressure = self.pressure(atoms)
        energy = label.energy + self.energy(atoms)
        if label.stress is None or not pressure:
            return replace(label, energy=energy)
        return replace(label, energy=energy, stress=label.stress - pressure * np.array([1, 1, 1, 0, 0, 0]))
