"""Screw dislocations ½⟨111⟩ of bcc elements: shape of the core and Peierls barrier.

A dipole in a periodic cell of 135 atoms, one Burgers vector thick, in which dislocations of either sign form a
checkerboard: D. Rodney, L. Ventelon, E. Clouet, L. Pizzagalli and F. Willaime, Acta Mater. 124, 633 (2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ConfigError
from ase_voxpot.properties.bands import elastic_band
from ase_voxpot.properties.cells import relaxed

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Complex, Float, Int

__all__ = ["Screw", "dipole", "screw_dislocation"]

AXES = np.array([[-1, -1, 2], [1, -1, 0], [1, 1, 1]]) / np.sqrt([[6], [2], [3]])
"""Directions x, y and z: of glide, across it, and of the Burgers vector."""
COLUMNS, ROWS = 15, 9
"""Strings of atoms along x and y; both odd, so that the cores of either sign are alike."""
PUSH = 0.05
"""Burgers vectors by which cores are pushed along themselves first: those that are symmetric by force alone stay so."""
TERMS = 8
"""Of theta functions, whose nome is about 0.2: the last is 1e-39."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screw:
    """A dislocation at rest, and on its way to the next valley."""

    path: Float[np.ndarray, " image"]  # eV per Burgers vector, above the first
    hard: float  # eV per Burgers vector by which the core in the other triangles is higher
    shift: float  # of the strings around the core along it, in Burgers vectors; 0 of a symmetric, compact core

    @property
    def place(self) -> Float[np.ndarray, " image"]:
        """From 0 to 1 along the path, the images being equally far apart."""
        return np.linspace(0, 1, len(self.path))

    @property
    def barrier(self) -> float:
        """The Peierls barrier, eV per Burgers vector."""
        return float(self.path.max())


def screw_dislocation(crystal: Atoms, calculator: Any, *, images: int = 5, fmax: float = 0.005) -> Screw:
    """Cores and Peierls barrier of a ½⟨111⟩ screw dislocation that glides on {110}.

    Both dislocations of the dipole move at once, so that their interaction does not change; half of the energy
    belongs to either (L. Ventelon, F. Willaime, E. Clouet and D. Rodney, Acta Mater. 61, 3973 (2013)).

    Args:
        crystal: cubic cell of two atoms of one element, at rest.
        calculator: any.
        images: between the two valleys; an odd number puts one half way.
        fmax: eV/Å, for the cores.

    Raises:
        ConfigError: another cell.
        DivergenceError: a core or the band did not come to rest.
    """
    first, last = (relaxed(_pushed(crystal, step), calculator, fmax=fmax) for step in (0, 1))
    hard = relaxed(dipole(crystal, hard=True), calculator, fmax=fmax)
    band = elastic_band(first, last, calculator, images=images)
    excess = hard.get_potential_energy() - first.get_potential_energy()
    return Screw(path=band / 2, hard=float(excess / 2), shift=_shift(crystal, first))


def dipole(crystal: Atoms, *, step: int = 0, hard: bool = False) -> Atoms:
    """A dipole of screw dislocations as elasticity has it, before anything is relaxed.

    Along [111] the atoms are displaced by b/2π times the argument of ϑ₁(π(w - w₊)/L) / ϑ₁(π(w - w₋)/L) with w = x + iy,
    L the first period and τ the ratio of the periods.  That is the field of all images, in a cell that is sheared by
    half a Burgers vector, as the dislocations are half a period apart.

    Args:
        crystal: cubic cell of two atoms of one element.
        step: valleys by which both dislocations are moved along x.
        hard: whether the cores are in those triangles of strings in which the strings come to the same height.

    Raises:
        ConfigError: another cell.
    """
    atoms, edge = _perfect(crystal)
    length, burgers = COLUMNS * edge, edge * np.sqrt(9 / 8)
    above, below = _cores(edge)
    tau = complex(*atoms.cell[1, :2]) / length
    where = np.pi * (atoms.positions[:, 0] + 1j * atoms.positions[:, 1]) / length
    first, second = (np.pi * (place + step * edge) / length for place in (above, below))
    ratio = _theta(where - first, tau) / _theta(where - second, tau)
    sense = 1 if hard else -1
    atoms.positions[:, 2] += sense * burgers / (2 * np.pi) * np.angle(ratio)
    cell = atoms.cell.array.copy()
    cell[1, 2] += burgers / 2
    atoms.set_cell(cell)
    return atoms


