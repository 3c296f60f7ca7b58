"""Huber loss on energies, forces and virials, to limit the weight of large errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import huber_loss

if TYPE_CHECKING:
    from torch import Tensor

    from voxpot_training.config import LossConfig
    from voxpot_training.potential.batches import Batch, Prediction

__all__ = ["potential_loss"]


def _huber(error: Tensor, weight: Tensor, delta: float) -> Tensor:
    """Weighted mean of error²/2δ below δ, of |error| - δ/2 beyond; ``weight`` per row."""
    size = huber_loss(error, torch.zeros_like(error), delta=delta, reduction="none") / delta
    total: Tensor = (size.reshape(len(weight), -1).mean(1) * weight).mean()
    return total


def potential_loss(result: Prediction, batch: Batch, config: LossConfig, progress: float) -> Tensor:
    """One number from a batch.

    Args:
        result: energies per atom in eV, forces in eV/Å and virials per atom in eV.
        batch: the labels, less the baseline, and the weights of the frames.
        config: weights per eV/atom, eV/Å and eV/atom, and the deltas.
        progress: 0 at the start of the training, 1 at its end.
    """
    energy = config.energy * (config.energy_final / config.energy) ** progress
    loss = energy * _huber(result.energy - batch.energy, batch.energy_weight, config.energy_delta)
    loss = loss + config.force * _huber(
        result.forces - batch.forces, batch.weight[torch.from_numpy(batch.owner)], config.force_delta
    )
    return loss + config.virial * _huber(result.virial - batch.virial, batch.virial_weight, config.virial_delta)
