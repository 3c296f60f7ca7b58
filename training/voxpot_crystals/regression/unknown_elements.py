"""Uncertainty of crystals with elements that are not in the training data.

The expected error is that of the split by element, which holds out crystals with some
elements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from voxpot_crystals.regression.elements import HEAVIEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from jaxtyping import Bool, Float
    from torch import Tensor

__all__ = ["UnknownElements"]


@dataclass(frozen=True, slots=True)
class UnknownElements:
    """Elements of the training data, and the expected error for crystals with others."""

    seen: Bool[np.ndarray, " element"]  # by Z
    error: float = 0.0  # root mean square, in the unit of the target (or of its logarithm); 0 if not measured

    @classmethod
    def of(cls, atoms: Sequence[Atoms]) -> UnknownElements:
        """From the training crystals."""
        seen = np.zeros(HEAVIEST + 1, bool)
        for crystal in atoms:
            seen[crystal.numbers] = True
        return cls(seen)

    def among(self, atoms: Sequence[Atoms]) -> Bool[np.ndarray, " crystal"]:
        """Mask of crystals with an unknown element."""
        return np.array([not self.seen[crystal.numbers].all() for crystal in atoms], bool)

    def widened(self, atoms: Sequence[Atoms], sigma: Float[np.ndarray, " crystal"]) -> Float[np.ndarray, " crystal"]:
        """Uncertainties, for crystals with unknown elements at least the expected error."""
        return np.where(self.among(atoms), np.maximum(sigma, self.error), sigma)

    def tensors(self) -> dict[str, Tensor]:
        """For a model file."""
        return {
            "strangers.seen": torch.from_numpy(self.seen).float(),
            "strangers.error": torch.tensor(self.error, dtype=torch.float64),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> UnknownElements:
        """From a model file; without entry, all elements are known."""
        if "strangers.seen" not in tensors:
            return cls(np.ones(HEAVIEST + 1, bool))
        return cls(tensors["strangers.seen"].numpy() > 0, float(tensors["strangers.error"]))