def _perfect(crystal: Atoms) -> tuple[Atoms, float]:
    """The perfect crystal in the cell of the dipole, and the distance between strings in Å.

    Raises:
        ConfigError: not the cubic cell of an element in bcc.
    """
    from ase import Atoms
    from ase.build import make_supercell

    lengths = crystal.cell.lengths()
    if len(crystal) != 2 or len(set(crystal.numbers)) > 1 or np.ptp(lengths) > 1e-6 * lengths[0]:
        raise ConfigError(
            f"expected the cubic bcc cell of two atoms of one element, got {crystal.get_chemical_formula()} with "
            f"edges {lengths.round(4).tolist()}"
        )
    primitive = lengths[0] / 2 * np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) @ AXES.T
    edge = lengths[0] * np.sqrt(6) / 3
    periods = [[COLUMNS * edge, 0, 0], [COLUMNS * edge / 2, ROWS * lengths[0] / np.sqrt(2), 0], [0, 0, 0]]
    periods[2][2] = lengths[0] * np.sqrt(3) / 2
    times = np.rint(periods @ np.linalg.inv(primitive)).astype(int)
    atoms = make_supercell(Atoms(crystal.symbols[:1], cell=primitive, pbc=True), times)
    atoms.wrap()
    return atoms, float(edge)


def _cores(edge: float) -> tuple[complex, complex]:
    """Centres of a triangle of strings that points to +y and of one that points to -y, half a period apart."""
    height = edge / np.sqrt(12)  # of the centre over the side
    first = edge * COLUMNS / 2 + 1j * (ROWS // 2 * edge * np.sqrt(3) / 2 + height)
    return first, first + COLUMNS * edge / 2 + 1j * height


def _theta(x: Complex[np.ndarray, " point"], tau: complex) -> Complex[np.ndarray, " point"]:
    """Jacobi's ϑ₁(x | τ), but for a factor: https://dlmf.nist.gov/20.2#E1."""
    odd = 2 * np.arange(TERMS) + 1
    signs = (-1.0) ** np.arange(TERMS)
    out: Complex[np.ndarray, " point"] = np.sin(odd * x[:, None]) @ (signs * np.exp(0.25j * np.pi * tau * odd**2))
    return out


def _pushed(crystal: Atoms, step: int) -> Atoms:
    """A ``dipole`` whose cores have lost their symmetry, so that cores with a polarity relax to it."""
    atoms, (_, edge) = dipole(crystal, step=step), _perfect(crystal)
    for place in _cores(edge):
        atoms.positions[_strings(crystal, place + step * edge), 2] += PUSH * edge * np.sqrt(9 / 8)
    return atoms


def _strings(crystal: Atoms, place: complex) -> Int[np.ndarray, " 3"]:
    """Atoms of the three strings around a place of the perfect crystal, or of its images."""
    perfect, _ = _perfect(crystal)
    x, y, _ = perfect.cell.array.T
    images = place + np.array([0, *(x + 1j * y)[:2], *-(x + 1j * y)[:2]])
    away = abs(perfect.positions[:, 0] + 1j * perfect.positions[:, 1] - images[:, None]).min(0)
    return np.argsort(away)[:3]


def _shift(crystal: Atoms, core: Atoms) -> float:
    """Mean displacement of the three strings around the first dislocation along it, in Burgers vectors."""
    edge = _perfect(crystal)[1]
    moved = (core.positions - dipole(crystal).positions)[:, 2]
    nearest = _strings(crystal, _cores(edge)[0])
    return float(abs(moved[nearest].mean() - moved.mean()) / (edge * np.sqrt(9 / 8)))
