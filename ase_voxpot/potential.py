"""The potential: energy, forces and stress of structures, each derived once and here.

    E = Σ_i ε[Z_i] + E_zbl + network(what i sees; Z_i)

There are three roads, each in portions, so that memory hardly grows with the structure:
steerable networks go by hand on the CPU (``network.inference``) and live on a GPU
(``device``), all others take torch's graph (``graph``).  The network computes in
float32 or float64; everything that leaves this module is float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import torch
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols

from ase_voxpot.baseline import Baseline
from ase_voxpot.derivatives import Answer, forces_from_arrays
from ase_voxpot.device.resident import Resident
from ase_voxpot.device.tables import TableList
from ase_voxpot.disorder import AS_THEY_ARE, refuse_disorder
from ase_voxpot.errors import DeviceError, SpecError, StructureError
from ase_voxpot.graph import GraphInference
from ase_voxpot.neighbours import CLOSEST, VerletList, join, species_indices
from ase_voxpot.network import build_network
from ase_voxpot.network.inference import SteerableInference
from ase_voxpot.network.steerable import SteerableNetwork
from ase_voxpot.representation import Folded, Voxels, folding
from ase_voxpot.scratch import FRESH, Scratch
from ase_voxpot.spec import SteerableSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Literal

    from jaxtyping import Float, Int

    from ase_voxpot.neighbours import Pairs
    from ase_voxpot.representation import Representation
    from ase_voxpot.spec import PotentialSpec
    from ase_voxpot.uncertainty import Estimate, Uncertainty

__all__ = ["Potential", "Result", "resolve_device"]

BATCH = 4096
"""Atoms of small structures whose pairs are held together."""
FLAT = 1e-6
"""Volume over the product of the lengths of the cell vectors, below which they lie in a plane."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the potential says of one structure, all float64."""

    energies: Float[np.ndarray, " atom"]  # eV, of every atom
    forces: Float[np.ndarray, "atom 3"]  # eV/Å
    virial: Float[np.ndarray, "3 3"]  # eV, Σ d ⊗ dE/dd, the derivative by strain
    volume: float | None  # Å³, None unless three cell vectors span one
    uncertainty: Estimate | None = None  # where it was asked for

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
        self.source: str | None = None  # name or path that the weights were loaded by
        self.uncertainty: Uncertainty | None = None
        self.device = resolve_device(device)
        self.dtype: torch.dtype = getattr(torch, dtype)
        self.route = route or ("folded" if steerable else "voxels")
        self._kinds = np.full(len(chemical_symbols), -1, np.int32)  # species number of every element
        self._kinds[[atomic_numbers[s] for s in spec.species]] = range(len(spec.species))
        self.baseline = Baseline(spec)
        self.representation: Representation = Folded(spec) if self.route == "folded" else Voxels(spec)
        self.network = build_network(spec).to(self.device, self.dtype).eval().requires_grad_(False)
        self._by_graph = GraphInference(self.network, self.representation, device=self.device, dtype=self.dtype)
        self.by_hand: SteerableInference | None = None  # on the CPU, without torch
        self.resident: Resident | None = None  # on a GPU
        if isinstance(self.network, SteerableNetwork) and self.route == "folded":
            if self.device.type == "cpu":
                self.by_hand = SteerableInference(self.network, folding(spec))
            elif self.device.type == "cuda":
                self.resident = Resident(self.network, folding(spec), self.baseline)

    @property
    def cutoff(self) -> float:
        """Å, beyond which atoms do not see each other."""
        return self.spec.grid.cutoff

    @property
    def width(self) -> int:
        """Number of features that the last layer of the network gets from an atom."""
        dense: Any = self.network.dense
        return int(dense.width)

    def of_pairs(
        self,
        pairs: Pairs,
        species: Int[np.ndarray, " all"],
        *,
        forces: bool = True,
        features: Float[np.ndarray, "atom feature"] | None = None,
        scratch: Scratch = FRESH,
    ) -> tuple[Float[np.ndarray, " atom"], Float[np.ndarray, "pair 3"]]:
        """Energies of the atoms in eV, and dE/dd of every pair in eV/Å.

        This is where a neighbour list from elsewhere enters: ``species`` runs over all
        atoms that pairs refer to, ghosts included.  Without ``forces`` the second array
        is empty.  ``features``, an array from ``room_for_features``, is filled with what
        the last layer of the network gets from every atom.  A ``scratch`` that keeps its
        arrays lends one to dE/dd, until its next use.
        """
        energies, close, repulsion = self.baseline(pairs, species)
        channel, kinds = species[pairs.neighbour], species[: pairs.atoms]
        learned = self.by_hand or (self.resident.of_pairs if self.resident else self._by_graph)
        said, gradient = learned(pairs, kinds, channel, gradient=forces, features=features, scratch=scratch)
        energies += said
        if forces:
            gradient[close] += repulsion
        return energies, gradient

    def neighbour_list(self, *, skin: float = 0.0) -> VerletList | TableList:
        """Neighbours to reuse between the steps of one structure, where the potential is at its fastest with them.

        One list serves one thread, and its pairs last until the next step.

        Args:
            skin: Å, extra reach: they are searched for again after atoms have moved by half of it.
        """
        if self.resident is not None:
            return TableList(self.cutoff, skin=skin, device=self.device)
        return VerletList(self.cutoff, skin=skin, scratch=Scratch())

    def room_for_features(self, atoms: int) -> Float[np.ndarray, "atom feature"]:
        """An array for the features of so many atoms, in the precision of the network."""
        return torch.empty(atoms, self.width, dtype=self.dtype).numpy()

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

        Many small structures go through the network together, which is several times faster
        than one after the other.

        Args:
            atoms: any cell, size and composition of the model's elements; not changed.
            neighbours: from ``neighbour_list``, to reuse between steps of one structure; a fresh search without it.
            uncertainty: say also how far all this can be trusted.

        Raises:
            StructureError: one of its kinds, if a structure has no energy; among many it is named.
            DeviceError: the device has too little memory even for one atom at a time.
            SpecError: the list has a shorter cutoff than the model, or came with many structures;
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
        if (species < 0).any():  # says which
            species = species_indices(atoms.get_chemical_symbols(), self.spec.species)
        neighbours = neighbours or self.neighbour_list()
        known = self.known_uncertainty() if uncertainty else None
        features = None if known is None else self.room_for_features(len(atoms))
        if isinstance(neighbours, TableList):
            energies, forces, virial = self._resident().evaluate(atoms, species, neighbours, features=features)
        elif self.by_hand is not None:
            energies, forces, virial = self._step(self.by_hand, atoms, species, neighbours, features)
        else:
            pairs = neighbours.update(atoms)
            energies, gradient = self.of_pairs(pairs, species, features=features, scratch=neighbours.scratch)
            forces = forces_from_arrays(gradient, pairs.centre, pairs.neighbour, len(atoms))
            virial = pairs.offset.T @ gradient
        said = None if known is None or features is None else known.of_features(features, species)
        return Result(energies, forces, virial, _volume(atoms), said)

    def _step(
        self,
        by_hand: SteerableInference,
        atoms: Atoms,
        species: Int[np.ndarray, " atom"],
        neighbours: VerletList,
        features: Float[np.ndarray, "atom feature"] | None,
    ) -> Answer:
        """All in one pass, from positions to forces."""
        near, known = neighbours.candidates(atoms), self.baseline.known
        energies, sums = by_hand.step(near, species, self.cutoff, known, features=features, scratch=neighbours.scratch)
        if not sums.closest[0] >= CLOSEST**2:
            neighbours.update(atoms)  # says who is at the same place
        return Answer(energies, sums.forces, sums.virial)

    def _resident(self) -> Resident:
        if self.resident is None:
            raise SpecError(f"expected a VerletList on {self.device}, got tables; neighbour_list makes the right one")
        return self.resident

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
        """What the last layer of the network gets from every atom, and the species of each.

        Raises:
            StructureError: one of its kinds, if the structure has no energy.
        """
        refuse_disorder(atoms, AS_THEY_ARE)
        species = species_indices(atoms.get_chemical_symbols(), self.spec.species)
        features = self.room_for_features(len(atoms))
        self.of_pairs(VerletList(self.cutoff).update(atoms), species, forces=False, features=features)
        return features, species

    def stream(self, structures: Iterable[Atoms], *, uncertainty: bool = False) -> Iterator[Result]:
        """As ``evaluate`` of many, answer by answer, for more structures than memory should hold.

        Raises:
            StructureError: one of its kinds, naming the frame by its place from 0 on.
            SpecError: the model has no uncertainty.
        """
        known = self.known_uncertainty() if uncertainty else None
        search = VerletList(self.cutoff)
        batch: list[tuple[Pairs, Int[np.ndarray, " atom"], float | None]] = []
        for number, atoms in enumerate(structures):
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
        features = None if known is None else self.room_for_features(pairs.atoms)
        energies, gradient = self.of_pairs(pairs, species, features=features)
        forces = forces_from_arrays(gradient, pairs.centre, pairs.neighbour, pairs.atoms)
        first = 0
        for part, kinds, volume in batch:
            atoms = slice(first, first + part.atoms)
            rows = slice(pairs.first[atoms.start], pairs.first[atoms.stop])
            virial = part.offset.T @ gradient[rows]
            said = None if known is None or features is None else known.of_features(features[atoms], kinds)
            yield Result(energies[atoms].copy(), forces[atoms].copy(), virial, volume, said)
            first = atoms.stop


def _volume(atoms: Atoms) -> float | None:
    """Å³, whatever directions are periodic; None where fewer than three vectors are set, or they lie in a plane."""
    cell = atoms.cell[:]
    volume = abs(float(np.linalg.det(cell)))
    return volume if volume > FLAT * np.sqrt((cell**2).sum(axis=1)).prod() else None
