"""Distances of crystals from the convex hull of formation energies over composition, by pymatgen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ase_voxpot.extras import require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

__all__ = ["hull_distances"]


def hull_distances(
    crystals: Sequence[Atoms], energies: Sequence[float], known: Sequence[Atoms], known_energies: Sequence[float]
) -> list[float]:
    """eV/atom above the hull of the known compounds and of the elements, whose formation energy is 0.

    A crystal below the hull, which known ones cannot form without a gain of energy, has a distance below 0. Crystals
    do not change the hull of each other.

    Args:
        crystals: whose distances are wanted.
        energies: of formation, eV/atom.
        known: compounds that span the hull.
        known_energies: of formation, eV/atom.

    Raises:
        MissingPackageError: pymatgen is not installed.
    """
    require("pymatgen", "the convex hull")
    from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
    from pymatgen.core.composition import Composition

    def entry(atoms: Atoms, energy: float) -> Any:
        return PDEntry(Composition(atoms.symbols.formula.count()), energy * len(atoms))

    stock = [(set(a.get_chemical_symbols()), entry(a, e)) for a, e in zip(known, known_energies, strict=True)]
    diagrams: dict[frozenset[str], Any] = {}
    found = []
    for atoms, energy in zip(crystals, energies, strict=True):
        system = frozenset(atoms.get_chemical_symbols())
        if system not in diagrams:  # of these elements alone, as the cost grows steeply with their number
            metals = [PDEntry(Composition(symbol), 0.0) for symbol in sorted(system)]
            diagrams[system] = PhaseDiagram([*metals, *(e for symbols, e in stock if symbols <= system)])
        made = entry(atoms, energy)
        found.append(float(energy - diagrams[system].get_hull_energy_per_atom(made.composition)))
    return found
