"""Planar defects of bcc elements: generalised stacking faults and symmetric tilt boundaries.

Both are made of slabs with free surfaces, whose energy is taken off, so that atoms may move along the normal as far
as they like.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import J, m

from ase_voxpot.errors import ConfigError, DivergenceError
from ase_voxpot.properties.cells import energy_per_atom, relaxed, wide

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["BOUNDARIES", "PLANES", "Fault", "bicrystals", "stacking_fault", "tilt_boundary"]

PLANES = {
    "110": ((1, -1, 1), (1, -1, -2), (1, 1, 0)),
    "112": ((1, 1, -1), (-1, 1, 0), (1, 1, 2)),
}
"""Directions x, y and z of a slab by the plane that is sheared along x, ½⟨111⟩ being its period."""
BOUNDARIES = {
    "S3_112": ((1, -1, 0), (1, 1, -1), (1, 1, 2)),
    "S5_310": ((0, 0, 1), (1, -3, 0), (3, 1, 0)),
}
"""Directions x (the tilt axis), y and z (the normal) of a grain by the boundary that it makes with its mirror image."""
THICKNESS = 16.0
"""Å, least thickness of either half."""
VACUUM = 8.0
"""Å, on either side."""
CLOSE = 0.6
"""Shares of the nearest-neighbour distance within which atoms make a start hopeless."""
LAYER = 0.05
"""Å: atoms whose heights differ by less are in one layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Energy of a crystal whose halves are displaced along ½⟨111⟩, the atoms at rest along the normal."""

    shift: Float[np.ndarray, " point"]  # from 0 to 1, of ½⟨111⟩
    energy: Float[np.ndarray, " point"]  # J/m²

    @property
    def unstable(self) -> float:
        """The maximum along the line, J/m²: the unstable stacking fault energy."""
        return float(self.energy.max())


def stacking_fault(crystal: Atoms, calculator: Any, plane: str, *, points: int = 11, fmax: float = 0.01) -> Fault:
    """Energies of a generalised stacking fault along ½⟨111⟩: V. Vitek, Philos. Mag. 18, 773 (1968).

    Args:
        crystal: cubic cell of two atoms of one element, at rest.
        calculator: any.
        plane: one of ``PLANES``.
        points: number of displacements, both perfect crystals included.
        fmax: eV/Å, for the ions along the normal.

    Raises:
        ConfigError: an unknown plane, or another cell.
        DivergenceError: a relaxation did not converge.
    """
    from ase.constraints import FixCartesian

    periods, slab = _slab(crystal, plane, PLANES, halves=2)
    upper = slab.positions[:, 2] > slab.positions[:, 2].mean()
    shift, energies = np.linspace(0, 1, points), []
    for share in shift:
        moved = slab.copy()
        moved.positions[upper, 0] += share * periods[0]
        moved.set_constraint(FixCartesian(range(len(moved)), (True, True, False)))
        energies.append(relaxed(moved, calculator, fmax=fmax).get_potential_energy())
    energy = np.array(energies)
    return Fault(shift=shift, energy=(energy - energy[0]) / _area(slab) / (J / m**2))


def tilt_boundary(
    crystal: Atoms, calculator: Any, name: str, *, translations: tuple[int, int] = (2, 4), fmax: float = 0.01
) -> float:
    """Energy of a symmetric tilt boundary, J/m².

    It is the least over rigid translations of the upper grain along the boundary, each with the layer of atoms on
    the mirror plane and without it.

    Args:
        crystal: cubic cell of two atoms of one element, at rest.
        calculator: any.
        name: one of ``BOUNDARIES``.
        translations: numbers along the tilt axis and across it.
        fmax: eV/Å, for the ions.

    Raises:
        ConfigError: an unknown boundary, or another cell.
        DivergenceError: no start came to rest.
    """
    periods, grain = _slab(crystal, name, BOUNDARIES, halves=1)
    area = _area(grain)
    bulk = energy_per_atom(wide(crystal), calculator)
    outer = relaxed(grain, calculator, fmax=fmax).get_potential_energy() - bulk * len(grain)
    excess = []
    for pair in _bicrystals(grain, periods, translations, nearest=crystal.cell.lengths()[0] * np.sqrt(3) / 2):
        try:
            rest = relaxed(pair, calculator, fmax=fmax)
        except DivergenceError:
            continue
        excess.append(rest.get_potential_energy() - bulk * len(pair) - outer)
    if not excess:
        raise DivergenceError(f"boundary {name}: none of its starts came to rest within {fmax} eV/Å")
    return float(min(excess)) / area / (J / m**2)


def bicrystals(crystal: Atoms, name: str, *, translations: tuple[int, int] = (2, 4)) -> list[Atoms]:
    """The starts of ``tilt_boundary``, with the same arguments and errors, before anything has moved."""
    periods, grain = _slab(crystal, name, BOUNDARIES, halves=1)
    return list(_bicrystals(grain, periods, translations, nearest=crystal.cell.lengths()[0] * np.sqrt(3) / 2))


def _bicrystals(
    grain: Atoms, periods: Float[np.ndarray, " 2"], translations: tuple[int, int], *, nearest: float
) -> Iterator[Atoms]:
    """Both grains with every translation, with and without the shared layer, but those with atoms too close."""
    for along, across, shared in product(*(range(n) for n in translations), (True, False)):
        shift = np.append(np.array([along, across]) / translations * periods, 0.0)
        pair = _bicrystal(grain, shift, shared=bool(shared))
        if _closest(pair) >= CLOSE * nearest:
            yield pair


def _slab(crystal: Atoms, name: str, known: dict[str, Any], *, halves: int) -> tuple[Float[np.ndarray, " 2"], Atoms]:
    """Periods along x and y, and a slab of ``halves`` times ``THICKNESS``."""
    from ase.lattice.cubic import BodyCenteredCubic

    lengths = crystal.cell.lengths()
    if name not in known or len(crystal) != 2 or np.ptp(lengths) > 1e-6 * lengths[0]:
        raise ConfigError(
            f"expected the cubic bcc cell of two atoms and one of {', '.join(known)}, got {len(crystal)} atoms, "
            f"edges {lengths.round(4).tolist()} and {name!r}"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of left-handed coordinates
        cell = BodyCenteredCubic(
            symbol=crystal.symbols[0], latticeconstant=float(lengths[0]), directions=[list(d) for d in known[name]]
        )
    made = cell.repeat((1, 1, halves * int(np.ceil(THICKNESS / cell.cell.lengths()[2]))))
    slab = type(crystal)(made.symbols, positions=made.positions, cell=made.cell, pbc=True)
    slab.center(vacuum=VACUUM, axis=2)
    return cell.cell.lengths()[:2], wide(slab, axes=(0, 1))


def _bicrystal(grain: Atoms, shift: Float[np.ndarray, " 3"], *, shared: bool) -> Atoms:
    """The grain and, above it, its mirror image, displaced; the layer between them is there once or not at all."""
    heights = grain.positions[:, 2]
    top = heights.max()
    mirrored = grain.copy()
    mirrored.positions[:, 2] = 2 * top - heights
    mirrored = mirrored[heights < top - LAYER]
    mirrored.positions += shift
    lower = grain if shared else grain[heights < top - LAYER]
    pair: Atoms = lower + mirrored
    pair.center(vacuum=VACUUM, axis=2)
    return pair


def _area(slab: Atoms) -> float:
    return float(np.linalg.norm(np.cross(slab.cell[0], slab.cell[1])))


def _closest(atoms: Atoms) -> float:
    from ase.neighborlist import neighbor_list

    distances = neighbor_list("d", atoms, 3.0)
    return float(distances.min()) if len(distances) else 3.0
