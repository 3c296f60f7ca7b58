"""Stresses and virials as six or nine numbers.

The virial of a data set is that of GAP/QUIP, GPUMD and nequip, virial = -volume × stress, with ASE's stress, which is
positive under tension.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["stress_of_virial", "voigt_of"]


def voigt_of(values: np.ndarray) -> Float[np.ndarray, " 6"] | None:
    """Six numbers, nine numbers or a matrix as xx yy zz yz xz xy; matrices are symmetrised; None of other shapes.

    >>> voigt_of(np.array([[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]])).tolist()
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    """
    if values.shape == (6,):
        return values
    if values.size != 9:
        return None
    full = values.reshape(3, 3)
    full = (full + full.T) / 2
    return full[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def stress_of_virial(virial: np.ndarray, *, volume: float, sign: int = -1) -> Float[np.ndarray, " 6"] | None:
    """ASE's stress in eV/Å³.

    Args:
        virial: eV, in any of the shapes of ``voigt_of``; six are xx yy zz yz xz xy.
        volume: Å³.
        sign: of stress over virial; -1 by the convention above.

    >>> float(stress_of_virial(np.array([8.0, 0, 0, 0, 0, 0]), volume=16.0)[0])
    -0.5
    """
    six = voigt_of(virial)
    return None if six is None else sign * six / volume
