"""Elements that training has not seen: predictions go on, by their likeness to others, but are less certain.

How much less is measured: the split by element leaves crystals with some elements out, and the errors
there are those to be expected.
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
    """Which elements training has seen, and the error to expect where there is another."""

    seen: Bool[np.ndarray, " element"]  # by Z
    error: float = 0.0  # root mean square, in the unit of the target (or of its logarithm); 0 if never tried

    @classmethod
    def of(cls, atoms: Sequence[Atoms]) -> UnknownElements:
        """Everything that some crystals do not hold."""
        seen = np.zeros(HEAVIEST + 1, bool)
        for crystal in atoms:
            seen[crystal.numbers] = True
        return cls(seen)

    def among(self, atoms: Sequence[Atoms]) -> Bool[np.ndarray, " crystal"]:
        """Whether a crystal holds an element that is not known."""
        return np.array([not self.seen[crystal.numbers].all() for crystal in atoms], bool)

    def widened(self, atoms: Sequence[Atoms], sigma: Float[np.ndarray, " crystal"]) -> Float[np.ndarray, " crystal"]:
        """Uncertainties, of crystals with strangers at least the error to expect."""
        return np.where(self.among(atoms), np.maximum(sigma, self.error), sigma)

    def tensors(self) -> dict[str, Tensor]:
        """For a model file."""
        return {
            "strangers.seen": torch.from_numpy(self.seen).float(),
            "strangers.error": torch.tensor(self.error, dtype=torch.float64),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> UnknownElements:
        """From a model file; one that does not say knows all."""
        if "strangers.seen" not in tensors:
            return cls(np.ones(HEAVIEST + 1, bool))
        return cls(tensors["strangers.seen"].numpy() > 0, float(tensors["strangers.error"]))
