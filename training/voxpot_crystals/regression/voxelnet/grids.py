"""From coefficients to voxels of reciprocal space.

Two grids of n³ voxels: a cube of half-width πn/L with voxels of 2π/L, and its circumscribed ball in spherical
coordinates (r, θ, φ).  The voxels are those of the vectors Rg for a rotation R, as the orientation of a crystal is
arbitrary, and depend on R.  How much depends on the binning: ``floor`` gives all of a point to the voxel it lies in,
as published; with ``soft`` the two nearest voxels of every axis share it, so that voxels are continuous in R.

The value of a point is its ``field``:

    moduli   |h_a(g)| of every element, as published.  Where the sublattices of the elements lie
             relative to each other is lost: rocksalt and zincblende become one.
    cross    Re(h_a h_b*) of every pair of elements, which knows it, and stays the same under translation;
             in units of the mean number density and of what a voxel holds on average, dimensionless.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ase_voxpot.errors import SpecError
from voxpot_crystals.regression.voxelnet.kernels import deposit_into

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from voxpot_crystals.regression.voxelnet.reciprocal import Spectrum

__all__ = ["Window", "field_of", "pairs_of", "places", "voxels_of"]

DROP, STAY, WRAP, CENTRE = 0, 1, 2, 3
"""Treatment of points beyond the ends of an axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The region of reciprocal space that is divided into ``n``³ voxels.

    >>> round(Window().reach, 3)  # 1/Å
    7.854
    """

    n: int = 32
    length: float = 12.8  # Å; a voxel of the cube is 2π/length wide
    width: float = 0.1  # Å, σ of an atom
    shape: Literal["cartesian", "spherical"] = "cartesian"
    binning: Literal["floor", "soft"] = "floor"
    field: Literal["moduli", "cross"] = "moduli"

    def __post_init__(self) -> None:
        if not 1 <= self.n <= 256:
            raise SpecError(f"window.n: expected 1 to 256 voxels per edge, got {self.n}")
        if not 1 <= self.length <= 1000:
            raise SpecError(f"window.length: expected 1 to 1000 Å, got {self.length:g}")
        if not 0 <= self.width <= 10:
            raise SpecError(f"window.width: expected 0 to 10 Å, got {self.width:g}")

    @property
    def spacing(self) -> float:
        """Edge of a voxel of the cube in 1/Å."""
        return 2 * np.pi / self.length

    @property
    def reach(self) -> float:
        """Distance from the centre to a face of the cube in 1/Å."""
        return 0.5 * self.n * self.spacing

    @property
    def radius(self) -> float:
        """Distance from the centre to a corner in 1/Å: of all that a turn may bring into the cube."""
        return float(np.sqrt(3)) * self.reach

    @property
    def edges(self) -> Int[np.ndarray, 3]:
        """What becomes of points beyond the ends of each axis."""
        return np.array([DROP, DROP, DROP] if self.shape == "cartesian" else [CENTRE, STAY, WRAP])


def pairs_of(elements: int) -> Int[np.ndarray, "pair 2"]:
    """All unordered pairs of some elements, each with itself included."""
    return np.stack(np.triu_indices(elements), axis=1)


def field_of(spectrum: Spectrum, window: Window) -> Float[np.ndarray, "channel vector"]:
    """Value of every vector: |h_a| in 1/Å³ per element, or scaled Re(h_a h_b*) per pair of elements."""
    if window.field == "moduli":
        return np.abs(spectrum.h)
    first, second = pairs_of(len(spectrum.numbers)).T
    cross = (spectrum.h[first] * spectrum.h[second].conj()).real
    return cross * ((2 * np.pi / window.spacing) ** 3 / spectrum.density.sum())


def places(g: Float[np.ndarray, "vector 3"], window: Window) -> Float[np.ndarray, "vector 3"]:
    """Coordinates of vectors on the axes of the grid, in voxels from its corner."""
    if window.shape == "cartesian":
        return (g + window.reach) / window.spacing
    r = np.linalg.norm(g, axis=1)
    polar = np.arccos(np.clip(g[:, 2] / np.where(r > 0, r, 1), -1, 1))
    azimuth = np.arctan2(g[:, 1], g[:, 0]) + np.pi
    return np.stack([r / window.radius, polar / np.pi, azimuth / (2 * np.pi)], axis=1) * window.n


def voxels_of(
    spectrum: Spectrum,
    window: Window,
    rotation: Float[np.ndarray, "3 3"] | None = None,
    *,
    field: Float[np.ndarray, "channel vector"] | None = None,
) -> Float[np.ndarray, "channel n n n"]:
    """The crystal, turned, on the grid.

    Args:
        spectrum: half of its lattice.
        window: the grid and the field.
        rotation: R, applied to g; no rotation by default.
        field: result of ``field_of``, if it is known already.
    """
    value = field_of(spectrum, window) if field is None else field
    g = spectrum.g if rotation is None else spectrum.g @ rotation.T
    out = np.zeros((len(value), window.n, window.n, window.n), np.float32)
    soft = window.binning == "soft"
    deposit_into(places(g, window), value, window.edges, soft, out)
    deposit_into(places(-g[1:], window), value[:, 1:], window.edges, soft, out)
    return out
