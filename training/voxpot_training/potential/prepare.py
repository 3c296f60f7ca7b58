"""Preparation of a training: split of the frames, standardised inputs of the network, energies of free atoms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ase_voxpot.errors import DataError
from ase_voxpot.network.steerable import SteerableNetwork
from ase_voxpot.spec import BaselineSpec, PotentialSpec
from voxpot_training.potential.batches import collate
from voxpot_training.splits import Split, split_frames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from ase_voxpot.frames.labels import Labels
    from ase_voxpot.network.inputs import Representation
    from voxpot_training.config import ModelConfig, TrainConfig
    from voxpot_training.data import Frames
    from voxpot_training.potential.batches import Example

__all__ = ["make_spec", "split_sources", "standardise"]

FLOOR = 1e-3
"""Variance, relative to the largest, below which a direction is noise rather than signal."""


def make_spec(config: ModelConfig, frames: Sequence[Atoms], labels: Sequence[Labels]) -> PotentialSpec:
    """The spec of the potential; energies of free atoms that are not given are fitted.

    Raises:
        DataError: a fitted energy is not determined by the frames.
    """
    reference = dict(config.reference)
    open_species = [s for s in config.species if s not in reference]
    if open_species:
        symbols = [a.get_chemical_symbols() for a in frames]
        count = np.array([[s.count(x) for x in config.species] for s in symbols], dtype=float)
        known = count @ np.array([reference.get(s, 0.0) for s in config.species])
        columns = [config.species.index(s) for s in open_species]
        energy = np.array([label.energy for label in labels]) - known
        fitted, _, rank, _ = np.linalg.lstsq(count[:, columns], energy, rcond=None)
        if rank < len(columns):
            raise DataError(
                f"the frames do not determine the energies of {', '.join(open_species)} one by one; "
                "give them as model.reference"
            )
        reference |= dict(zip(open_species, map(float, fitted), strict=True))
    baseline = BaselineSpec(
        reference=tuple(reference[s] for s in config.species), zbl_inner=config.zbl_inner, zbl_outer=config.zbl_outer
    )
    return PotentialSpec(
        species=config.species, descriptor=config.descriptor, network=config.network, baseline=baseline
    )


def standardise(
    network: torch.nn.Module, examples: Sequence[Example], representation: Representation, rng: np.random.Generator
) -> None:
    """Whiten the coefficients and standardise the invariants of a steerable network.

    The channels of a neighbour are strongly correlated; they are whitened per degree, with one
    covariance for all m to keep equivariance, which improves the conditioning for
    Adam.  Other networks are not changed.
    """
    if not isinstance(network, SteerableNetwork):
        return
    chosen = [examples[k] for k in rng.permutation(len(examples))[:600]]
    like = network.mean
    with torch.no_grad():
        view = representation.deposit(collate(chosen, like).scene, like)
        for l in range(network.spec.degree + 1):
            rows = view[l * l : (l + 1) ** 2].flatten(0, 1).double()
            variance, axes = torch.linalg.eigh(rows.T @ rows / len(rows))
            variance = variance.clamp(min=0) + FLOOR * variance.max()
            network.whiten[l] = (axes / variance.sqrt()).to(like.dtype)
        seen = network.invariants(view)
        network.mean.copy_(seen.mean(0))
        network.scale.copy_(1 / (seen.std(0) + 1e-6))


def split_sources(frames: Frames, config: TrainConfig) -> Split:
    """Split of the frames; supporting frames are all for training.

    Raises:
        DataError: a required part is empty.
    """
    counting = [row for row, support in enumerate(frames.support) if not support]
    split = split_frames([frames.atoms[row] for row in counting], config.split)
    rows = {side: tuple(counting[k] for k in getattr(split, side)) for side in split.__slots__}
    rows["train"] += tuple(row for row, support in enumerate(frames.support) if support)
    if not rows["train"] or not rows["validation"]:
        raise DataError(
            f"the split leaves {len(rows['train'])} frames to train on and {len(rows['validation'])} to validate with; "
            "give more frames or change split.validation and split.holdout"
        )
    return Split(**rows)
