"""Formation energies of ordered compounds on the bcc lattice, unrelaxed, against DFT.

B2 of two elements; L2_1 (full Heusler) and XA (inverse Heusler) of three, one of them twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["DFT", "EDGE", "SOURCE", "formation_energies", "structures"]

EDGE = 3.22
"""Å, of the cube of two sites, for compounds and elements."""
SOURCE = "PBE, GPAW, plane waves up to 400 eV, 42 Å / edge k-points, Methfessel-Paxton 0.15 eV, at 3.22 Å"
DFT = {
    "MoTa": {"F_B2": -251.6},
    "MoW": {"F_B2": -12.3},
    "TaW": {"F_B2": -146.2},
    "MoTaW": {
        "F_L21_1": -179.0,
        "F_XA_1": -137.4,
        "F_L21_2": -195.9,
        "F_XA_2": -134.5,
        "F_L21_3": -114.1,
        "F_XA_3": -152.6,
    },
}
"""meV/atom, by subject and quantity; the k-points are good to some 3 meV/atom."""


def structures(elements: Sequence[str]) -> Iterator[tuple[str, Atoms]]:
    """Names and primitive cells of the compounds of two or three elements.

    ``F_L21_2`` is the L2_1 compound that holds the second element twice.
    """
    if len(elements) == 2:
        yield "F_B2", Atoms(elements, scaled_positions=[[0, 0, 0], [0.5] * 3], cell=EDGE * np.eye(3), pbc=True)
        return
    sites = EDGE * np.outer([0, 0.5, 1, 1.5], [1, 1, 1])  # along the diagonal of eight cubes
    cell = EDGE * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    for k, twice in enumerate(elements, 1):
        one, other = (e for e in elements if e != twice)
        yield f"F_L21_{k}", Atoms([twice, one, twice, other], positions=sites, cell=cell, pbc=True)
        yield f"F_XA_{k}", Atoms([twice, twice, one, other], positions=sites, cell=cell, pbc=True)


def formation_energies(elements: Sequence[str], calculator: Any) -> dict[str, float]:
    """Energies above the bcc elements at the same volume per atom, meV/atom.

    Args:
        elements: two or three symbols.
        calculator: any.
    """
    alone = {}
    for symbol in elements:
        cube = Atoms([symbol] * 2, scaled_positions=[[0, 0, 0], [0.5] * 3], cell=EDGE * np.eye(3), pbc=True)
        cube.calc = calculator
        alone[symbol] = cube.get_potential_energy() / 2
    found = {}
    for name, atoms in structures(elements):
        atoms.calc = calculator
        above = atoms.get_potential_energy() - sum(alone[s] for s in atoms.get_chemical_symbols())
        found[name] = 1000 * above / len(atoms)
    return found
