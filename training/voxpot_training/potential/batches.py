"""Training examples and batches: pairs, and labels less the baseline."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from ase_voxpot.baseline.energies import Baseline
from ase_voxpot.engines.derivatives import forces_from_pairs, pair_gradient, virial_from_pairs
from ase_voxpot.neighbours.verlet import Pairs, VerletList, species_indices
from ase_voxpot.network.inputs import ClosedForm, Scene
from ase_voxpot.network.steerable import SteerableNetwork
from voxpot_training.gradients import GradientEngine, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ase import Atoms
    from jaxtyping import Float, Int
    from torch import Tensor

    from ase_voxpot.frames.labels import Labels
    from ase_voxpot.network.inputs import Representation
    from ase_voxpot.spec import PotentialSpec

__all__ = ["Batch", "Example", "Prediction", "Predictor", "collate", "make_example", "shuffled_batches"]

VOIGT = (0, 4, 8, 5, 2, 1)  # xx yy zz yz xz xy in a flattened 3x3


@dataclass(frozen=True, slots=True)
class Example:
    """One frame; labels less the baseline, the targets of the network."""

    pairs: Pairs
    species: Int[np.ndarray, " atom"]
    energy: float  # eV per atom
    forces: Float[np.ndarray, "atom 3"]  # eV/Å
    virial: Float[np.ndarray, "3 3"] | None  # eV per atom, stress times volume
    weight: float = 1.0
    energy_weight: float = 1.0  # factor of the energy
    share: float = 1.0  # of the epochs that draw it
    name: str = ""  # file and number


@dataclass(frozen=True, slots=True)
class Batch:
    """Several frames as one scene; tensors are on the device of the network."""

    scene: Scene
    species: Int[np.ndarray, " atom"]
    owner: Int[np.ndarray, " atom"]  # number of the frame
    sizes: Float[Tensor, " frame"]  # atoms
    energy: Float[Tensor, " frame"]
    forces: Float[Tensor, "atom 3"]
    virial: Float[Tensor, "frame 6"]
    weight: Float[Tensor, " frame"]
    energy_weight: Float[Tensor, " frame"]
    virial_weight: Float[Tensor, " frame"]  # zero where there is no virial
    names: tuple[str, ...] = ()  # of the frames


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predictions for a batch, differentiable with respect to the weights."""

    energy: Float[Tensor, " frame"]  # eV per atom
    forces: Float[Tensor, "atom 3"]  # eV/Å
    virial: Float[Tensor, "frame 6"]  # eV per atom


def make_example(
    atoms: Atoms,
    labels: Labels,
    spec: PotentialSpec,
    *,
    weight: float = 1.0,
    energy_weight: float = 1.0,
    share: float = 1.0,
    name: str = "",
) -> Example:
    """Find the pairs of a frame and take the baseline off its labels."""
    pairs = VerletList(spec.cutoff).update(atoms)
    species = species_indices(atoms.get_chemical_symbols(), spec.species)
    energies, close, repulsion = Baseline(spec)(pairs, species)
    forces = np.array(labels.forces, dtype=float)
    np.add.at(forces, pairs.centre[close], -repulsion)
    np.add.at(forces, pairs.neighbour[close], repulsion)
    virial = None
    if labels.stress is not None:
        xx, yy, zz, yz, xz, xy = labels.stress
        full = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) * atoms.get_volume()
        virial = (full - pairs.offset[close].T @ repulsion) / len(atoms)
    energy = float(labels.energy - energies.sum()) / len(atoms)
    return Example(pairs, species, energy, forces, virial, weight, energy_weight, share, name)


def _turned(example: Example, rng: np.random.Generator) -> Example:
    """The same frame in a random orientation."""
    turn = Rotation.random(rng=rng).as_matrix()
    pairs = Pairs(example.pairs.centre, example.pairs.neighbour, example.pairs.offset @ turn.T, example.pairs.atoms)
    virial = None if example.virial is None else turn @ example.virial @ turn.T
    return replace(example, pairs=pairs, forces=example.forces @ turn.T, virial=virial)


