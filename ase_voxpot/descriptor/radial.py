"""Radial functions of the density and the cutoff function.

    fade(r) = (1 - (r/r_c)²)³         twice differentiable at r_c, even in r
    f_q(r)  = fade(r) cos(π q r/r_c) exp(r²/2λ²)    q = 0 … shells-1, λ the lift

The cosines are orthogonal on [0, r_c] and even in r, so that the density is
smooth at r = 0; without a lift f_0 is the cutoff function itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["fade", "radial_functions"]


def fade(r: Float[np.ndarray, " pair"], cutoff: float) -> Float[np.ndarray, " pair"]:
    """Cutoff function (1 - (r/r_c)²)³, zero with two derivatives at ``cutoff``.

    >>> fade(np.array([0.0, 5.0, 6.0]), 5.0)
    array([1., 0., 0.])
    """
    return np.where(r < cutoff, (1 - (r / cutoff) ** 2) ** 3, 0.0)


def radial_functions(
    r: Float[np.ndarray, " pair"], cutoff: float, shells: int, lift: float | None = None
) -> tuple[Float[np.ndarray, "pair shell"], Float[np.ndarray, "pair shell"]]:
    """Weights f_q(r), dimensionless, and their derivatives f_q'(r) in 1/Å."""
    inside = np.clip(1 - (r / cutoff) ** 2, 0, None)
    phase = np.pi * np.arange(shells) / cutoff
    wave, slope = np.cos(r[:, None] * phase), -phase * np.sin(r[:, None] * phase)
    rate = 0.0 if lift is None else lift**-2
    lifted = np.exp(0.5 * rate * r**2)
    faded = inside**3 * lifted
    falling = r * (rate * faded - 6 / cutoff**2 * inside**2 * lifted)
    return faded[:, None] * wave, falling[:, None] * wave + faded[:, None] * slope
