"""How much voxels change when a crystal turns: what no grid is free of, as a number.

A turn moves what is painted, so that two pictures cannot be compared voxel by voxel.  What ought to
stay is how much lies how far from the centre: the profile over shells one voxel thick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.transform import Rotation

from voxpot_training.voxelnet.grids import voxels_of

if TYPE_CHECKING:
    from jaxtyping import Float

    from voxpot_training.voxelnet.grids import Window
    from voxpot_training.voxelnet.reciprocal import Spectrum

__all__ = ["profile_of", "rotation_error"]


def profile_of(voxels: Float[np.ndarray, "channel n n n"], window: Window) -> Float[np.ndarray, "channel shell"]:
    """Sums over voxels at about the same distance from g = 0, up to the faces of the cube."""
    if window.shape == "spherical":
        return voxels.sum((2, 3))[:, : int(window.n / np.sqrt(3))]
    axis = np.arange(window.n) + 0.5 - window.n / 2
    distance = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    shell = np.minimum(distance.astype(int), window.n // 2)
    return np.stack([np.bincount(shell.ravel(), v.ravel())[: window.n // 2] for v in voxels])


def rotation_error(spectrum: Spectrum, window: Window, rng: np.random.Generator, turns: int = 20) -> float:
    """Root mean square change of the profile under random turns, relative to its own.

    Args:
        spectrum: of a crystal, over the radius of the window.
        window: the grid.
        rng: draws the turns.
        turns: how many.
    """
    rotations = Rotation.random(turns, rng=rng).as_matrix()
    found = np.stack([profile_of(voxels_of(spectrum, window, r), window) for r in rotations])
    return float(np.sqrt(found.var(0).mean() / (found**2).mean()))