def collate(examples: Sequence[Example], like: Tensor, *, rotate: np.random.Generator | None = None) -> Batch:
    """Join frames into one scene, labels on the device and in the precision of ``like``."""
    if rotate is not None:
        examples = [_turned(e, rotate) for e in examples]
    sizes = np.array([e.pairs.atoms for e in examples])
    shift = np.concatenate([[0], np.cumsum(sizes)])
    centre = np.concatenate([e.pairs.centre + s for e, s in zip(examples, shift[:-1], strict=True)])
    neighbour = np.concatenate([e.pairs.neighbour + s for e, s in zip(examples, shift[:-1], strict=True)])
    offset = np.concatenate([e.pairs.offset for e in examples])
    species = np.concatenate([e.species for e in examples])
    virials = [np.zeros((3, 3)) if e.virial is None else e.virial for e in examples]

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(like)

    return Batch(
        scene=Scene(Pairs(centre, neighbour, offset, int(shift[-1])), species[neighbour]),
        species=species,
        owner=np.repeat(np.arange(len(examples)), sizes),
        sizes=tensor(sizes.astype(float)),
        energy=tensor(np.array([e.energy for e in examples])),
        forces=tensor(np.concatenate([e.forces for e in examples])),
        virial=tensor(np.stack(virials).reshape(-1, 9)[:, VOIGT]),
        weight=tensor(np.array([e.weight for e in examples])),
        energy_weight=tensor(np.array([e.weight * e.energy_weight for e in examples])),
        virial_weight=tensor(np.array([0.0 if e.virial is None else e.weight for e in examples])),
        names=tuple(e.name for e in examples),
    )


class Predictor:
    """Energies, forces and virials of batches.

    Steerable networks on the CPU are evaluated by the compiled passes of ``gradients``, others by torch.
    """

    def __init__(self, representation: Representation, *, graph: bool = False) -> None:
        """For networks whose inputs are computed by ``representation``; with ``graph`` always by torch."""
        self._representation, self._graph = representation, graph
        self._engine: GradientEngine | None = None

    def __call__(self, network: torch.nn.Module, batch: Batch, *, train: bool) -> Prediction:
        """The prediction of ``network``; with ``train`` differentiable by its weights, once and before the next."""
        compiled = isinstance(network, SteerableNetwork) and isinstance(self._representation, ClosedForm)
        if compiled and not self._graph and batch.energy.device.type == "cpu":
            energy, forces, virial = self._by_passes(cast("SteerableNetwork", network), batch)
        else:
            energy, forces, virial = self._by_torch(network, batch, train=train)
        result = Prediction(energy / batch.sizes, forces, virial.flatten(1)[:, VOIGT] / batch.sizes[:, None])
        return result if train else Prediction(result.energy.detach(), result.forces.detach(), result.virial.detach())

    def engine_for(self, network: SteerableNetwork) -> GradientEngine:
        """The engine of the passes, with the arrays of earlier batches."""
        if self._engine is None:
            species = network.dense.weights[-1].shape[0]
            expansion = cast("ClosedForm", self._representation).expansion
            self._engine = GradientEngine(network.spec, expansion, species=species)
        return self._engine

    def _by_passes(self, network: SteerableNetwork, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        engine, scene = self.engine_for(network), batch.scene
        return evaluate(engine, network, scene.pairs, scene.channel, batch.species, batch.owner, len(batch.sizes))

    def _by_torch(self, network: torch.nn.Module, batch: Batch, *, train: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Through the same derivatives as inference."""
        pairs, frames, device = batch.scene.pairs, len(batch.sizes), batch.energy.device
        centre, neighbour, species, owner = (
            torch.from_numpy(array).to(device, torch.long)
            for array in (pairs.centre, pairs.neighbour, batch.species, batch.owner)
        )
        offset = torch.from_numpy(pairs.offset).to(batch.energy)
        view = self._representation.deposit(batch.scene, offset).requires_grad_()
        with torch.enable_grad():
            energies = network(view, species)
            gradient = pair_gradient(energies, view, self._representation, batch.scene, differentiable=train)
        total = energies.new_zeros(frames).index_add(0, owner, energies)
        virial = virial_from_pairs(gradient, offset, owner[centre], frames)
        return total, forces_from_pairs(gradient, centre, neighbour, len(species)), virial


def shuffled_batches(sizes: Mapping[int, int], batch_atoms: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """Frame numbers in random order, in batches of at least ``batch_atoms`` atoms (but the last).

    Args:
        sizes: atoms of every frame that takes part, by its number.
        batch_atoms: number of atoms of a batch.
        rng: for the order.
    """
    batch: list[int] = []
    atoms = 0
    for number in rng.permutation(list(sizes)):
        batch.append(int(number))
        atoms += sizes[int(number)]
        if atoms >= batch_atoms:
            yield batch
            batch, atoms = [], 0
    if batch:
        yield batch
