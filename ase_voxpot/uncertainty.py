"""Uncertainty of energies and forces, from the last layer of the network.

The last layer is linear in its inputs h, so that the posterior of its weights is known in
closed form (Bigi, Chong, Ceriotti and Grasselli, Mach. Learn.: Sci. Technol. 5, 045018, 2024).
With φ_i = (h_i, 1) in the block of the element of atom i and zero in the other blocks,

    φ_A = Σ_i φ_i,   s_A = |R φ_A| / n_A,   s_i = |R φ_i|

are the standard deviations of the energy per atom of a structure and of the energy of one
atom; RᵀR is the covariance of the weights.  Reported uncertainties are calibrated powers of them,

    σ_A = n_A c s_A^d,   σ_i = c s_i^d

because a linear layer overestimates the uncertainty outside the training data; ``extrapolation``
is the ratio of the s to the largest of the validation frames.  The network is not changed; free atoms
are as uncertain as any other environment outside the training data.

The uncertainty of a force component is a calibrated power of the distance u of the atom from the
training data, with a lower exponent beyond a bend u₀, as errors grow more slowly than u there:

    u_i = |L_Z φ_i|,   σ_F,i = a u_i^b up to the bend u₀,   a u₀^b (u_i / u₀)^b' beyond

with one L per element from the atoms of the training frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import ArchitectureError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jaxtyping import Float, Int

__all__ = ["Calibration", "Estimate", "Uncertainty", "append_bias", "block_root"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Scalar parameters of the uncertainty, from the validation frames."""

    energy_limit: float  # eV/atom, the largest s_A
    atom_limit: float  # eV, the largest s_i
    force_scale: float  # eV/Å, the factor a
    force_power: float  # the exponent b
    noise: float  # eV/atom, RMS error in training
    factor: float  # scale of the posterior
    ridge: float  # of the prior, relative to the information in the data
    energy_scale: float = 1.0  # the factor c, (eV/atom)^(1 - d)
    energy_power: float = 1.0  # the exponent d
    force_bend: float | None = None  # u₀, if there is one
    force_beyond: float = 1.0  # the exponent b'

    def force_sigma(self, unusual: Float[np.ndarray, " atom"]) -> Float[np.ndarray, " atom"]:
        """σ_F in eV/Å from the distances u (``unusual``)."""
        bend = np.inf if self.force_bend is None else self.force_bend
        sigma = self.force_scale * np.minimum(unusual, bend) ** self.force_power
        return np.asarray(sigma * np.maximum(unusual / bend, 1.0) ** self.force_beyond)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Standard deviations of the results for one structure."""

    energy: float  # eV, of the total energy
    energies: Float[np.ndarray, " atom"]  # eV, of every atom; correlated, so that they do not add up
    forces: Float[np.ndarray, " atom"]  # eV/Å, of a component of the force on every atom
    extrapolation: float  # relative to the most uncertain of the validation frames and atoms


def append_bias(features: Float[np.ndarray, "atom feature"]) -> Float[np.ndarray, "atom input"]:
    """φ of every atom within the block of its element: the features, and a one."""
    return np.concatenate([features, np.ones((len(features), 1))], axis=1, dtype=float)


def block_root(covariance: Float[np.ndarray, "row row"]) -> Float[np.ndarray, "row row"]:
    """R with RᵀR = covariance, for a symmetric matrix whose small eigenvalues may be rounded below zero."""
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    return np.sqrt(values.clip(min=0))[:, None] * vectors.T


class Uncertainty:
    """The matrices of one potential, in float64."""

    def __init__(
        self,
        root: Float[np.ndarray, "row row"],
        local: Float[np.ndarray, "species input input"],
        calibration: Calibration,
    ) -> None:
        """Use matrices and calibration made by ``voxpot_training.potential.uncertainty``.

        Args:
            root: R, in eV, over the blocks of all species.
            local: L of every species.
            calibration: scalar parameters.

        Raises:
            ArchitectureError: inconsistent shapes, or a number is not finite.
        """
        species, width = local.shape[:2]
        if local.shape != (species, width, width) or root.shape != (species * width,) * 2:
            raise ArchitectureError(
                f"uncertainty: expected a square matrix over {species} species with {width} inputs each, "
                f"got shapes {root.shape} and {local.shape}; compute it anew"
            )
        if not (np.isfinite(root).all() and np.isfinite(local).all()):
            raise ArchitectureError("uncertainty: expected finite matrices, got NaN or infinity; compute it anew")
        self.root, self.local = np.asarray(root, float), np.asarray(local, float)
        self.calibration = calibration
        self.width = width - 1

    @cached_property
    def _both(self) -> Float[np.ndarray, "species width twice"]:
        """R and L of every species side by side, for one matrix product; computed on first use."""
        blocks = np.split(self.root, len(self.local), axis=1)
        own = np.stack([block_root(block.T @ block) for block in blocks])
        return np.concatenate([own, self.local], axis=1).transpose(0, 2, 1).copy()

    @property
    def covariance(self) -> Float[np.ndarray, "row row"]:
        """RᵀR in eV²."""
        return self.root.T @ self.root

    def sum_of(
        self, features: Float[np.ndarray, "atom feature"], species: Int[np.ndarray, " atom"]
    ) -> Float[np.ndarray, " row"]:
        """φ_A of a structure."""
        inputs = append_bias(features)
        return np.concatenate([inputs[species == kind].sum(axis=0) for kind in range(len(self.local))])

    def of_features(self, features: Float[np.ndarray, "atom feature"], species: Int[np.ndarray, " atom"]) -> Estimate:
        """The uncertainties of a structure, from the inputs of the last layer for its atoms."""
        energies, unusual = self._distances(features, species)
        energy = float(np.linalg.norm(self.root @ self.sum_of(features, species))) / len(species)
        known, count = self.calibration, len(species)
        return Estimate(
            energy=count * known.energy_scale * energy**known.energy_power,
            energies=known.energy_scale * energies**known.energy_power,
            forces=known.force_sigma(unusual),
            extrapolation=float(max(energy / known.energy_limit, energies.max() / known.atom_limit)),
        )

    def of_atoms(
        self, features: Float[np.ndarray, "atom feature"], species: Int[np.ndarray, " atom"]
    ) -> Float[np.ndarray, "atom 3"]:
        """Of every atom alone: extrapolation, standard deviation of its energy in eV, of its forces in eV/Å.

        The extrapolation is relative to the most uncertain atom of the validation frames.
        """
        energies, unusual = self._distances(features, species)
        known = self.calibration
        sigma = known.energy_scale * energies**known.energy_power
        return np.stack([energies / known.atom_limit, sigma, known.force_sigma(unusual)], axis=1)

    def _distances(
        self, features: Float[np.ndarray, "atom feature"], species: Int[np.ndarray, " atom"]
    ) -> tuple[Float[np.ndarray, " atom"], Float[np.ndarray, " atom"]]:
        """s_i and u_i of every atom."""
        energies, unusual = np.empty(len(species)), np.empty(len(species))
        for kind in range(len(self.local)):
            mine = np.flatnonzero(species == kind)
            found = append_bias(features[mine]) @ self._both[kind]
            found *= found
            energies[mine] = np.sqrt(found[:, : self.width + 1].sum(axis=1))
            unusual[mine] = np.sqrt(found[:, self.width + 1 :].sum(axis=1))
        return energies, unusual

    def tensors(self) -> dict[str, np.ndarray]:
        """Tensors for a model file, float32."""
        return {"root": self.root.astype(np.float32, order="C"), "local": self.local.astype(np.float32, order="C")}

    @staticmethod
    def from_tensors(tensors: Mapping[str, np.ndarray], calibration: Calibration) -> Uncertainty:
        """The uncertainty stored in a model file.

        Raises:
            ArchitectureError: tensors are missing or have inconsistent shapes.
        """
        if set(tensors) != {"root", "local"} or tensors["local"].ndim != 3:
            raise ArchitectureError(
                f"uncertainty: expected the tensors root and local, got {', '.join(sorted(tensors)) or 'none'}"
            )
        return Uncertainty(tensors["root"], tensors["local"], calibration)
