"""A Gaussian process on the ions of a perovskite ABX3, for few crystals.

Columns, in about their spreads over known perovskites: r_B + r_X and r_A + r_X, which fix the edge (V. M. Goldschmidt,
Naturwissenschaften 14, 477 (1926)); r_X; the tolerance factor, below which octahedra tilt; the charge of B, with which
bonds get shorter than radii say; the electronegativities of A, B and X; and the d electrons of B.

    K = 16 (1 + z · z') + α exp(-d² / 2)

with z the first two columns, and d the distance of all, with a length for every one.  Labels of another source
(calculations beside experiments) are modelled as the quantity plus a smooth difference of the same kind.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from ase.data import atomic_numbers

from ase_voxpot.errors import UnknownElementError
from voxpot_crystals.regression.elements import electronegativities, valence
from voxpot_crystals.regression.gaussian import LEAST_NOISE, Process, beyond_expected, squared_distances
from voxpot_crystals.regression.ionic import ions_of
from voxpot_crystals.regression.perovskites import Perovskite

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["IonKernel", "describe_ions"]

CENTRE = (2.1, 2.7, 1.5, 0.9, 3.0, 1.0, 1.5, 3.4, 3.0)
SPREAD = (0.15, 0.25, 0.2, 0.08, 1.0, 0.5, 0.5, 0.5, 3.0)
COLUMNS = len(CENTRE)
LINE = 16.0
"""Variance of the unknown mean, and of slopes."""
FIRST = (1.0, 0.3, 0.3, 0.3)
"""Variances of what bends, of the difference of sources, of noise of measured and of supporting labels."""


@lru_cache(maxsize=20_000)
def describe_ions(a_site: str, b_site: str, anion: str) -> tuple[float, ...]:
    """The columns of a perovskite.

    Raises:
        UnknownElementError: an element has no ionic radius.
    """
    ions = ions_of(Perovskite(a_site, b_site, anion, 0.0))
    if ions is None:
        raise UnknownElementError(f"expected elements that have ionic radii, got {a_site}{b_site}{anion}3")
    a, b, x = ions.radii
    chi = electronegativities()[[atomic_numbers[s] for s in (a_site, b_site, anion)]].tolist()
    return b + x, a + x, x, (a + x) / (b + x) / 2**0.5, ions.charges[1], *chi, _d_electrons(b_site, ions.charges[1])


def _d_electrons(symbol: str, charge: float) -> float:
    """Of a cation of the transition metals, zinc and its group among them; 0 of others."""
    _, _, s, p, d, _ = valence(atomic_numbers[symbol])
    return max(d + s - charge, 0.0) if d and not p else 0.0


class IonKernel(Process):
    """The process on ``describe_ions`` and on whether a label supports others."""

    outlying = staticmethod(beyond_expected)
    prior = 1.0  # few crystals

    def __init__(self, capacity: int) -> None:
        """Allocate arrays for so many training crystals."""
        lengths = [3.0] * (2 * COLUMNS)
        first = torch.tensor([*lengths, *FIRST], dtype=torch.float64)
        super().__init__(capacity, COLUMNS + 1, first.log())

    def covariance(
        self, scales: Float[Tensor, " scale"], left: Float[Tensor, "n column"], right: Float[Tensor, "m column"]
    ) -> Float[Tensor, "n m"]:
        """K, and of supporting labels that of their difference on top."""
        value, centre, spread = scales.exp(), torch.tensor(CENTRE).double(), torch.tensor(SPREAD).double()
        mine, other = (left[:, :COLUMNS] - centre) / spread, (right[:, :COLUMNS] - centre) / spread

        def alike(lengths: Tensor) -> Tensor:
            return torch.exp(-squared_distances(mine / lengths, other / lengths) / 2)

        both = left[:, -1:] * right[:, -1]
        total = LINE * (1 + mine[:, :2] @ other[:, :2].T) + value[-4] * alike(value[:COLUMNS])
        return total + both * value[-3] * (1 + alike(value[COLUMNS : 2 * COLUMNS]))

    def noise(self, scales: Float[Tensor, " scale"], rows: Float[Tensor, "n column"]) -> Float[Tensor, " n"]:
        """Of the measured and of the supporting labels."""
        support, value = rows[:, -1], scales.exp()
        return value[-2] * (1 - support) + value[-1] * support + LEAST_NOISE
