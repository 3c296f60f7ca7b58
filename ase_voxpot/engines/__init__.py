"""Evaluation of networks: energies of atoms and their derivatives with respect to the offsets of neighbours.

cpu          steerable networks on the CPU: compiled by Numba, without torch
cuda         steerable networks on a GPU: torch and Triton
autograd     any network, by torch's automatic differentiation
derivatives  forces and virial from the derivatives by the offsets
chunks       how many atoms fit into memory at a time
devices      names of devices
forks        threads and forked processes
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Float, Int

    from ase_voxpot.neighbours.verlet import Pairs
    from ase_voxpot.neighbours.workspace import Workspace

__all__ = ["Answer", "Engine"]


class Answer(NamedTuple):
    """Energies, forces and virial of a structure, float64."""

    energies: Float[np.ndarray, " atom"]  # eV
    forces: Float[np.ndarray, "atom 3"]  # eV/Å
    virial: Float[np.ndarray, "3 3"]  # eV


class Engine(Protocol):
    """The call that all engines share.

    An engine whose ``neighbour_type`` is not None also has ``evaluate(atoms, species, neighbours, features=)``,
    which goes from a structure and neighbours of this type to an ``Answer`` in one pass, baseline included.
    """

    @property
    def neighbour_type(self) -> type | None:
        """Class of neighbour lists that ``evaluate`` takes."""

    def __call__(
        self,
        pairs: Pairs,
        species: Int[np.ndarray, " atom"],
        channel: Int[np.ndarray, " pair"],
        *,
        gradient: bool = True,
        features: Float[np.ndarray, "atom feature"] | None = None,
        scratch: Workspace = ...,
    ) -> tuple[Float[np.ndarray, " atom"], Float[np.ndarray, "pair 3"]]:
        """Energies of the network in eV, and dE/dd in eV/Å, float64; the latter empty unless ``gradient``.

        Args:
            pairs: directed pairs of atoms within the cutoff.
            species: species number of the atoms at the centres.
            channel: species number of every neighbour.
            gradient: whether to compute the derivative.
            features: filled with the inputs of the last layer of the network.
            scratch: where dE/dd is written.

        Raises:
            DeviceError: too little memory even for one atom at a time.
        """
