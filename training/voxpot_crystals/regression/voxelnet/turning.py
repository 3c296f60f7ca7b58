"""Change of voxels under rotation of a crystal, the discretisation error of a grid.

Voxels of rotated crystals cannot be compared one by one.  Invariant in the limit of small voxels is, in every shell
about the centre one voxel thick, the power of each degree l of harmonics: for l = 0 how much lies there (on the
spherical grid exact, as a turn keeps r), for l = 4 how it is spread over directions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.transform import Rotation

from ase_voxpot.descriptor.harmonics import solid_harmonics
from voxpot_crystals.regression.voxelnet.grids import voxels_of

if TYPE_CHECKING:
    from jaxtyping import Float

    from voxpot_crystals.regression.voxelnet.grids import Window
    from voxpot_crystals.regression.voxelnet.reciprocal import Spectrum

__all__ = ["centres", "powers_of", "rotation_error"]


def centres(window: Window) -> Float[np.ndarray, "voxel 3"]:
    """The middles of all voxels, 1/Å."""
    axis = (np.arange(window.n) + 0.5) / window.n
    first, second, third = (a.ravel() for a in np.meshgrid(axis, axis, axis, indexing="ij"))
    if window.shape == "cartesian":
        return (2 * np.stack([first, second, third], axis=1) - 1) * window.reach
    r, polar, azimuth = first * window.radius, second * np.pi, (2 * third - 1) * np.pi
    flat = r * np.sin(polar)
    return np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), r * np.cos(polar)], axis=1)


def powers_of(
    voxels: Float[np.ndarray, "channel n n n"], window: Window, degree: int
) -> Float[np.ndarray, "channel shell"]:
    """Norm over m of the sums of voxel times harmonic over shells, up to the faces of the cube."""
    middle = centres(window)
    distance = np.linalg.norm(middle, axis=1)
    thick = window.spacing if window.shape == "cartesian" else window.radius / window.n
    shell, shells = (distance / thick).astype(int), int(window.reach / thick)
    harmonics = solid_harmonics(middle / distance[:, None], degree)[:, degree**2 :].T
    sums = [
        [np.bincount(shell, y * v.ravel(), minlength=shells)[:shells] for y in harmonics] for v in voxels.astype(float)
    ]
    return np.linalg.norm(np.array(sums), axis=1)


def rotation_error(
    spectrum: Spectrum, window: Window, rng: np.random.Generator, *, degree: int, turns: int = 20
) -> float:
    """Root mean square change of the powers under random turns, relative to the powers themselves.

    Args:
        spectrum: of a crystal, over the radius of the window.
        window: the grid.
        rng: draws the turns.
        degree: l of the harmonics.
        turns: how many.
    """
    rotations = Rotation.random(turns, rng=rng).as_matrix()
    found = np.stack([powers_of(voxels_of(spectrum, window, r), window, degree) for r in rotations])
    return float(np.sqrt(found.var(0).mean() / (found**2).mean()))
