"""Trainings of a potential by an optimiser that the schedule of a config does not know."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from voxpot_training.potential.rivals.kalman import Kalman
from voxpot_training.potential.rivals.muon import Muon
from voxpot_training.potential.train import PotentialTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from jaxtyping import Bool
    from torch import Tensor

    from ase_voxpot.potential import Potential
    from voxpot_training.config import TrainConfig
    from voxpot_training.potential.batches import Batch, Example

__all__ = ["RIVALS", "KalmanTask", "MuonTask"]

GROUPS = 4
"""Of the atoms of a batch, each of which is a measurement of forces."""
NOISE = 0.1
"""eV/Å, standard deviation of one component of a force."""
BLOCK = 128
"""Most weights in a block of the covariance; with those of RLEKF, 5120, that of 100,000 weights takes 2 GB."""


class MuonTask(PotentialTask):
    """Training by Muon."""

    optimiser = staticmethod(Muon)


@dataclass(frozen=True, slots=True)
class Measurement:
    """The energies of a batch, or the forces on some of its atoms."""

    batch: Batch
    atoms: Bool[np.ndarray, " atom"] | None = None  # None for energies


class KalmanTask(PotentialTask):
    """Training by the Kalman filter: of every batch the energies, then the forces on groups of its atoms.

    Virials, and the weights of frames and of the loss, do not take part.  Checkpoints are without the covariance, so
    that a training that was interrupted goes on with that of the beginning.  For one process.
    """

    noise = 0.01
    """eV/atom, standard deviation of one energy."""

    def __init__(
        self, potential: Potential, train: Sequence[Example], valid: Sequence[Example], config: TrainConfig
    ) -> None:
        super().__init__(potential, train, valid, config)
        self.batches_per_epoch *= 1 + GROUPS
        self._error = 0.0

    def optimiser(self, parameters: Iterable[Tensor], *, lr: float, weight_decay: float) -> Kalman:
        """The filter, which reads the error of the last ``loss``."""
        return Kalman(parameters, error=lambda: self._error, lr=lr, block=BLOCK, weight_decay=weight_decay)

    def batches(self, epoch: int) -> Iterator[Measurement]:  # type: ignore[override]
        """The measurements of an epoch."""
        rng = np.random.default_rng([self._config.seed, epoch, GROUPS])
        for batch in super().batches(epoch):
            yield Measurement(batch)
            group = rng.permutation(len(batch.owner)) % GROUPS
            for number in range(GROUPS):
                yield Measurement(batch, group == number)

    def loss(self, batch: Measurement, progress: float) -> tuple[Tensor, dict[str, float]]:  # type: ignore[override]
        """Mean error in units of its standard deviation, and mean errors in meV/atom and meV/Å."""
        known = batch.batch
        result = self._predict(self.network, known, train=True)
        energies, forces = (result.energy - known.energy).abs(), (result.forces - known.forces).abs()
        errors, noise = (energies, self.noise) if batch.atoms is None else (forces[batch.atoms], NOISE)
        found = errors.mean() * (math.sqrt(errors.numel()) / noise)
        self._error = float(found.detach())
        return found, {"energy": 1e3 * float(energies.detach().mean()), "force": 1e3 * float(forces.detach().mean())}

    def unsound(self, batch: Measurement) -> str:  # type: ignore[override]
        """As of ``PotentialTask``."""
        return super().unsound(batch.batch)


class EnergeticKalmanTask(KalmanTask):
    """With energies ten times as certain."""

    noise = 0.001


RIVALS: dict[str, type[PotentialTask]] = {
    "kalman": KalmanTask,
    "kalman-energies": EnergeticKalmanTask,
    "muon": MuonTask,
}
"""Trainings by the name of the optimiser."""
