"""Reference energies, forces and stress by automatic differentiation in float64.

Neither the kernels for inference nor their hand-written adjoints are used: the density, the network and
their derivatives are computed by torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ase_voxpot.descriptor import autograd as density, expansion_of
from ase_voxpot.errors import ConfigError, DivergenceError
from ase_voxpot.neighbours.loops import forces_from_arrays
from ase_voxpot.neighbours.verlet import VerletList, species_indices
from ase_voxpot.network.inputs import Scene
from ase_voxpot.potential import Result
from ase_voxpot.spec import Cubes
from ase_voxpot.voxelize import gpu as voxels

if TYPE_CHECKING:
    from ase import Atoms
    from jaxtyping import Float

    from ase_voxpot.potential import Potential

__all__ = ["TOLERANCE", "Deviation", "deviation", "reference"]

TOLERANCE = 1e-5
"""Largest accepted relative difference from the reference."""


LEAST_STRESS = 0.05
"""eV/Å³ (8 GPa), least scale of relative errors of stress, as small stresses are differences of large numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """Largest absolute difference from the reference over the largest absolute value of the reference."""

    energy: float
    forces: float
    stress: float

    @property
    def worst(self) -> float:
        """The largest of the three."""
        return max(self.energy, self.forces, self.stress)

    @property
    def acceptable(self) -> bool:
        """Whether all stay within ``TOLERANCE``."""
        return self.worst <= TOLERANCE


def reference(potential: Potential, atoms: Atoms) -> Result:
    """Energy, forces and virial through torch's graph.

    Args:
        potential: on the CPU, in float64.
        atoms: some hundred at most, as all of the graph is held.

    Raises:
        ConfigError: the potential computes elsewhere, or in single precision.
    """
    if potential.device != "cpu" or potential.dtype != np.float64:
        raise ConfigError(f"the reference needs float64 on the CPU, got {potential.dtype} on {potential.device}")
    spec = potential.spec
    species = species_indices(atoms.get_chemical_symbols(), spec.species)
    pairs = VerletList(potential.cutoff).update(atoms)
    energies, close, repulsion = potential.baseline(pairs, species)
    offset, centre, channel = Scene(pairs, species[pairs.neighbour]).on(torch.device("cpu"), torch.float64)
    offset.requires_grad_()
    shape = (len(atoms), len(spec.species))
    if not isinstance(spec.descriptor, Cubes):
        view = density.deposit(offset, centre, channel, shape=shape, expansion=expansion_of(spec))
    else:
        view = voxels.deposit(offset, centre, channel, shape=shape, grid=spec.descriptor)
    result = potential.network(view, torch.from_numpy(species).long())
    gradient = torch.autograd.grad(result.sum(), offset)[0].numpy()
    gradient[close] += repulsion
    forces = forces_from_arrays(gradient, pairs.centre, pairs.neighbour, len(atoms))
    return Result(energies + result.detach().numpy(), forces, pairs.offset.T @ gradient, atoms.get_volume())


def deviation(
    energy: float,
    forces: Float[np.ndarray, "atom 3"],
    stress: Float[np.ndarray, " 6"],
    expected: Result,
    *,
    copies: int = 1,
) -> Deviation:
    """How far the answer for ``copies`` of a tile is from the reference for one.

    Args:
        energy: eV, of all copies.
        forces: eV/Å, copy by copy.
        stress: eV/Å³.
        expected: reference results of the tile.
        copies: how many.

    Raises:
        DivergenceError: an answer is not finite.
    """
    if not (np.isfinite(energy) and np.isfinite(forces).all() and np.isfinite(stress).all()):
        raise DivergenceError("expected finite energy, forces and stress, got NaN or infinity")

    def relative(actual: Float[np.ndarray, ...], wanted: Float[np.ndarray, ...], least: float = 0.0) -> float:
        return float(np.abs(actual - wanted).max() / max(np.abs(wanted).max(), least))

    return Deviation(
        energy=abs(energy / copies - expected.energy) / abs(expected.energy),
        forces=relative(forces.reshape(copies, -1, 3), expected.forces),
        stress=relative(stress, expected.stress, LEAST_STRESS),
    )
