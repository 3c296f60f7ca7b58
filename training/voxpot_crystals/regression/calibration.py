"""Linear part of a target, which the networks do not learn, and its scale.

The linear part is a ridge regression on the shares of the elements, or the mean.  Slopes have a
Gaussian prior with ``kinship`` as its covariance, so that an element without data gets
the slope of similar elements.

The edge of a perovskite follows from its bonds: a line in r_B + r_X and r_A + r_X, sums of Shannon's ionic
radii.  It is fitted to calculated crystals alone where these support measured ones, so that the
prediction for a measured crystal does not depend on its label.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from voxpot_crystals.regression.composition import fractions
from voxpot_crystals.regression.elements import kinship
from voxpot_crystals.regression.ionic import sums_of_radii

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["Calibration"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """``target = mean + shares · slope + sums of radii · bonds + spread × what the networks say``."""

    mean: float
    slope: Float[np.ndarray, " element"]  # per share of an element, by Z
    spread: float
    bonds: Float[np.ndarray, " 2"] = field(default_factory=lambda: np.zeros(2))  # per Å of r_B + r_X and of r_A + r_X

    @classmethod
    def of(
        cls, atoms: Sequence[Atoms], target: Float[np.ndarray, " crystal"], offset: str, ridge: float = 1e-2
    ) -> Calibration:
        """From the crystals to train on; ``offset`` and ``ridge`` as in ``RegressionConfig``."""
        shares, mean = fractions(atoms), float(target.mean())
        slope, bonds = np.zeros(shares.shape[1]), np.zeros(2)
        if offset == "radii":
            mean, bonds = _line(atoms, target)
        if offset == "composition":
            shared = (shares - shares.mean(0)) @ kinship()
            free = np.linalg.solve(shared.T @ shared + ridge * np.eye(len(slope)), shared.T @ (target - mean))
            slope = kinship() @ free
            mean -= float(shares.mean(0) @ slope)
        rest = target - cls(mean, slope, 1.0, bonds).known(atoms)
        return cls(mean, slope, max(float(rest.std()), 1e-12), bonds)

    def known(self, atoms: Sequence[Atoms]) -> Float[np.ndarray, " crystal"]:
        """The linear part."""
        known = self.mean + fractions(atoms) @ self.slope
        return np.asarray(known + sums_of_radii(atoms) @ self.bonds if self.bonds.any() else known)

    def down(self, atoms: Sequence[Atoms], target: Float[np.ndarray, " crystal"]) -> Float[np.ndarray, " crystal"]:
        """Standardised residual of a target, learned by the networks."""
        return (target - self.known(atoms)) / self.spread

    def tensors(self) -> dict[str, Tensor]:
        """For a model file."""
        return {
            "yardstick.mean": torch.tensor([self.mean, self.spread], dtype=torch.float64),
            "yardstick.slope": torch.from_numpy(self.slope),
            "yardstick.bonds": torch.from_numpy(self.bonds),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Calibration:
        """From a model file."""
        mean, spread = tensors["yardstick.mean"].tolist()
        bonds = tensors.get("yardstick.bonds", torch.zeros(2))
        return cls(mean, tensors["yardstick.slope"].double().numpy(), spread, bonds.double().numpy())


def _line(atoms: Sequence[Atoms], target: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean and bonds, by the supporting crystals if there are any; robust against failed calculations."""
    from sklearn.linear_model import HuberRegressor

    support = np.array([bool(a.info.get("support")) for a in atoms])
    rows = np.flatnonzero(support) if support.any() else np.arange(len(atoms))
    line = HuberRegressor(max_iter=1000).fit(sums_of_radii([atoms[k] for k in rows.tolist()]), target[rows])
    return float(line.intercept_), np.asarray(line.coef_, float)
