"""Symmetry, polycrystalline averages, moduli and directions of an elastic tensor.

Voigt order xx yy zz yz xz xy, stresses against γ = 2ε, everything in GPa.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import DataError, DivergenceError

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Float

__all__ = ["VOIGT", "Elasticity", "elasticity", "is_cubic", "point_group", "symmetrised", "young"]

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
PLACE = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])
"""Voigt index of a pair of axes."""
SAME_SITE = 1e-3
"""Å, tolerance of symmetry operations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elasticity:
    """An elastic tensor and its moduli.

    The cubic constants are averages over the components that cubic symmetry makes
    equal: for a random alloy in a finite cell they differ a little.  Bulk and shear
    moduli of polycrystals are Hill's, the means of Voigt's (even strain) and Reuss's
    (even stress).
    """

    tensor: Float[np.ndarray, "6 6"]  # GPa
    c11: float  # GPa
    c12: float  # GPa
    c44: float  # GPa
    bulk: float  # GPa, Hill
    bulk_voigt: float  # GPa
    bulk_reuss: float  # GPa
    shear: float  # GPa, Hill
    shear_voigt: float  # GPa
    shear_reuss: float  # GPa
    young: float  # GPa, from Hill's moduli
    poisson: float
    pugh: float  # bulk over shear modulus; above 1.75 metals tend to be ductile (Pugh, 1954)
    zener: float  # anisotropy 2 C44 / (C11 - C12), of a cubic crystal
    universal: float  # anisotropy 5 G_V/G_R + K_V/K_R - 6 (Ranganathan & Ostoja-Starzewski, 2008), zero if isotropic
    softest: float  # GPa, smallest eigenvalue; a crystal with a negative one is not stable


def elasticity(tensor: Float[np.ndarray, "6 6"]) -> Elasticity:
    """Cubic averages and isotropic moduli (Hill, Proc. Phys. Soc. A 65, 349, 1952).

    Args:
        tensor: GPa, Voigt.

    Raises:
        DivergenceError: the tensor cannot be inverted.
    """
    try:
        compliance = np.linalg.inv(tensor)
    except np.linalg.LinAlgError:
        raise DivergenceError(
            "expected an elastic tensor that can be inverted, got one in which a strain makes no stress: the atoms do "
            "not hold together; begin with a denser structure"
        ) from None
    corner, shears = np.trace(tensor[:3, :3]), np.trace(tensor[3:, 3:])
    rest = tensor[:3, :3].sum() - corner
    c11, c12, c44 = corner / 3, rest / 6, shears / 3
    voigt_bulk, voigt_shear = (corner + rest) / 9, (corner - rest / 2 + 3 * shears) / 15
    s_corner, s_shears = np.trace(compliance[:3, :3]), np.trace(compliance[3:, 3:])
    s_rest = compliance[:3, :3].sum() - s_corner
    reuss_bulk, reuss_shear = 1 / (s_corner + s_rest), 15 / (4 * s_corner - 2 * s_rest + 3 * s_shears)
    bulk, shear = (voigt_bulk + reuss_bulk) / 2, (voigt_shear + reuss_shear) / 2
    return Elasticity(
        tensor=tensor,
        c11=float(c11),
        c12=float(c12),
        c44=float(c44),
        bulk=float(bulk),
        bulk_voigt=float(voigt_bulk),
        bulk_reuss=float(reuss_bulk),
        shear=float(shear),
        shear_voigt=float(voigt_shear),
        shear_reuss=float(reuss_shear),
        young=float(9 * bulk * shear / (3 * bulk + shear)),
        poisson=float((3 * bulk - 2 * shear) / (6 * bulk + 2 * shear)),
        pugh=float(bulk / shear),
        zener=float(2 * c44 / (c11 - c12)),
        universal=float(5 * voigt_shear / reuss_shear + voigt_bulk / reuss_bulk - 6),
        softest=float(np.linalg.eigvalsh(tensor)[0]),
    )


def point_group(atoms: Atoms, *, tolerance: float = SAME_SITE) -> Float[np.ndarray, "rotation 3 3"]:
    """Rotations of a crystal, improper ones included, by which Cartesian vectors are multiplied from the left.

    Args:
        atoms: the crystal.
        tolerance: Å, within which an atom is on the site where a symmetry would put it.

    Raises:
        DataError: a cell whose symmetry cannot be determined.
    """
    from phonopy.structure.atoms import PhonopyAtoms
    from phonopy.structure.symmetry import Symmetry

    cell = PhonopyAtoms(numbers=atoms.numbers, cell=atoms.cell.array, scaled_positions=atoms.get_scaled_positions())
    try:
        found = Symmetry(cell, symprec=tolerance).symmetry_operations
    except Exception:  # of types that differ between versions of spglib
        raise DataError(
            f"{atoms.get_chemical_formula()}: expected a crystal whose symmetry can be found, with no atom twice"
        ) from None
    lattice = atoms.cell[:].T
    rotations = lattice @ np.unique(found["rotations"], axis=0) @ np.linalg.inv(lattice)
    left, _, right = np.linalg.svd(np.asarray(rotations, dtype=float))
    return left @ right  # the nearest true rotations, of a cell that is symmetric within the tolerance


def is_cubic(rotations: Float[np.ndarray, "rotation 3 3"]) -> bool:
    """Whether the axes of the coordinates are those of a cube: a threefold axis makes x to y to z."""
    cycle = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])
    turns = [np.diag([1.0, -1, -1]), cycle]
    return all(np.abs(rotations - t).max(axis=(1, 2)).min() < 1e-4 for t in turns)


def symmetrised(
    tensor: Float[np.ndarray, "6 6"], rotations: Float[np.ndarray, "rotation 3 3"]
) -> Float[np.ndarray, "6 6"]:
    """Mean of a tensor over rotations; that of a group has its symmetry.

    Args:
        tensor: stiffness, Voigt.
        rotations: Cartesian.
    """
    full = tensor[PLACE[:, :, None, None], PLACE]
    full = np.einsum("rai,rbj,rck,rdl,ijkl->abcd", *[rotations] * 4, full, optimize=True) / len(rotations)
    return np.array([[full[a + b] for b in VOIGT] for a in VOIGT])


def young(
    compliance: Float[np.ndarray, "6 6"], directions: Float[np.ndarray, "direction 3"]
) -> Float[np.ndarray, " direction"]:
    """Young's modulus of a single crystal under tension along directions.

    Args:
        compliance: inverse of the stiffness, Voigt, 1/GPa.
        directions: unit vectors.
    """
    stress = np.stack([directions[:, a] * directions[:, b] for a, b in VOIGT], axis=1)
    return np.asarray(1 / np.einsum("na,ab,nb->n", stress, compliance, stress))
