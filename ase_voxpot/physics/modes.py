"""Force constants of bcc metals displaced along phonons, against DFT at the same displacement.

Modes are those of the wave vectors that cells of two or four atoms hold, in units of 2π/a: H (1,0,0), N (½,½,0) along
its three polarisations, half-way to H (½,0,0), longitudinal and transverse, and P (½,½,½).  Atoms move by u cos(q x).
Some of these modes are anharmonic at 0.06 Å: the values are not those of harmonic phonons.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["AMPLITUDE", "DFT", "EDGE", "MODES", "SOURCE", "displaced", "force_constant", "force_constants"]

EDGE = {"Nb": 3.322, "Mo": 3.169, "Ta": 3.322, "W": 3.190}
"""Å, bcc by PBE."""
AMPLITUDE = 0.06
"""Å, the largest displacement of an atom."""
_HALF = ((0.5, -0.5, 0.5), (0.5, -0.5, -0.5), (1.0, 1.0, 0.0))
_Vectors = tuple[tuple[float, float, float], ...]
MODES: dict[str, tuple[tuple[float, float, float], tuple[float, float, float], _Vectors]] = {
    "H": ((1, 0, 0), (1, 0, 0), ((1, 0, 0), (0, 1, 0), (0, 0, 1))),
    "N-L": ((0.5, 0.5, 0), (1, 1, 0), _HALF),
    "N-T1": ((0.5, 0.5, 0), (1, -1, 0), _HALF),
    "N-T2": ((0.5, 0.5, 0), (0, 0, 1), _HALF),
    "P": ((0.5, 0.5, 0.5), (1, 0, 0), ((1, 1, 0), (1, 0, 1), (0, 1, 1))),
    "half-L": ((0.5, 0, 0), (1, 0, 0), ((2, 0, 0), (0, 1, 0), (0, 0, 1))),
    "half-T": ((0.5, 0, 0), (0, 1, 0), ((2, 0, 0), (0, 1, 0), (0, 0, 1))),
}
"""By name: wave vector, direction of the displacements, lattice vectors of the cell in units of a."""
SOURCE = "PBE, GPAW, plane waves up to 400 eV, 33 Å between images, tetrahedra, displaced by 0.06 Å"
_NAMES = ("k_H", "k_N-L", "k_N-T1", "k_N-T2", "k_P", "k_half-L", "k_half-T")
DFT = {
    "Mo": dict(zip(_NAMES, (11.6, 23.1, 12.32, 7.05, 14.28, 19.52, 6.97), strict=True)),
    "Ta": {"k_N-L": 13.09, "k_N-T1": 4.27},
    "W": dict(zip(_NAMES, (20.39, 31.1, 14.08, 11.43, 21.52, 25.2, 10.72), strict=True)),
}
"""eV/Å², by element and quantity: ``force_constant`` of training/data/alloy/motaw_gpaw_phonons.extxyz.gz."""


def _sites(vectors: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "site 3"]:
    """The bcc sites of a cell in units of the edge."""
    corners = np.array([np.add(cube, c) for cube, c in product(product(range(-3, 4), repeat=3), (0.0, 0.5))])
    fractions = corners @ np.linalg.inv(vectors)
    return corners[((fractions > -1e-9) & (fractions < 1 - 1e-9)).all(1)]


def displaced(element: str, mode: str, *, amplitude: float = AMPLITUDE) -> Atoms:
    """The crystal with its atoms moved along a mode.

    Args:
        element: one of ``EDGE``.
        mode: one of ``MODES``.
        amplitude: largest displacement, Å.
    """
    wave, direction, vectors = (np.array(v, dtype=float) for v in MODES[mode])
    sites, edge = _sites(vectors), EDGE[element]
    atoms = Atoms([element] * len(sites), positions=edge * sites, cell=edge * vectors, pbc=True)
    atoms.positions += _moves(sites, wave, direction, amplitude)
    return atoms


def _moves(
    sites: Float[np.ndarray, "site 3"], wave: np.ndarray, direction: np.ndarray, amplitude: float
) -> Float[np.ndarray, "site 3"]:
    along = direction / np.linalg.norm(direction)
    moves: np.ndarray = amplitude * np.cos(2 * np.pi * sites @ wave)[:, None] * along
    return moves


def force_constant(mode: str, forces: Float[np.ndarray, "atom 3"], *, amplitude: float = AMPLITUDE) -> float:
    """-Σ F u / Σ u² of a displaced crystal, eV/Å².

    Args:
        mode: of ``displaced``.
        forces: eV/Å, in the order of its atoms.
        amplitude: of ``displaced``, Å.
    """
    wave, direction, vectors = (np.array(v, dtype=float) for v in MODES[mode])
    moves = _moves(_sites(vectors), wave, direction, amplitude)
    return -float((forces * moves).sum() / (moves**2).sum())


def force_constants(element: str, calculator: Any, *, amplitude: float = AMPLITUDE) -> dict[str, float]:
    """``force_constant`` of all modes by quantity, such as ``k_N-T2``, eV/Å²."""
    found = {}
    for mode in MODES:
        atoms = displaced(element, mode, amplitude=amplitude)
        atoms.calc = calculator
        found[f"k_{mode}"] = force_constant(mode, atoms.get_forces(), amplitude=amplitude)
    return found
