"""Features of the elements Z = 1 to 100.

Period, group, the filling of the valence shells and the orders of the noble gases follow from
Z.  Electronegativities are Pauling's (L. Pauling, The Nature of the Chemical Bond, 1960;
A. L. Allred, J. Inorg. Nucl. Chem. 17, 215 (1961)), 0 for elements that have none.
Covalent radii are those of B. Cordero et al., Dalton Trans. 2832 (2008), as ASE keeps them,
masses are the standard atomic weights.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from ase.data import atomic_masses, covalent_radii

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["FEATURES", "HEAVIEST", "electronegativities", "element_features", "kinship", "valence"]

HEAVIEST = 100
"""The last element with features."""

OF_ITS_OWN = 0.3
"""Variance of the independent part of an element, relative to the shared part."""

NOBLE = (0, 2, 10, 18, 36, 54, 86, 118)
"""Electrons of the noble gases, where periods end."""

# Pauling's scale, in the order of Z from hydrogen to fermium; 0 where none is known
ELECTRONEGATIVITY = (
    "2.20 0 0.98 1.57 2.04 2.55 3.04 3.44 3.98 0 0.93 1.31 1.61 1.90 2.19 2.58 3.16 0 "
    "0.82 1.00 1.36 1.54 1.63 1.66 1.55 1.83 1.88 1.91 1.90 1.65 1.81 2.01 2.18 2.55 2.96 3.00 "
    "0.82 0.95 1.22 1.33 1.60 2.16 1.90 2.20 2.28 2.20 1.93 1.69 1.78 1.96 2.05 2.10 2.66 2.60 "
    "0.79 0.89 1.10 1.12 1.13 1.14 1.13 1.17 1.20 1.20 1.10 1.22 1.23 1.24 1.25 1.10 1.27 "
    "1.30 1.50 2.36 1.90 2.20 2.20 2.28 2.54 2.00 1.62 2.33 2.02 2.00 2.20 0 "
    "0.70 0.90 1.10 1.30 1.50 1.38 1.36 1.28 1.30 1.30 1.30 1.30 1.30 1.30"
)

FEATURES = (
    "period",
    "group",
    "electronegativity",
    "covalent radius",
    "mass",
    "s electrons",
    "p electrons",
    "d electrons",
    "f electrons",
    "holes to the next noble gas",
)
"""Columns of ``element_features``; s, p, d and f are electrons beyond the noble gas."""


def valence(number: int) -> tuple[int, int, int, int, int, int]:
    """Period, group, and s, p, d, f electrons beyond the noble gas before.

    Shells are filled in the order of Madelung's rule, without its exceptions; the group
    of elements in the f block is 3.

    >>> valence(42)  # molybdenum
    (5, 6, 2, 0, 4, 0)
    >>> valence(8)
    (2, 16, 2, 4, 0, 0)
    """
    period = next(k for k, electrons in enumerate(NOBLE) if number <= electrons)
    left = number - NOBLE[period - 1]
    capacity = {1: (2, 0, 0, 0), 2: (2, 0, 0, 6), 3: (2, 0, 0, 6), 4: (2, 0, 10, 6), 5: (2, 0, 10, 6)}
    s_holes, f_holes, d_holes, p_holes = capacity.get(period, (2, 14, 10, 6))
    filled = []
    for places in (s_holes, f_holes, d_holes, p_holes):
        filled.append(min(left, places))
        left -= filled[-1]
    s, f, d, p = filled
    if number == 2:
        group = 18
    elif p:
        group = 12 + p
    elif d:
        group = 2 + d
    else:
        group = 3 if f else s
    return period, group, s, p, d, f


@cache
def electronegativities() -> Float[np.ndarray, " element"]:
    """On Pauling's scale, by Z; 0 where none is known, and in the place before hydrogen."""
    return np.array([0.0, *map(float, ELECTRONEGATIVITY.split())])


@cache
def element_features() -> Float[np.ndarray, "element feature"]:
    """One row per Z from 0 on, the first of zeros, of ``FEATURES`` brought to about 0 to 1."""
    table = np.zeros((HEAVIEST + 1, len(FEATURES)))
    scale = electronegativities()
    for z in range(1, HEAVIEST + 1):
        period, group, s, p, d, f = valence(z)
        holes = next(n for n in NOBLE if z <= n) - z
        radius, mass = covalent_radii[z], atomic_masses[z]
        table[z] = (
            period / 7,
            group / 18,
            scale[z] / 4,
            radius / 2.6,
            mass / 260,
            s / 2,
            p / 6,
            d / 10,
            f / 14,
            holes / 32,
        )
    return table


@cache
def kinship() -> Float[np.ndarray, "element element"]:
    """Factor L of a similarity matrix of elements, L Lᵀ = K + δ 1.

    K = exp(-|f - f'|² / 2) with the features f brought to mean 0 and spread 1.  Numbers per element L θ with
    independent θ are similar for similar elements; with learned θ, an element without data follows similar elements.
    """
    table = element_features()
    table = (table - table[1:].mean(0)) / table[1:].std(0)
    squared = ((table[:, None] - table[None]) ** 2).sum(-1)
    related = np.exp(-0.5 * squared)
    related[0, 1:] = related[1:, 0] = 0  # the row of no element
    factor: np.ndarray = np.linalg.cholesky(related + OF_ITS_OWN * np.eye(len(table)))
    return factor
