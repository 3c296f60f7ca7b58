"""Fingerprints: how much of the Hirshfeld surfaces lies at which (d_i, d_e).

A fingerprint is a two-dimensional histogram of the distances to the nucleus inside and to
the nearest nucleus outside (Spackman and McKinnon, CrystEngComm 4, 378 (2002)), here in
units of area, so that it does not depend on how finely the surface is sampled.  Area
outside the range of the histogram is reported with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ase_voxpot.errors import SpecError

if TYPE_CHECKING:
    from jaxtyping import Float

    from voxpot_crystals.regression.hirshfeld.surface import Surfaces

__all__ = ["Bins", "Fingerprint", "fingerprint", "site_fingerprints"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """The same bins along both axes; the default is that of Williams et al. (2020).

    >>> round(Bins().width, 4)
    0.0408
    """

    low: float = 0.76  # Å
    high: float = 2.8  # Å
    count: int = 50
    soft: bool = False  # share a point among the four nearest bins, in proportion to nearness

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high < np.inf:
            raise SpecError(f"bins must go from a lower to a higher distance in Å, got {self.low} to {self.high}")
        if self.count < 2:
            raise SpecError(f"bins.count must be at least 2, got {self.count}")

    @property
    def width(self) -> float:
        """Å, of one bin."""
        return (self.high - self.low) / self.count

    @property
    def edges(self) -> Float[np.ndarray, " edge"]:
        """Å, one more than bins."""
        return np.linspace(self.low, self.high, self.count + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """A histogram of area over (d_i, d_e)."""

    image: Float[np.ndarray, "inside outside"]  # Å²
    missed: float  # Å², beyond the range of the bins
    bins: Bins

    @property
    def area(self) -> float:
        """Å², in the image and beyond it."""
        return float(self.image.sum()) + self.missed


def fingerprint(
    surfaces: Surfaces, bins: Bins | None = None, *, weighting: Literal["atoms", "sites"] = "atoms"
) -> Fingerprint:
    """The fingerprint of a whole crystal.

    Args:
        surfaces: of all its sites.
        bins: range and number of bins.
        weighting: ``atoms``, the mean over all atoms, which changes smoothly when a distortion lifts a
            symmetry; or ``sites``, the sum over the sites that symmetry does not relate, as published.
    """
    bins = Bins() if bins is None else bins
    weight = np.array([site.multiplicity for site in surfaces.sites], float)
    weight = weight / weight.sum() if weighting == "atoms" else np.ones(len(weight))
    images, missed = site_fingerprints(surfaces, bins)
    return Fingerprint(image=np.tensordot(weight, images, 1), missed=float(weight @ missed), bins=bins)


def site_fingerprints(
    surfaces: Surfaces, bins: Bins
) -> tuple[Float[np.ndarray, "site inside outside"], Float[np.ndarray, " site"]]:
    """One histogram per site, for one atom of its kind.

    Returns:
        Areas in Å², and the area of every site that lies beyond the bins.
    """
    n, sites = bins.count, len(surfaces.sites)
    x, y = ((d - bins.low) / bins.width for d in (surfaces.inside, surfaces.outside))
    within = (x >= 0) & (x < n) & (y >= 0) & (y < n)
    missed = np.bincount(surfaces.site[~within], surfaces.area[~within], minlength=sites)
    x, y, area, site = x[within], y[within], surfaces.area[within], surfaces.site[within]
    images = np.zeros(sites * n * n)
    for i, wi in _shares(x, n, bins.soft):
        for j, wj in _shares(y, n, bins.soft):
            images += np.bincount((site * n + i) * n + j, area * wi * wj, minlength=len(images))
    return images.reshape(sites, n, n), missed


def _shares(u: Float[np.ndarray, " point"], n: int, soft: bool) -> tuple[tuple[np.ndarray, np.ndarray | float], ...]:
    """Bins along one axis, and the share that each gets of a point."""
    if not soft:
        return ((u.astype(int), 1.0),)
    left = np.floor(u - 0.5).astype(int)
    share = u - 0.5 - left
    return (np.maximum(left, 0), 1 - share), (np.minimum(left + 1, n - 1), share)
