"""Gradients of a loss by compiled passes against those by automatic differentiation, and by differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from ase_voxpot.descriptor import expansion_of
from ase_voxpot.neighbours.verlet import Pairs
from ase_voxpot.network.inputs import ClosedForm, Scene
from ase_voxpot.network.steerable import SteerableNetwork
from ase_voxpot.simd.threads import set_threads
from ase_voxpot.spec import BaselineSpec, Density, PotentialSpec, SteerableSpec
from voxpot_training.gradients import GradientEngine, evaluate
from voxpot_training.potential.batches import Batch, Predictor

ELEMENTS = ("Mo", "Ta", "W", "Nb", "V")
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}
OPTIONS = [
    {},
    {"products": 0},
    {"products": 1, "channels": 1},
    {"products": 9, "channels": 2},
    {"product_degree": 3},
    {"product_degree": 0},
    {"degree": 0},
    {"hidden": ()},
    {"hidden": (7,)},
    {"hidden": (5, 9, 3)},
    {"species": 1},
    {"species": 5},
    {"descriptor": Density(cutoff=5.0, radial=1, narrowing=0.44)},
]


def spec_of(species: int = 2, descriptor: Density | None = None, **changes) -> PotentialSpec:
    options = {"degree": 3, "channels": 6, "products": 5, "product_degree": 2, "hidden": (12, 8)}
    return PotentialSpec(
        species=ELEMENTS[:species],
        descriptor=descriptor or Density(cutoff=5.0, radial=3),
        network=SteerableSpec(**(options | changes)),
        baseline=BaselineSpec(reference=(0.0,) * species),
    )


def network_of(spec: PotentialSpec, dtype: torch.dtype = torch.float64) -> SteerableNetwork:
    torch.manual_seed(4)
    network = SteerableNetwork(spec.network, radial=spec.descriptor.radial, species=len(spec.species)).to(dtype)
    network.whiten += 0.3 * torch.randn_like(network.whiten)
    network.mean.normal_()
    network.scale.uniform_(0.1, 1.0)
    for bias in network.dense.biases:
        bias.data.normal_()
    return network


def batch_of(atoms: int, *, species: int, frames: int = 3, each: int = 14, dtype: torch.dtype = torch.float64) -> Batch:
    """Random neighbours, another number around every atom, none around some; labels are random, too."""
    rng = np.random.default_rng(atoms)
    counts = rng.integers(0, each, atoms)
    direction = rng.normal(size=(counts.sum(), 3))
    length = rng.uniform(1.5, 5.2, size=(counts.sum(), 1))
    offset = length * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    centre, kinds = np.repeat(np.arange(atoms), counts), rng.integers(0, species, atoms).astype(np.int32)
    pairs = Pairs(centre, rng.integers(0, atoms, len(centre)), offset, atoms)
    owner = np.sort(rng.integers(0, frames, atoms))
    labels = {
        name: torch.from_numpy(rng.normal(size=shape)).to(dtype)
        for name, shape in (("energy", frames), ("forces", (atoms, 3)), ("virial", (frames, 6)))
    }
    sizes = torch.from_numpy(np.bincount(owner, minlength=frames).clip(min=1)).to(dtype)
    ones = torch.ones(frames, dtype=dtype)
    scene = Scene(pairs, kinds[pairs.neighbour])
    return Batch(scene, kinds, owner, sizes, **labels, weight=ones, energy_weight=ones, virial_weight=ones)


def loss_of(result, batch: Batch) -> torch.Tensor:
    """Linear, quadratic and mixed, so that no term of the chain rule cancels."""
    loss = (result.energy * batch.energy).sum() + (result.energy - batch.energy).square().sum()
    loss = loss + (result.forces - batch.forces).square().sum() + (result.virial * batch.virial).sum()
    return loss + result.forces.square().sum() * result.virial.square().sum() * 1e-3


def gradients(network: SteerableNetwork, predict, batch: Batch) -> tuple[float, list[torch.Tensor]]:
    loss = loss_of(predict(network, batch, train=True), batch)
    return float(loss.detach()), list(torch.autograd.grad(loss, list(network.parameters()), materialize_grads=True))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("changes", OPTIONS, ids=str)
def test_gradients_are_those_of_the_graph(changes, dtype):
    spec = spec_of(**changes)
    network, species = network_of(spec, dtype), len(spec.species)
    by_passes, by_torch = Predictor(ClosedForm(spec)), Predictor(ClosedForm(spec), graph=True)

    for atoms in (3, 60, 17):  # growing and shrinking, as arrays are used again
        batch = batch_of(atoms, species=species, dtype=dtype)
        loss, found = gradients(network, by_passes, batch)
        expected_loss, expected = gradients(network, by_torch, batch)
        assert loss == pytest.approx(expected_loss, rel=TOLERANCE[dtype])
        for (name, _), one, other in zip(network.named_parameters(), found, expected, strict=True):
            assert float((one - other).norm()) <= TOLERANCE[dtype] * float(other.norm()), (name, atoms)


def test_gradients_are_those_of_differences():
    spec = spec_of()
    network, predict, batch = network_of(spec), Predictor(ClosedForm(spec)), batch_of(20, species=2)
    _, found = gradients(network, predict, batch)
    rng = np.random.default_rng(0)

    for parameter, gradient in zip(network.parameters(), found, strict=True):
        along = torch.from_numpy(rng.normal(size=parameter.shape))
        values = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                parameter += step * along
            values.append(float(loss_of(predict(network, batch, train=False), batch)))
            with torch.no_grad():
                parameter -= step * along
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(float((gradient * along).sum()), rel=1e-6)


def test_the_number_of_threads_changes_no_bit():
    spec = spec_of()
    network, batch = network_of(spec, torch.float32), batch_of(300, species=2, dtype=torch.float32)
    found = []
    try:
        for count in (1, 2, 3):
            set_threads(count)
            found.append(gradients(network, Predictor(ClosedForm(spec)), batch))
    finally:
        set_threads(1)

    for loss, other in found[1:]:
        assert loss == found[0][0]
        for one, two in zip(found[0][1], other, strict=True):
            assert_array_equal(one.numpy(), two.numpy())


def test_inputs_are_left_as_they_are():
    spec = spec_of()
    network, batch = network_of(spec), batch_of(20, species=2)
    before = [batch.scene.pairs.offset.copy(), batch.forces.clone(), [p.detach().clone() for p in network.parameters()]]

    gradients(network, Predictor(ClosedForm(spec)), batch)

    assert_array_equal(batch.scene.pairs.offset, before[0])
    assert_array_equal(batch.forces, before[1])
    for now, then in zip(network.parameters(), before[2], strict=True):
        assert_array_equal(now.detach(), then)


def test_only_the_last_batch_can_be_differentiated():
    spec = spec_of()
    network, engine = network_of(spec), GradientEngine(spec.network, expansion_of(spec), species=2)

    def energy(batch: Batch) -> torch.Tensor:
        scene = batch.scene
        return evaluate(engine, network, scene.pairs, scene.channel, batch.species, batch.owner, 3)[0].sum()

    first, second = energy(batch_of(9, species=2)), energy(batch_of(5, species=2))
    second.backward()

    with pytest.raises(RuntimeError, match="differentiate each one before the next"):
        first.backward()
