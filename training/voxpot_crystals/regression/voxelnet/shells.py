"""Powder spectra: partial structure factors of pairs of elements in shells of reciprocal space.

For two elements a and b of a crystal with n atoms per Å³, the partial structure factor

    S_ab,lm(r) = (1 / n) Σ_{g ≠ 0} w_r(|g|) Re(h_a(g) h_b(g)*) Y_lm(g / |g|)

is summed over shells r, whose weights w_r are hats that add up to one.  S of l = 0 is a powder diffractogram
resolved by pairs of elements; it depends on relative phases between sublattices, and is invariant under rotation,
translation and the choice of the cell.  For l > 0 the norm over m is invariant too; odd l vanish, as g and -g
count alike.  Shells are brought to the same scale by dividing by 4πr²Δr / (2π)³, the number of vectors in a shell
per volume of the crystal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.descriptor.harmonics import solid_harmonics
from voxpot_crystals.regression.voxelnet.grids import pairs_of

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from voxpot_crystals.regression.voxelnet.reciprocal import Spectrum

__all__ = ["Powder", "powder_of"]


@dataclass(frozen=True, slots=True)
class Powder:
    """Spectra of the unordered pairs of elements of one crystal."""

    numbers: Int[np.ndarray, " element"]  # Z, ascending
    share: Float[np.ndarray, " element"]  # of the atoms
    volume: float  # Å³ per atom
    pair: Int[np.ndarray, "pair 2"]  # places in ``numbers``, first <= second
    scattered: Float[np.ndarray, "pair shell harmonic"]


def even_harmonics(degree: int) -> Int[np.ndarray, " harmonic"]:
    """Numbers l² + l + m of the harmonics of even l up to ``degree``."""
    return np.array([l * l + k for l in range(0, degree + 1, 2) for k in range(2 * l + 1)])


def hats(distance: Float[np.ndarray, " point"], shells: int, reach: float) -> Float[np.ndarray, "point shell"]:
    """How much of every point each shell takes: triangles about the middles of ``shells`` shells up to ``reach``."""
    middle = (np.arange(shells) + 0.5) * reach / shells
    return np.maximum(1 - np.abs(distance[:, None] - middle) * shells / reach, 0)


def powder_of(spectrum: Spectrum, *, shells: int, reach: float, degree: int) -> Powder:
    """Sum the spectrum over shells.

    Args:
        spectrum: half of the lattice of a crystal.
        shells: how many, of equal thickness.
        reach: 1/Å, where the last one ends.
        degree: highest l.
    """
    density, g = spectrum.density, spectrum.g[1:]
    distance = np.linalg.norm(g, axis=1)
    near = distance < reach * (1 + 1 / shells)
    g, distance, h = g[near], distance[near], spectrum.h[:, 1:][:, near]
    middle, thick = (np.arange(shells) + 0.5) * reach / shells, reach / shells
    scale = 2 / (density.sum() * 4 * np.pi * middle**2 * thick / (2 * np.pi) ** 3)  # 2: -g too
    weight = hats(distance, shells, reach) * scale
    harmonic = solid_harmonics(g / distance[:, None], degree)[:, even_harmonics(degree)]
    pair = pairs_of(len(density))
    cross = (h[pair[:, 0]] * h[pair[:, 1]].conj()).real
    scattered = np.stack([(weight * c[:, None]).T @ harmonic for c in cross])
    share = density / density.sum()
    return Powder(spectrum.numbers, share, float(1 / density.sum()), pair, scattered)
