"""Formation energies per atom: a crystal against its elements at rest, both by one potential.

The card of a potential names a lattice for its elements, and where the relaxation of their lattice constants starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase_voxpot.errors import ConfigError, UnknownElementError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ase import Atoms

    from ase_voxpot.methods import Method

__all__ = ["elements_at_rest", "formation_energy"]

FMAX = 1e-3
"""eV, of V·stress in the cell of one atom: energies are good to some 1e-6 eV/atom."""


def elements_at_rest(method: Method) -> dict[str, float]:
    """Energy of every element in the lattice of the card, at the lattice constant of the potential, eV/atom.

    Of an element that the card names in several lattices the lowest energy counts.

    Raises:
        ConfigError: the card names no lattice.
    """
    from ase.build import bulk

    from ase_voxpot.md.relaxation import relax

    lattices: Mapping[str, Mapping[str, float]] = (method.card or {}).get("lattice") or {}
    if not any(lattices.values()):
        raise ConfigError(
            f"{method.name}: expected a potential whose card names a lattice of its elements, for formation energies; "
            "got none. Train it with a table [lattice.bcc], or name another model"
        )
    calculator, found = method.make(), dict[str, float]()
    for lattice, constants in lattices.items():
        for symbol, constant in constants.items():
            metal = bulk(symbol, lattice, a=constant)
            metal.calc = calculator
            energy = relax(metal, optimiser="lbfgs", free="cell", fmax=FMAX)[0].energy / len(metal)
            found[symbol] = min(energy, found.get(symbol, energy))
    return found


def formation_energy(atoms: Atoms, energy: float, rest: Mapping[str, float]) -> float:
    """eV/atom, below 0 where the crystal is more stable than its elements.

    Args:
        atoms: of the crystal.
        energy: of all of them, eV.
        rest: as ``elements_at_rest`` gives it.

    Raises:
        UnknownElementError: an element without an energy at rest.

    >>> from ase.build import bulk
    >>> formation_energy(bulk("NaCl", "rocksalt", a=5.6), -7.0, {"Na": -1.0, "Cl": -2.0})
    -2.0
    """
    foreign = sorted(set(atoms.get_chemical_symbols()) - set(rest))
    if foreign:
        raise UnknownElementError(f"expected the elements {', '.join(rest)}, got {', '.join(foreign)}")
    return (energy - sum(rest[symbol] for symbol in atoms.get_chemical_symbols())) / len(atoms)
