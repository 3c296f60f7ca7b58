"""What the networks need not learn: where the target lies, and how widely it spreads.

With a ridge on the shares of the elements, a total energy becomes what the arrangement of the
atoms adds to it; else the mean is taken off.  The slopes of elements that are alike are expected to be alike
(a Gaussian prior with ``kinship`` as its covariance), so that an element that the data do not hold gets
those of its relatives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from voxpot_training.regression.composition import fractions
from voxpot_training.regression.elements import kinship

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["Yardstick"]

RIDGE = 1e-2
"""Variance of what composition does not explain, over that of a slope."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """``target = mean + shares · slope + spread × what the networks say``."""

    mean: float
    slope: Float[np.ndarray, " element"]  # per share of an element, by Z
    spread: float

    @classmethod
    def of(cls, atoms: Sequence[Atoms], target: Float[np.ndarray, " crystal"], offset: str) -> Yardstick:
        """From the crystals to train on; ``offset`` as in ``RegressionConfig``."""
        shares, mean = fractions(atoms), float(target.mean())
        slope = np.zeros(shares.shape[1])
        if offset == "composition":
            shared = (shares - shares.mean(0)) @ kinship()
            free = np.linalg.solve(shared.T @ shared + RIDGE * np.eye(len(slope)), shared.T @ (target - mean))
            slope = kinship() @ free
            mean -= float(shares.mean(0) @ slope)
        rest = target - mean - shares @ slope
        return cls(mean, slope, max(float(rest.std()), 1e-12))

    def known(self, atoms: Sequence[Atoms]) -> Float[np.ndarray, " crystal"]:
        """The part that the networks need not learn."""
        return np.asarray(self.mean + fractions(atoms) @ self.slope)

    def down(self, atoms: Sequence[Atoms], target: Float[np.ndarray, " crystal"]) -> Float[np.ndarray, " crystal"]:
        """From a target to what the networks learn."""
        return (target - self.known(atoms)) / self.spread

    def tensors(self) -> dict[str, Tensor]:
        """For a model file."""
        return {
            "yardstick.mean": torch.tensor([self.mean, self.spread], dtype=torch.float64),
            "yardstick.slope": torch.from_numpy(self.slope),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Yardstick:
        """From a model file."""
        mean, spread = tensors["yardstick.mean"].tolist()
        return cls(mean, tensors["yardstick.slope"].double().numpy(), spread)
