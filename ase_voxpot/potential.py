"""The potential: energy, forces and stress of structures.

    E = Σ_i ε[Z_i] + E_zbl + network(surroundings of i; Z_i)

One of the ``engines`` evaluates the network, in chunks of atoms, so that memory hardly grows with the
structure.  The network computes in float32 or float64; all results are float64.  Steerable networks
on the CPU need no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast, overload

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols

from ase_voxpot.baseline.energies import Baseline
from ase_voxpot.descriptor import expansion_of
from ase_voxpot.engines.cpu.engine import CpuEngine
from ase_voxpot.engines.cpu.packing import FixedArrays, ModuleArrays
from ase_voxpot.engines.devices import resolve_device
from ase_voxpot.engines.forks import use_torch
from ase_voxpot.errors import SpecError, StructureError
from ase_voxpot.extras import require
from ase_voxpot.frames.disorder import AS_THEY_ARE, refuse_disorder
from ase_voxpot.neighbours.loops import forces_from_arrays
from ase_voxpot.neighbours.verlet import VerletList, join, species_indices
from ase_voxpot.neighbours.workspace import FRESH, Workspace
from ase_voxpot.network.arrays import checked_arrays
from ase_voxpot.network.shapes import FITTED
from ase_voxpot.spec import SteerableSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Literal

    from jaxtyping import Float, Int
    from torch import nn

    from ase_voxpot.engines import Engine
    from ase_voxpot.engines.cuda.tables import TableList
    from ase_voxpot.neighbours.verlet import Pairs
    from ase_voxpot.network.inputs import Representation
    from ase_voxpot.network.steerable import SteerableNetwork
    from ase_voxpot.spec import PotentialSpec
    from ase_voxpot.uncertainty import Estimate, Uncertainty

__all__ = ["Potential", "Result", "portions"]

BATCH = 4096
"""Atoms per batch of small structures."""
FLAT = 1e-6
"""Volume over the product of the lengths of cell vectors, below which they are coplanar."""


@dataclass(frozen=True, slots=True)
class Result:
    """Results for one structure, all float64."""

    energies: Float[np.ndarray, " atom"]  # eV, of every atom
    forces: Float[np.ndarray, "atom 3"]  # eV/Å
    virial: Float[np.ndarray, "3 3"]  # eV, Σ d ⊗ dE/dd, the derivative by strain
    volume: float | None  # Å³, None unless three cell vectors span one
    uncertainty: Estimate | None = None  # if requested

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


class Potential:
    """A network with its baseline, ready for any structure of its species."""

    def __init__(
        self,
        spec: PotentialSpec,
        *,
        arrays: Mapping[str, np.ndarray] | None = None,
        device: str = "auto",
        dtype: Literal["float32", "float64"] = "float32",
        route: Literal["folded", "voxels"] | None = None,
    ) -> None:
        """A potential with the weights in ``arrays``, or with random ones, which need torch.

        Args:
            spec: of the network and the baseline.
            arrays: weights by name, as returned by ``Potential.arrays``.
            device: ``auto`` takes a GPU if there is one.
            dtype: precision inside the network.
            route: ``folded`` computes the coefficients in closed form (steerable networks, their
                default), ``voxels`` computes the density on cubes (the only route of the others).

        Raises:
            DeviceError: the device is not there.
            SpecError: an unknown precision, or a route that the network does not have.
            ArchitectureError: the arrays are not those of the network.
            MissingPackageError: the network or the device needs torch, which is not installed.
        """
        if dtype not in ("float32", "float64"):
            raise SpecError(f"dtype must be 'float32' or 'float64', got {dtype!r}")
        if route not in ("folded", "voxels", None):
            raise SpecError(f"route must be 'folded', 'voxels' or None, got {route!r}")
        steerable = isinstance(spec.network, SteerableSpec)
        if route == "folded" and not steerable:
            raise SpecError(f"only steerable networks can be folded, got {spec.network.kind!r}; use route='voxels'")
        self.spec = spec
        self.source: str | None = None  # name or path of the weights
        self.uncertainty: Uncertainty | None = None
        self.device = resolve_device(device)
        self.dtype = np.dtype(dtype)
        self.route = route or ("folded" if steerable else "voxels")
        self._kinds = np.full(len(chemical_symbols), -1, np.int32)  # species number of every element
        self._kinds[[atomic_numbers[s] for s in spec.species]] = range(len(spec.species))
        self.baseline = Baseline(spec)
        self._arrays = None if arrays is None else checked_arrays(spec, arrays, self.dtype)
        self._network = self._random_network() if arrays is None else None
        self.engine = self._make_engine()

    def _random_network(self) -> nn.Module:
        use_torch(require("torch", "a network with random weights"))
        from ase_voxpot.network import build_network

        return self._placed(build_network(self.spec))

    def _placed(self, network: nn.Module) -> nn.Module:
        import torch

        return network.to(self.device, getattr(torch, self.dtype.name)).eval().requires_grad_(False)

    def _make_engine(self) -> Engine:
        spec = self.spec.network
        if isinstance(spec, SteerableSpec) and self.route == "folded":
            expansion = expansion_of(self.spec)
            if self.device == "cpu":
                source = ModuleArrays(self.network) if self._arrays is None else FixedArrays(self._arrays)
                return CpuEngine(spec, expansion, source, baseline=self.baseline.arrays)
            if self.device.startswith("cuda"):
                from ase_voxpot.engines.cuda.engine import CudaEngine

                return CudaEngine(cast("SteerableNetwork", self.network), expansion, self.baseline)
        require("torch", f"a {spec.kind} network on the route {self.route!r}, on {self.device}")
        from ase_voxpot.engines.autograd import AutogradEngine

        return AutogradEngine(self.network, self.representation, device=self.device, dtype=self.dtype)

    @property
    def network(self) -> nn.Module:
        """The network as a torch module; evaluations follow changes of its weights.

        Raises:
            MissingPackageError: torch is not installed.
        """
        if self._network is None:
            torch = require("torch", "the network as a torch module")
            use_torch(torch)
            from ase_voxpot.network import build_network

            with torch.random.fork_rng(devices=[]):  # random weights that are replaced in the next line
                network = self._placed(build_network(self.spec))
            network.load_state_dict({name: torch.from_numpy(array) for name, array in self.arrays().items()})
            self._network, self._arrays = network, None
            engine = getattr(self, "engine", None)  # not set during construction
            if isinstance(engine, CpuEngine):
                engine.follow(ModuleArrays(self._network))
        return self._network

    @cached_property
    def representation(self) -> Representation:
        """The function from pairs to inputs of the torch module."""
        from ase_voxpot.network.inputs import ClosedForm, Voxels

        return ClosedForm(self.spec) if self.route == "folded" else Voxels(self.spec)

    def arrays(self) -> dict[str, Float[np.ndarray, ...]]:
        """Copies of the present weights of the network by name, in its precision."""
        if self._arrays is not None:
            return {name: array.copy() for name, array in self._arrays.items()}
        state = self.network.state_dict()
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in state.items()}

    @property
    def cutoff(self) -> float:
        """Å, beyond which atoms do not see each other."""
        return self.spec.cutoff

    @property
    def parameters(self) -> int:
        """Number of trainable parameters of the network."""
        return sum(array.size for name, array in self.arrays().items() if name not in FITTED)

    @property
    def width(self) -> int:
        """Number of inputs of the last layer of the network."""
        last = f"dense.weights.{len(self.spec.network.hidden)}"
        if self._arrays is not None:
            return int(self._arrays[last].shape[1])
        return int(self.network.get_parameter(last).shape[1])

    def of_pairs(
        self,
        pairs: Pairs,
        species: Int[np.ndarray, " all"],
        *,
        forces: bool = True,
        features: Float[np.ndarray, "atom feature"] | None = None,
        scratch: Workspace = FRESH,
    ) -> tuple[Float[np.ndarray, " atom"], Float[np.ndarray, "pair 3"]]:
        """Energies of the atoms in eV, and dE/dd of every pair in eV/Å.

        This is where a neighbour list from elsewhere enters: ``species`` runs over all
        atoms that pairs refer to, ghosts included.  Without ``forces`` the second array
        is empty.  ``features``, an array from ``feature_buffer``, is filled with what
        the last layer of the network gets from every atom.  A ``neighbours.workspace`` that keeps its
        arrays lends one to dE/dd, until its next use.
        """
        energies, close, repulsion = self.baseline(pairs, species)
        channel, kinds = species[pairs.neighbour], species[: pairs.atoms]
        learned, gradient = self.engine(pairs, kinds, channel, gradient=forces, features=features, scratch=scratch)
        energies += learned
        if forces:
            gradient[close] += repulsion
        return energies, gradient

    def neighbour_list(self, *, skin: float = 0.0) -> VerletList | TableList:
        """A Verlet list to reuse between the steps of one structure.

        A list is for one thread; its pairs are overwritten at the next step.

        Args:
            skin: Å, added to the cutoff; pairs are searched again after atoms moved by half of it.
        """
        if self.engine.neighbour_type not in (VerletList, None):
            return self.engine.neighbour_type(self.cutoff, skin=skin, device=self.device)
        return VerletList(self.cutoff, skin=skin, scratch=Workspace())

    def feature_buffer(self, atoms: int) -> Float[np.ndarray, "atom feature"]:
        """An array for the features of ``atoms`` atoms, in the precision of the network."""
        return np.empty((atoms, self.width), self.dtype)

    @overload
    def evaluate(
        self, atoms: Atoms, *, neighbours: VerletList | TableList | None = None, uncertainty: bool = False
    ) -> Result: ...

    @overload
    def evaluate(self, atoms: Sequence[Atoms], *, uncertainty: bool = False) -> list[Result]: ...

    def evaluate(
        self,
        atoms: Atoms | Sequence[Atoms],
        *,
        neighbours: VerletList | TableList | None = None,
        uncertainty: bool = False,
    ) -> Result | list[Result]:
        """Energy, forces and virial of one structure, or of each of many.

        Small structures are evaluated together in one batch, which is several times faster
        than one after the other.

        Args:
            atoms: any cell, size and composition of the model's elements; not changed.
            neighbours: from ``neighbour_list``, to reuse between steps of one structure; a new search without it.
            uncertainty: compute the uncertainties, too.

        Raises:
            StructureError: one of its kinds, if a structure has no energy; the message has its number.
            DeviceError: the device has too little memory even for one atom at a time.
            SpecError: the list has a shorter cutoff than the model, or is given with many structures;
                or the model has no uncertainty.
        """
        if not isinstance(atoms, Atoms):
            if neighbours is not None:
                raise SpecError("a list of neighbours belongs to one structure, got several; leave it out")
            return list(self.stream(atoms, uncertainty=uncertainty))
        if neighbours is not None and neighbours.cutoff < self.cutoff:
            raise SpecError(f"expected neighbours up to {self.cutoff} Å, got a list up to {neighbours.cutoff} Å")
        refuse_disorder(atoms, AS_THEY_ARE)
        species = self._kinds[atoms.numbers]
        if (species < 0).any():  # raises the error with the symbols
            species = species_indices(atoms.get_chemical_symbols(), self.spec.species)
        neighbours = neighbours or self.neighbour_list()
        known = self.known_uncertainty() if uncertainty else None
        features = None if known is None else self.feature_buffer(len(atoms))
        engine: Any = self.engine
        if type(neighbours) is engine.neighbour_type:
            energies, forces, virial = engine.evaluate(atoms, species, neighbours, features=features)
        else:
            if not isinstance(neighbours, VerletList):
                raise SpecError(f"expected a VerletList on {self.device}, got tables; use Potential.neighbour_list")
            pairs = neighbours.update(atoms)
            energies, gradient = self.of_pairs(pairs, species, features=features, scratch=neighbours.scratch)
            forces = forces_from_arrays(gradient, pairs.centre, pairs.neighbour, len(atoms))
            virial = pairs.offset.T @ gradient
        result = None if known is None or features is None else known.of_features(features, species)
        return Result(energies, forces, virial, _volume(atoms), result)

    def known_uncertainty(self) -> Uncertainty:
        """The uncertainty of the model.

        Raises:
            SpecError: it has none.
        """
        if self.uncertainty is None:
            raise SpecError(
                "expected a model with an uncertainty, got one without; "
                "python -m voxpot_training.potential.uncertainty MODEL adds it"
            )
        return self.uncertainty

    def features(self, atoms: Atoms) -> tuple[Float[np.ndarray, "atom feature"], Int[np.ndarray, " atom"]]:
        """Inputs of the last layer of the network [atom, width], and the species numbers of the atoms.

        Raises:
            StructureError: one of its kinds, if the structure has no energy.
        """
        refuse_disorder(atoms, AS_THEY_ARE)
        species = species_indices(atoms.get_chemical_symbols(), self.spec.species)
        features = self.feature_buffer(len(atoms))
        self.of_pairs(VerletList(self.cutoff).update(atoms), species, forces=False, features=features)
        return features, species

    def stream(self, structures: Iterable[Atoms], *, uncertainty: bool = False, first: int = 0) -> Iterator[Result]:
        """As ``evaluate`` of many structures, as an iterator that does not keep them in memory.

        Args:
            structures: any; results of one depend on others of its batch in the last digits, see ``portions``.
            uncertainty: compute the uncertainties, too.
            first: number of the first structure, for messages.

        Raises:
            StructureError: one of its kinds, with the number of the frame.
            SpecError: the model has no uncertainty.
        """
        known = self.known_uncertainty() if uncertainty else None
        search = VerletList(self.cutoff)
        batch: list[tuple[Pairs, Int[np.ndarray, " atom"], float | None]] = []
        for number, atoms in enumerate(structures, first):
            try:
                refuse_disorder(atoms, AS_THEY_ARE)
                species = species_indices(atoms.get_chemical_symbols(), self.spec.species)
                batch.append((search.update(atoms), species, _volume(atoms)))
            except StructureError as error:
                raise type(error)(f"frame {number}: {error}") from None
            if sum(pairs.atoms for pairs, _, _ in batch) >= BATCH:
                yield from self._of_batch(batch, known)
                batch = []
        if batch:
            yield from self._of_batch(batch, known)

    def _of_batch(
        self, batch: list[tuple[Pairs, Int[np.ndarray, " atom"], float | None]], known: Uncertainty | None
    ) -> Iterator[Result]:
        pairs, species = join([part for part, _, _ in batch]), np.concatenate([kinds for _, kinds, _ in batch])
        features = None if known is None else self.feature_buffer(pairs.atoms)
        energies, gradient = self.of_pairs(pairs, species, features=features)
        forces = forces_from_arrays(gradient, pairs.centre, pairs.neighbour, pairs.atoms)
        first = 0
        for part, kinds, volume in batch:
            atoms = slice(first, first + part.atoms)
            rows = slice(pairs.first[atoms.start], pairs.first[atoms.stop])
            virial = part.offset.T @ gradient[rows]
            result = None if known is None or features is None else known.of_features(features[atoms], kinds)
            yield Result(energies[atoms].copy(), forces[atoms].copy(), virial, volume, result)
            first = atoms.stop


def portions(sizes: Iterable[int], atoms: int = BATCH) -> list[slice]:
    """Structures one after the other, cut wherever ``atoms`` atoms are complete.

    By default these are the batches of ``Potential.stream``, which gives the same numbers for each alone.

    >>> portions([3, 3, 3, 9, 1], 5)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    edges, inside, count = [0], 0, 0
    for size in sizes:
        count, inside = count + 1, inside + size
        if inside >= atoms:
            edges.append(count)
            inside = 0
    edges += [count] if count > edges[-1] else []
    return [slice(a, b) for a, b in pairwise(edges)]


def _volume(atoms: Atoms) -> float | None:
    """Å³, whatever directions are periodic; None where fewer than three vectors are set, or they lie in a plane."""
    cell = atoms.cell[:]
    volume = abs(float(np.linalg.det(cell)))
    return volume if volume > FLAT * np.sqrt((cell**2).sum(axis=1)).prod() else None
