"""The potential: energy, forces and stress of structures, each derived once and here.

    E = Σ_i ε[Z_i] + E_zbl + network(what i sees; Z_i)

Inference runs over chunks of atoms, so that memory does not grow with the structure
beyond the pairs themselves.  The network computes in float32 or float64; everything
that leaves this module is float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from ase.data import atomic_numbers, chemical_symbols

from ase_voxpot.baseline import Baseline
from ase_voxpot.derivatives import forces_from_arrays, pair_gradient
from ase_voxpot.errors import DeviceError, SpecError, StructureError
from ase_voxpot.neighbours import VerletList, species_indices
from ase_voxpot.network import build_network
from ase_voxpot.network.inference import SteerableInference
from ase_voxpot.network.steerable import SteerableNetwork
from ase_voxpot.representation import Folded, Scene, Voxels, folding
from ase_voxpot.spec import SteerableSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Literal

    from ase import Atoms
    from jaxtyping import Float, Int

    from ase_voxpot.neighbours import Pairs
    from ase_voxpot.representation import Representation
    from ase_voxpot.spec import PotentialSpec

__all__ = ["Potential", "Result", "resolve_device"]

CHUNK = 256
"""Atoms that go through the network together."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the potential says of one structure, all float64."""

    energies: Float[np.ndarray, " atom"]  # eV, of every atom
    forces: Float[np.ndarray, "atom 3"]  # eV/Å
    virial: Float[np.ndarray, "3 3"]  # eV, Σ d ⊗ dE/dd, the derivative by strain
    volume: float | None  # Å³, None unless three cell vectors span one

    @property
    def energy(self) -> float:
        """Total energy in eV."""
        return float(self.energies.sum())

    @property
    def stress(self) -> Float[np.ndarray, " 6"]:
        """Stress in eV/Å³, Voigt order xx yy zz yz xz xy, positive under tension.

        Raises:
            StructureError: the structure has no volume.
        """
        if self.volume is None:
            raise StructureError("stress needs a cell with three vectors that span a volume; got none")
        full = (self.virial + self.virial.T) / (2 * self.volume)
        return full[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def resolve_device(device: str) -> torch.device:
    """Turn ``auto``, ``cpu``, ``cuda`` … into a device that is there.

    Raises:
        DeviceError: CUDA asked for and absent, or an unknown name.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
    except RuntimeError:
        raise DeviceError(f"expected a device such as 'auto', 'cpu' or 'cuda', got {device!r}") from None
    if found.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError("device 'cuda' was asked for, but torch sees no CUDA device here; use 'auto' or 'cpu'")
    return found


class Potential:
    """A network with its baseline, ready for any structure of its species."""

    def __init__(
        self,
        spec: PotentialSpec,
        *,
        device: str = "auto",
        dtype: Literal["float32", "float64"] = "float32",
        route: Literal["folded", "voxels"] | None = None,
    ) -> None:
        """A potential with random weights; ``weights.load_potential`` fills them.

        Args:
            spec: what to build.
            device: ``auto`` takes a GPU if there is one.
            dtype: precision inside the network.
            route: ``folded`` sums the voxels out in closed form (steerable networks, their
                default), ``voxels`` makes the cubes (the only route of the others).

        Raises:
            DeviceError: the device is not there.
            SpecError: an unknown precision, or a route that the network does not have.
        """
        if dtype not in ("float32", "float64"):
            raise SpecError(f"dtype must be 'float32' or 'float64', got {dtype!r}")
        if route not in ("folded", "voxels", None):
            raise SpecError(f"route must be 'folded', 'voxels' or None, got {route!r}")
        steerable = isinstance(spec.network, SteerableSpec)
        if route == "folded" and not steerable:
            raise SpecError(f"only steerable networks can be folded, got {spec.network.kind!r}; use route='voxels'")
        self.spec = spec
        self.device = resolve_device(device)
        self.dtype: torch.dtype = getattr(torch, dtype)
        self.route = route or ("folded" if steerable else "voxels")
        self._kinds = np.full(len(chemical_symbols), -1, np.int32)  # species number of every element
        self._kinds[[atomic_numbers[s] for s in spec.species]] = range(len(spec.species))
        self.baseline = Baseline(spec)
        self.representation: Representation = Folded(spec) if self.route == "folded" else Voxels(spec)
        self.network = build_network(spec).to(self.device, self.dtype).eval().requires_grad_(False)
        self._look: Callable[[torch.Tensor], torch.Tensor] | None = None
        self._by_hand: SteerableInference | None = None
        if isinstance(self.network, SteerableNetwork) and self.route == "voxels":
            self._look = self.network.look
        elif isinstance(self.network, SteerableNetwork) and self.device.type == "cpu":
            self._by_hand = SteerableInference(self.network, folding(spec))

    @property
    def cutoff(self) -> float:
        """Å, beyond which atoms do not see each other."""
        return self.spec.grid.cutoff

    def of_pairs(
        self, pairs: Pairs, species: Int[np.ndarray, " all"], *, forces: bool = True
    ) -> tuple[Float[np.ndarray, " atom"], Float[np.ndarray, "pair 3"]]:
        """Energies of the atoms in eV, and dE/dd of every pair in eV/Å.

        This is where a neighbour list from elsewhere enters: ``species`` runs over all
        atoms that pairs refer to, ghosts included.  Without ``forces`` the second array
        is empty.
        """
        energies, close, repulsion = self.baseline(pairs, species)
        channel, kinds = species[pairs.neighbour], species[: pairs.atoms]
        learned = self._by_hand or self._by_graph
        said, gradient = learned(pairs, kinds, channel, gradient=forces)
        energies += said
        if forces:
            gradient[close] += repulsion
        return energies, gradient

    def _by_graph(
        self, pairs: Pairs, species: Int[np.ndarray, " atom"], channel: Int[np.ndarray, " pair"], *, gradient: bool
    ) -> tuple[Float[np.ndarray, " atom"], Float[np.ndarray, "pair 3"]]:
        """What the network says, through torch, in chunks of atoms."""
        energies, slopes = np.empty(pairs.atoms), np.empty((len(pairs) if gradient else 0, 3))
        chunk = CHUNK if self.route == "folded" else CHUNK // 8
        for start in range(0, pairs.atoms, chunk):
            stop = min(start + chunk, pairs.atoms)
            rows = slice(pairs.first[start], pairs.first[stop])
            scene = Scene(pairs.of(start, stop), channel[rows])
            energies[start:stop], slope = self._of_scene(scene, species[start:stop], forces=gradient)
            if slope is not None:
                slopes[rows] = slope
        return energies, slopes

    def _of_scene(
        self, scene: Scene, species: Int[np.ndarray, " atom"], *, forces: bool
    ) -> tuple[Float[np.ndarray, " atom"], Float[np.ndarray, "pair 3"] | None]:
        """One chunk through the network: one forward pass, and torch's backward pass."""
        like = torch.empty(0, device=self.device, dtype=self.dtype)
        kinds = torch.from_numpy(species).to(self.device, torch.long)
        view = self.representation.deposit(scene, like).requires_grad_(forces)
        with torch.set_grad_enabled(forces):
            seen = self._look(view) if self._look else view
            said = self.network(seen, kinds)
        slope = pair_gradient(said, view, self.representation, scene).double().cpu().numpy() if forces else None
        return said.detach().double().cpu().numpy(), slope

    def evaluate(self, atoms: Atoms, *, neighbours: VerletList | None = None) -> Result:
        """Energy, forces and virial of one structure.

        Args:
            atoms: any cell, size and composition of the model's elements; not changed.
            neighbours: a list to reuse between steps; a fresh search without it.

        Raises:
            StructureError: one of its kinds, if the structure has no energy.
            SpecError: the list has a shorter cutoff than the model.
        """
        if neighbours is not None and neighbours.cutoff < self.cutoff:
            raise SpecError(f"expected neighbours up to {self.cutoff} Å, got a list up to {neighbours.cutoff} Å")
        species = self._kinds[atoms.numbers]
        if (species < 0).any():  # says which
            species = species_indices(atoms.get_chemical_symbols(), self.spec.species)
        pairs = (neighbours or VerletList(self.cutoff)).update(atoms)
        energies, gradient = self.of_pairs(pairs, species)
        forces = forces_from_arrays(gradient, pairs.centre, pairs.neighbour, len(atoms))
        volume = abs(np.linalg.det(atoms.cell[:]))
        return Result(energies, forces, pairs.offset.T @ gradient, float(volume) if volume > 0 else None)

    def evaluate_many(self, structures: Sequence[Atoms]) -> list[Result]:
        """``evaluate`` for each of many structures."""
        return [self.evaluate(atoms) for atoms in structures]
