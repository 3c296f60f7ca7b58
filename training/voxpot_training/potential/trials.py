"""Errors of a potential on labelled frames, and inputs of its last layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.neighbours.loops import forces_from_arrays
from ase_voxpot.neighbours.verlet import VerletList, species_indices
from ase_voxpot.uncertainty import append_bias

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Bool, Float, Int

    from ase_voxpot.frames.labels import Labels
    from ase_voxpot.potential import Potential

__all__ = ["Trial", "sum_by_species", "try_frame"]

STILL = 1e-3
"""eV/Å; smaller labels are zero by symmetry, as for any model."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Errors and inputs of one frame."""

    inputs: Float[np.ndarray, "atom input"]  # features of the last layer and a one, float32
    species: Int[np.ndarray, " atom"]
    energy: float  # eV/atom, error
    forces: Float[np.ndarray, "atom 3"]  # eV/Å, errors
    free: Bool[np.ndarray, " atom"]  # force not zero by symmetry
    group: str
    weight: float = 1.0  # in training
    energy_weight: float = 1.0  # factor of the energy in training; zero if only forces were learned
    support: bool = False

    @property
    def atoms(self) -> int:
        """How many there are."""
        return len(self.species)


def try_frame(
    potential: Potential,
    atoms: Atoms,
    label: Labels,
    *,
    weight: float = 1.0,
    energy_weight: float = 1.0,
    support: bool = False,
) -> Trial:
    """Energies, forces and features of a frame in one pass.

    Raises:
        StructureError: one of its kinds, if the structure has no energy.
    """
    species = species_indices(atoms.get_chemical_symbols(), potential.spec.species)
    pairs = VerletList(potential.cutoff).update(atoms)
    features = potential.feature_buffer(len(atoms))
    energies, gradient = potential.of_pairs(pairs, species, features=features)
    forces = forces_from_arrays(gradient, pairs.centre, pairs.neighbour, len(atoms))
    return Trial(
        append_bias(features).astype(np.float32),
        species,
        (float(energies.sum()) - label.energy) / len(atoms),
        forces - label.forces,
        np.linalg.norm(label.forces, axis=1) > STILL,
        label.group,
        weight,
        energy_weight,
        support,
    )


def sum_by_species(trial: Trial, species: int) -> Float[np.ndarray, " row"]:
    """φ_A per atom: the inputs summed within the block of every species, over the number of atoms."""
    blocks = [trial.inputs[trial.species == kind].sum(axis=0, dtype=float) for kind in range(species)]
    return np.concatenate(blocks) / trial.atoms
