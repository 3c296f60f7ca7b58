"""Pure metals in labelled frames: their equations of state, and zeros of energy that they set.

Two sources of one functional differ by a constant per element (pseudopotentials, codes), and by a slope over volume
where their metals have different lattice constants.  The metals at rest, which both hold, tell: energy, volume and
modulus at the minimum of a Birch-Murnaghan equation fitted to perfect crystals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase.units import GPa

from voxpot_training.zeros import Zero

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["Metal", "equations_of_state", "zero_between"]

AT_REST = 0.02
"""eV/Å, largest force in a perfect crystal."""
ALIKE = 5e-3
"""Difference of the shapes of cells that count as one."""
SAME = 1e-4
"""Relative difference of volumes that count as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metal:
    """One element at rest."""

    energy: float  # eV/atom
    volume: float  # Å³/atom
    modulus: float | None  # GPa; None from too few volumes


def equations_of_state(
    frames: Sequence[Atoms], energies: Sequence[float], forces: Sequence[Float[np.ndarray, "atom 3"]]
) -> dict[str, Metal]:
    """The metals at rest, by element.

    Args:
        frames: structures of any kind; perfect crystals of one element are used.
        energies: eV.
        forces: eV/Å.
    """
    points: dict[str, list[tuple[float, float, tuple[float, ...]]]] = {}
    for atoms, energy, force in zip(frames, energies, forces, strict=True):
        symbols = set(atoms.get_chemical_symbols())
        if len(symbols) == 1 and atoms.pbc.all() and np.abs(force).max(initial=0) < AT_REST:
            volume = float(atoms.get_volume()) / len(atoms)
            points.setdefault(symbols.pop(), []).append((volume, float(energy) / len(atoms), _shape(atoms)))
    answer = {}
    for symbol, found in sorted(points.items()):
        shape = min(found, key=lambda point: point[1])[2]  # other phases and strained cells lie higher
        answer[symbol] = _fitted([(v, e) for v, e, other in found if np.allclose(shape, other, atol=ALIKE)])
    return answer


def _shape(atoms: Atoms) -> tuple[float, ...]:
    """Scalar products of the vectors of the reduced primitive cell, at volume 1 per cell, and its number of atoms."""
    import spglib

    found = spglib.find_primitive((atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers), symprec=1e-3)
    cell, count = (atoms.cell.array, len(atoms)) if found is None else (found[0], len(found[2]))
    reduced = spglib.niggli_reduce(cell, eps=1e-4)
    cell = np.asarray(cell if reduced is None else reduced)
    products = cell @ cell.T / abs(np.linalg.det(cell)) ** (2 / 3)
    return (*np.sort(np.abs(products[np.triu_indices(3)])), float(count))


def _fitted(points: list[tuple[float, float]]) -> Metal:
    """The minimum of an equation of state, or the lowest point where there are few."""
    lowest: list[tuple[float, float]] = []
    for volume, energy in sorted(points):
        if lowest and volume < lowest[-1][0] * (1 + SAME):
            lowest[-1] = (lowest[-1][0], min(lowest[-1][1], energy))
        else:
            lowest.append((volume, energy))
    volume, energy = np.array(lowest).T
    least = int(energy.argmin())
    if 0 < least < len(energy) - 1 and len(energy) >= 4:
        x = volume ** (-2 / 3)
        curve = np.polynomial.Polynomial.fit(x, energy, 3 if len(energy) >= 5 else 2)
        slope, bend = curve.deriv(), curve.deriv(2)
        roots = slope.roots()
        real = roots[np.abs(roots.imag) < 1e-9].real
        rest = [float(r) for r in real if x.min() <= r <= x.max() and bend(r) > 0]
        if rest:
            r = min(rest, key=lambda r: float(curve(r)))
            # d²E/dV² at the minimum is E''(x) (dx/dV)², and B = V d²E/dV²
            v = r**-1.5
            modulus = v * float(bend(r)) * (2 / 3 * v ** (-5 / 3)) ** 2 / GPa
            return Metal(energy=float(curve(r)), volume=float(v), modulus=float(modulus))
    return Metal(energy=float(energy[least]), volume=float(volume[least]), modulus=None)


def zero_between(reference: dict[str, Metal], other: dict[str, Metal], *, pressures: bool = True) -> Zero:
    """What brings the energies of the other source in line, for every element that both have.

    Close to rest the energies of a metal are E0 + B (V - V0)² / 2 V.  Those of two codes differ by a constant and by
    P V with P = B (V0 - V0') / V, where B and V are means of both.

    Args:
        reference: metals of the source that sets the zero.
        other: those of the source to be shifted.
        pressures: whether the volumes at rest of both differ by their codes, and not by errors.
    """
    offsets, found = {}, {}
    for symbol in sorted(set(reference) & set(other)):
        mine, theirs = reference[symbol], other[symbol]
        offsets[symbol] = mine.energy - theirs.energy
        if pressures and mine.modulus is not None and theirs.modulus is not None:
            volume = (mine.volume + theirs.volume) / 2
            found[symbol] = (mine.modulus + theirs.modulus) / 2 * (mine.volume - theirs.volume) / volume
            offsets[symbol] += found[symbol] * GPa * volume
    return Zero(offsets=offsets, pressures=found)
