"""A crystal of springs between neighbours, of which nearly everything is known on paper."""

from __future__ import annotations

import numpy as np
from ase.calculators.calculator import Calculator, all_changes
from ase.neighborlist import neighbor_list
from ase.stress import full_3x3_to_voigt_6_stress

__all__ = ["Bonds"]


class Bonds(Calculator):
    """E = Σ over bonds of k (r - r₀)² / 2 - ε, with more for unlike atoms; one r₀ per shell.

    Args:
        lengths: Å, r₀ of every shell; a pair belongs to the nearest one, within 20 %.
        stiffness: eV/Å².
        depth: eV.
        unlike: eV, by how much a bond of the first shell is deeper between unlike atoms.
    """

    implemented_properties = ["energy", "forces", "stress"]

    def __init__(self, *lengths: float, stiffness: float = 2.0, depth: float = 0.0, unlike: float = 0.0) -> None:
        super().__init__()
        self.lengths = np.array(lengths)
        self.stiffness, self.depth, self.unlike = stiffness, depth, unlike

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        i, j, r, vector = neighbor_list("ijdD", self.atoms, 1.2 * self.lengths.max())
        shell = np.abs(r[:, None] - self.lengths).argmin(axis=1)
        stretch = r - self.lengths[shell]
        keep = np.abs(stretch) < 0.2 * self.lengths[shell]
        i, j, r, vector, shell, stretch = (x[keep] for x in (i, j, r, vector, shell, stretch))
        bonus = self.unlike * ((self.atoms.numbers[i] != self.atoms.numbers[j]) & (shell == 0))
        energy = float((self.stiffness * stretch**2 / 2 - self.depth - bonus).sum() / 2)
        pull = (self.stiffness * stretch / r)[:, None] * vector
        forces = np.zeros((len(self.atoms), 3))
        np.add.at(forces, i, pull)
        stress = np.einsum("pa,pb->ab", pull, vector) / 2 / self.atoms.get_volume()
        self.results = {"energy": energy, "forces": forces, "stress": full_3x3_to_voigt_6_stress(stress)}
