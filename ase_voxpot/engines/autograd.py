"""The autograd engine: any network, by torch's automatic differentiation, in chunks of atoms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ase_voxpot.engines.chunks import in_chunks
from ase_voxpot.engines.derivatives import pair_gradient
from ase_voxpot.engines.forks import use_torch
from ase_voxpot.neighbours.workspace import FRESH, Workspace
from ase_voxpot.network.inputs import Scene

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from ase_voxpot.neighbours.verlet import Pairs
    from ase_voxpot.network.inputs import Representation

__all__ = ["AutogradEngine"]

CHUNK = 32
"""Atoms per batch."""
DEVICE_CHUNK = 2048
"""Atoms per batch on a GPU; less if memory is insufficient."""


class AutogradEngine:
    """Energies of atoms and their derivative by the offsets of their neighbours."""

    neighbour_type = None

    def __init__(
        self, network: torch.nn.Module, representation: Representation, *, device: str, dtype: np.dtype
    ) -> None:
        """Evaluate ``network`` on its device, with inputs made by ``network.inputs``."""
        self._network: Any = network
        self._representation = representation
        self._like = torch.empty(0, device=device, dtype=getattr(torch, dtype.name))

    def __call__(
        self,
        pairs: Pairs,
        species: Int[np.ndarray, " atom"],
        channel: Int[np.ndarray, " pair"],
        *,
        gradient: bool = True,
        features: Float[np.ndarray, "atom feature"] | None = None,
        scratch: Workspace = FRESH,
    ) -> tuple[Float[np.ndarray, " atom"], Float[np.ndarray, "pair 3"]]:
        """Energies in eV, and dE/dd in eV/Å, float64; the latter empty unless ``gradient``.

        Args:
            pairs: directed pairs of atoms within the cutoff.
            species: species number of the atoms at the centres.
            channel: species number of every neighbour.
            gradient: whether to compute the derivative.
            features: filled with the inputs of the last layer.
            scratch: where dE/dd is written.

        Raises:
            DeviceError: too little memory even for one atom at a time.
        """
        use_torch(torch)
        energies, slopes = np.empty(pairs.atoms), scratch.take("slopes", len(pairs) if gradient else 0, 3)

        def answer(start: int, stop: int) -> None:
            rows = slice(pairs.first[start], pairs.first[stop])
            scene = Scene(pairs.of(start, stop), channel[rows])
            last = None if features is None else torch.from_numpy(features[start:stop])
            energies[start:stop], slope = self._of_scene(scene, species[start:stop], gradient=gradient, features=last)
            if slope is not None:
                slopes[rows] = slope

        chunk = CHUNK if self._like.device.type == "cpu" else DEVICE_CHUNK
        in_chunks(pairs.atoms, chunk, answer, device=self._like.device)
        return energies, slopes

    def _of_scene(
        self, scene: Scene, species: Int[np.ndarray, " atom"], *, gradient: bool, features: torch.Tensor | None
    ) -> tuple[Float[np.ndarray, " atom"], Float[np.ndarray, "pair 3"] | None]:
        """Energies and derivatives of one chunk: a forward and a backward pass."""
        like, representation = self._like, self._representation
        kinds = torch.from_numpy(species).to(like.device, torch.long)
        view = representation.deposit(scene, like).requires_grad_(gradient)
        with torch.set_grad_enabled(gradient):
            inputs = representation.network_input(view)
            last = None if features is None else like.new_empty(features.shape)
            result = self._network(inputs, kinds, features=last)
        if features is not None and last is not None:
            features.copy_(last)
        slope = pair_gradient(result, view, representation, scene).double().cpu().numpy() if gradient else None
        return result.detach().double().cpu().numpy(), slope
