"""Batches of crystals as density maps, and their augmentation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from voxpot_crystals.latent.voxel_vae.config import Augmentation
    from voxpot_crystals.latent.voxel_vae.maps import Crystal, Viewer

__all__ = ["INSIDE", "Batch", "collate", "varied"]

INSIDE = 1.2
"""Widths around an atom within which voxels have its element as label."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Density maps of some crystals and their labels."""

    maps: Tensor  # crystal channel n n n
    labels: Tensor  # crystal n n n: species, or their number for none
    lattice: Tensor  # crystal 6
    shares: Tensor  # crystal species, of the atoms


def collate(crystals: Sequence[Crystal], viewer: Viewer) -> Batch:
    """Compute the maps."""
    maps, labels, shares = [], [], []
    for crystal in crystals:
        bumps = viewer.bumps(crystal)
        maps.append(viewer.paint(bumps, crystal.kinds).astype(np.float32))
        inside = bumps.max(axis=0) >= np.exp(-0.5 * INSIDE**2)
        labels.append(np.where(inside, crystal.kinds[bumps.argmax(axis=0)], len(viewer.species)))
        shares.append(np.bincount(crystal.kinds, minlength=len(viewer.species)) / len(crystal.kinds))
    return Batch(
        maps=torch.from_numpy(np.array(maps)),
        labels=torch.from_numpy(np.array(labels)),
        lattice=torch.from_numpy(np.array([c.lattice for c in crystals])).float(),
        shares=torch.from_numpy(np.array(shares)).float(),
    )


def varied(crystal: Crystal, how: Augmentation, species: int, rng: np.random.Generator) -> Crystal:
    """The crystal with other elements, exchanged axes, a little strain and noise; each by its share."""
    kinds, fractions, cell = crystal.kinds, crystal.fractions, crystal.cell
    if rng.random() < how.substitute:
        kinds = rng.permutation(species)[kinds]
    if rng.random() < how.turn:
        axes, sign = rng.permutation(3), rng.choice([-1, 1], 3)
        fractions, cell = fractions[:, axes] * sign, cell[axes] * sign[:, None]
    strain = rng.normal(scale=how.strain / 3, size=(3, 3))
    cell = cell @ (np.eye(3) * np.exp(rng.normal(scale=how.strain)) + (strain + strain.T) / 2)
    noise = rng.normal(scale=how.shake, size=fractions.shape)
    noise[np.linalg.norm(fractions - np.round(fractions), axis=1) < 1e-9] = 0  # the origin stays on its atom
    return replace(crystal, kinds=kinds, fractions=(fractions + noise @ np.linalg.inv(cell)) % 1.0, cell=cell)
