"""The Fourier coefficients of a crystal, element by element, in closed form.

Every atom is a Gaussian of width σ and of integral 1.  The field of an element,

    s(x) = Σ_j (2πσ²)^{-3/2} Σ_{n ∈ Z³} exp(-|x - μ_j - nA|² / 2σ²),

is periodic in the cell A (vectors in rows) and has, at the vectors g = mB of the reciprocal lattice
B = 2π A^{-T}, the coefficients

    h(g) = (1 / det A) exp(-σ²|g|²/2) Σ_j exp(-i g·μ_j).

No voxels in real space and no Fourier transform are needed.  The factor 1 / det A makes h a
density, independent of the choice of the cell: additional vectors of a supercell have coefficients
of zero and are left out.  Of g and -g one is kept, for h(-g) is the conjugate of h(g). A
translation by t multiplies all elements by the same exp(-i g·t), so that products h_a h_b* do not
change.  After T. Kajita et al., Sci. Rep. 7, 16991 (2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import StructureError

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Complex, Float, Int

__all__ = ["Spectrum", "coefficients", "half_lattice", "slots_of", "spectrum_of"]

LARGEST = 20_000_000
"""Candidates for reciprocal lattice vectors, beyond which a cell is refused."""
SILENT = 1e-9
"""Relative to the number density: coefficients below it belong to no reciprocal vector of the crystal."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """A crystal in reciprocal space: half of its lattice vectors, and the coefficients there.

    The first vector is g = 0, where the coefficients are the number densities.
    """

    numbers: Int[np.ndarray, " element"]  # Z, ascending
    g: Float[np.ndarray, "vector 3"]  # 1/Å
    h: Complex[np.ndarray, "element vector"]  # 1/Å³

    @property
    def density(self) -> Float[np.ndarray, " element"]:
        """Atoms of every element per Å³."""
        return self.h[:, 0].real


def slots_of(atoms: Atoms) -> tuple[Int[np.ndarray, " element"], Int[np.ndarray, " atom"]]:
    """The elements of a crystal, and the element of every atom."""
    numbers, slot = np.unique(atoms.numbers, return_inverse=True)
    return numbers, slot


def bounds(cell: Float[np.ndarray, "3 3"], radius: float) -> Int[np.ndarray, 3]:
    """The largest |m| of reciprocal lattice vectors mB within ``radius``: m_i = a_i·g / 2π.

    Raises:
        StructureError: too many, for a cell that is huge or flat.
    """
    most = np.floor(np.linalg.norm(cell, axis=1) * radius * (1 + 1e-9) / (2 * np.pi)).astype(np.int64)
    if np.prod(2.0 * most + 1) > LARGEST:
        raise StructureError(
            f"expected a cell with at most {LARGEST:.0e} candidates for reciprocal vectors within {radius:.3g} 1/Å, "
            f"got edges {cell_edges(cell)} Å; write the crystal in its reduced primitive cell"
        )
    return most


def cell_edges(cell: Float[np.ndarray, "3 3"]) -> list[float]:
    """Lengths of the cell vectors in Å, for a sentence."""
    edges: list[float] = np.linalg.norm(cell, axis=1).round(2).tolist()
    return edges


def half_lattice(cell: Float[np.ndarray, "3 3"], radius: float) -> Int[np.ndarray, "vector 3"]:
    """Whole numbers m with |mB| <= radius, one of every m and -m, zero first."""
    most = bounds(cell, radius)
    axes = [np.arange(-k, k + 1) for k in most]
    m = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    m = m[len(m) // 2 :]  # the order is lexicographic, so that zero stands in the middle
    g = m @ (2 * np.pi * np.linalg.inv(cell).T)
    return m[(g**2).sum(1) <= (radius * (1 + 1e-9)) ** 2]


def coefficients(
    cell: Float[np.ndarray, "3 3"],
    positions: Float[np.ndarray, "atom 3"],
    g: Float[np.ndarray, "vector 3"],
    width: float,
) -> Complex[np.ndarray, " vector"]:
    """h(g) of some atoms: the equation, for any g of the reciprocal lattice.

    Args:
        cell: vectors in rows, Å.
        positions: of the atoms of one element, Å.
        g: in 1/Å.
        width: σ in Å.

    Returns:
        Coefficients in 1/Å³.
    """
    damping = np.exp(-0.5 * width**2 * (g**2).sum(1)) / abs(np.linalg.det(cell))
    return damping * np.exp(-1j * g @ positions.T).sum(1)


def spectrum_of(atoms: Atoms, *, radius: float, width: float) -> Spectrum:
    """All reciprocal lattice vectors within a ball, and the coefficients of every element.

    Args:
        atoms: a crystal, periodic in three directions; any cell.
        radius: of the ball, 1/Å.
        width: σ in Å.

    Raises:
        StructureError: a cell with too many vectors.
    """
    from voxpot_crystals.regression.voxelnet.kernels import coefficients_into

    cell = np.ascontiguousarray(atoms.cell[:])
    numbers, slot = slots_of(atoms)
    inverse = np.linalg.inv(cell)
    fractional = atoms.positions @ inverse
    fractional -= np.floor(fractional)
    reciprocal = 2 * np.pi * np.ascontiguousarray(inverse.T)
    most = bounds(cell, radius)
    size = int(np.prod(2 * most + 1)) // 2 + 1
    g, h = np.empty((size, 3)), np.empty((len(numbers), size), complex)
    volume = abs(np.linalg.det(cell))
    silent = SILENT * len(atoms) / volume
    count = coefficients_into(fractional, slot, reciprocal, most, radius * (1 + 1e-9), width, 1 / volume, silent, g, h)
    return Spectrum(numbers, g[:count].copy(), h[:, :count].copy())
