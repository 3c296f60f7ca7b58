"""Stiffness that one atom feels when all others stay: harmonic, and as far as it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ase_voxpot.errors import ConfigError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["self_force_constant"]


def self_force_constant(supercell: Atoms, calculator: Any, displacement: float, *, index: int = 0) -> float:
    """-dF/du of one atom along x by central differences, eV/Å²: positive in a crystal at rest.

    What is linear does not depend on the displacement; a crystal that the data show at large displacements only may
    be too soft at small ones.

    Args:
        supercell: the perfect crystal, wide enough that images of the atom do not interact.
        calculator: any.
        displacement: Å, either way.
        index: of the atom.

    Raises:
        ConfigError: a displacement that is not positive.
    """
    if not displacement > 0:
        raise ConfigError(f"displacement: expected a positive length in Å, got {displacement}")
    forces = []
    for sign in (-1, 1):
        atoms = supercell.copy()
        atoms.positions[index, 0] += sign * displacement
        atoms.calc = calculator
        forces.append(float(atoms.get_forces()[index, 0]))
    return (forces[0] - forces[1]) / (2 * displacement)
