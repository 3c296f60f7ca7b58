"""Inputs of the networks from crystals: prepared once, rotated and collated batch by batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from voxpot_crystals.regression.voxelnet.grids import field_of, pairs_of, voxels_of
from voxpot_crystals.regression.voxelnet.reciprocal import spectrum_of
from voxpot_crystals.regression.voxelnet.shells import powder_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float, Int
    from torch import Tensor

    from voxpot_crystals.regression.voxelnet.reciprocal import Spectrum
    from voxpot_crystals.regression.voxelnet.shells import Powder
    from voxpot_crystals.regression.voxelnet.spec import ShellReader, VoxelReader

__all__ = ["ShellBatch", "Visible", "VoxelBatch", "pack_shells", "paint", "powder_seen", "visible"]


@dataclass(frozen=True, slots=True)
class Visible:
    """A crystal in reciprocal space, for voxels in any orientation."""

    spectrum: Spectrum
    field: Float[np.ndarray, "channel vector"]
    numbers: Int[np.ndarray, "channel 2"]  # Z of the two elements whose channel it is; twice the same for moduli


@dataclass(frozen=True, slots=True)
class VoxelBatch:
    """Voxels of crystals, padded to the largest number of channels."""

    numbers: Tensor  # crystal, channel, 2; 0 where there is none
    voxels: Tensor  # crystal, channel, n, n, n


@dataclass(frozen=True, slots=True)
class ShellBatch:
    """Powder spectra, padded to the largest number of elements."""

    numbers: Tensor  # crystal, element; 0 where there is none
    share: Tensor  # crystal, element
    volume: Tensor  # crystal: log of the volume per atom over 10 Å³
    pair: Tensor  # crystal, pair, 2
    there: Tensor  # crystal, pair: 1, or 0 where there is none
    scattered: Tensor  # crystal, pair, shell, harmonic


def visible(atoms: Atoms, reader: VoxelReader) -> Visible:
    """The part of the features that does not depend on orientation."""
    spectrum = spectrum_of(atoms, radius=reader.window.radius, width=reader.window.width)
    numbers = spectrum.numbers
    both = pairs_of(len(numbers)) if reader.window.field == "cross" else np.arange(len(numbers))[:, None].repeat(2, 1)
    return Visible(spectrum, field_of(spectrum, reader.window), numbers[both])


def turns_of(count: int, turn: np.random.Generator | int | None) -> Float[np.ndarray, "crystal 3 3"]:
    """Rotations: none, one of its own for every crystal, or the same of that number for all."""
    if turn is None:
        return np.broadcast_to(np.eye(3), (count, 3, 3))
    if isinstance(turn, int):
        one = Rotation.random(rng=np.random.default_rng(turn)).as_matrix()
        return np.broadcast_to(one, (count, 3, 3))
    return np.asarray(Rotation.random(count, rng=turn).as_matrix())


def paint(items: Sequence[Visible], reader: VoxelReader, turn: np.random.Generator | int | None) -> VoxelBatch:
    """Crystals on the grid, rotated by ``turns_of``."""
    most, n = max(len(i.field) for i in items), reader.window.n
    numbers = np.zeros((len(items), most, 2), np.int64)
    voxels = np.zeros((len(items), most, n, n, n), np.float32)
    for row, (item, rotation) in enumerate(zip(items, turns_of(len(items), turn), strict=True)):
        voxels[row, : len(item.field)] = voxels_of(item.spectrum, reader.window, rotation, field=item.field)
        numbers[row, : len(item.numbers)] = item.numbers
    return VoxelBatch(torch.from_numpy(numbers), torch.from_numpy(voxels))


def powder_seen(atoms: Atoms, reader: ShellReader) -> Powder:
    """The powder spectra of a crystal."""
    radius = reader.reach * (1 + 1 / reader.shells)
    spectrum = spectrum_of(atoms, radius=radius, width=reader.width)
    return powder_of(spectrum, shells=reader.shells, reach=reader.reach, degree=reader.degree)


def pack_shells(items: Sequence[Powder]) -> ShellBatch:
    """Spectra side by side."""
    elements, pairs = max(len(i.numbers) for i in items), max(len(i.pair) for i in items)
    numbers = np.zeros((len(items), elements), np.int64)
    share = np.zeros((len(items), elements), np.float32)
    pair = np.zeros((len(items), pairs, 2), np.int64)
    there = np.zeros((len(items), pairs), np.float32)
    scattered = np.zeros((len(items), pairs, *items[0].scattered.shape[1:]), np.float32)
    for row, item in enumerate(items):
        numbers[row, : len(item.numbers)] = item.numbers
        share[row, : len(item.share)] = item.share
        pair[row, : len(item.pair)] = item.pair
        there[row, : len(item.pair)] = 1
        scattered[row, : len(item.pair)] = item.scattered
    volume = np.log(np.array([i.volume for i in items], np.float32) / 10)
    return ShellBatch(*map(torch.from_numpy, (numbers, share, volume, pair, there, scattered)))
