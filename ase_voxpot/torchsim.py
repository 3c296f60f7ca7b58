"""``VoxPotModel``: the torch-sim model of a potential, for many systems in one state.

>>> import torch_sim as ts  # doctest: +SKIP
>>> model = VoxPotModel("motaw")  # doctest: +SKIP
>>> relaxed = ts.optimize(system=structures, model=model, optimizer=ts.Optimizer.fire)  # doctest: +SKIP

Needs torch-sim (``pip install ase-voxpot[torch-sim]``), which is imported by this module
alone.  All systems of a state are evaluated in one batch.  Neighbours are searched
on the CPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ase.stress import voigt_6_to_full_3x3_stress

from ase_voxpot.errors import ConfigError
from ase_voxpot.extras import require
from ase_voxpot.potential import Potential
from ase_voxpot.weights import load_potential

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from jaxtyping import Float

try:
    from torch_sim.io import state_to_atoms
    from torch_sim.models.interface import ModelInterface
except ModuleNotFoundError:  # which the constructor says
    ModelInterface = torch.nn.Module

__all__ = ["VoxPotModel"]


class VoxPotModel(ModelInterface):  # type: ignore[misc]
    """Energy, forces and stress of every system of a state, in the state's own precision."""

    def __init__(
        self,
        model: str | Path | Potential = "motaw",
        *,
        device: str | torch.device = "auto",
        dtype: Literal["float32", "float64"] = "float32",
        compute_forces: bool = True,
        compute_stress: bool = True,
    ) -> None:
        """Load a model.

        Args:
            model: name of a shipped model, path of a weight file, or a ``Potential``,
                which then brings its own device and precision.
            device: ``auto`` takes a GPU if there is one; or ``cpu``, ``cuda``.
            dtype: precision inside the network, and that of states that torch-sim makes for this model.
            compute_forces: whether ``forward`` returns forces.
            compute_stress: whether ``forward`` returns stress.

        Raises:
            MissingPackageError: torch-sim is not installed, or does not fit.
            WeightsError: no such model, or a damaged file.
            DeviceError: the device is not there.
        """
        require("torch_sim", "VoxPotModel")
        super().__init__()
        self.potential = (
            model if isinstance(model, Potential) else load_potential(model, device=str(device), dtype=dtype)
        )
        self._device = torch.device(self.potential.device)
        self._dtype = getattr(torch, self.potential.dtype.name)
        self._compute_forces, self._compute_stress = compute_forces, compute_stress
        self._memory_scales_with = "n_atoms_x_density"

    @property
    def compute_forces(self) -> bool:
        """Whether ``forward`` returns forces."""
        return self._compute_forces

    @compute_forces.setter
    def compute_forces(self, wanted: bool) -> None:
        self._compute_forces = wanted

    @property
    def compute_stress(self) -> bool:
        """Whether ``forward`` returns stress."""
        return self._compute_stress

    @compute_stress.setter
    def compute_stress(self, wanted: bool) -> None:
        self._compute_stress = wanted

    def forward(self, state: Any, **_: Any) -> dict[str, Float[torch.Tensor, ...]]:
        """Energies, forces and stress of a ``SimState``; the state is not changed.

        Returns:
            ``energy`` [system] in eV, ``energies`` [atom] in eV, ``forces`` [atom, 3] in eV/Å and
            ``stress`` [system, 3, 3] in eV/Å³, positive under tension; zero for a system whose cell
            spans no volume, since torch-sim expects a tensor for every system.

        Raises:
            StructureError: one of its kinds, naming the system as a frame.
            ConfigError: this version of torch-sim cannot say in which directions the systems are periodic.
        """
        _refuse_one_flag(state)
        results = self.potential.evaluate(state_to_atoms(state))
        like = {"device": state.positions.device, "dtype": state.positions.dtype}
        out = {
            "energy": torch.tensor([r.energy for r in results], **like),
            "energies": torch.as_tensor(np.concatenate([r.energies for r in results]), **like),
        }
        if self.compute_forces:
            out["forces"] = torch.as_tensor(np.concatenate([r.forces for r in results]), **like)
        if self.compute_stress:
            full = [np.zeros((3, 3)) if r.volume is None else voigt_6_to_full_3x3_stress(r.stress) for r in results]
            out["stress"] = torch.as_tensor(np.array(full), **like)
        return out


def _refuse_one_flag(state: Any) -> None:
    """Refuse a state, as of torch-sim 0.3, whose one flag of periodicity may hide a slab."""
    if isinstance(state.pbc, bool) and not state.pbc and bool(state.cell.any()):
        raise ConfigError(
            "expected periodicity direction by direction, got one flag: this version of torch-sim turns the slabs and "
            "wires it is given into clusters; update it to 0.6 or later, or give clusters without a cell"
        )
