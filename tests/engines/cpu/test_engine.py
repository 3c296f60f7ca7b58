"""The network by hand against the network by automatic differentiation, from pairs to pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ase.build import bulk
from numpy.testing import assert_allclose, assert_array_equal

from ase_voxpot.descriptor import expansion_of
from ase_voxpot.engines.cpu.engine import CpuEngine
from ase_voxpot.engines.derivatives import pair_gradient
from ase_voxpot.neighbours.loops import forces_from_arrays
from ase_voxpot.neighbours.verlet import Pairs, VerletList, species_indices
from ase_voxpot.network.inputs import ClosedForm, Scene
from ase_voxpot.network.steerable import SteerableNetwork
from ase_voxpot.potential import Potential
from ase_voxpot.spec import BaselineSpec, Density, PotentialSpec, SteerableSpec

DENSITY = Density(cutoff=5.0, radial=3)
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
ELEMENTS = ("Mo", "Ta", "W", "Nb", "V", "Cr", "Ti", "Zr")


def spec_of(species: int = 2, descriptor: Density = DENSITY, **changes) -> PotentialSpec:
    options = {"degree": 3, "channels": 6, "products": 5, "product_degree": 2, "hidden": (12, 8)}
    names = ELEMENTS[:species]
    network = SteerableSpec(**(options | changes))
    return PotentialSpec(
        species=names, descriptor=descriptor, network=network, baseline=BaselineSpec(reference=(0.0,) * species)
    )


def network_of(spec: PotentialSpec, dtype: torch.dtype) -> SteerableNetwork:
    torch.manual_seed(4)
    network = SteerableNetwork(spec.network, radial=spec.descriptor.radial, species=len(spec.species)).to(dtype)
    network.mean.normal_()
    network.scale.uniform_(0.1, 1.0)
    for bias in network.dense.biases:
        bias.data.normal_()
    return network.requires_grad_(False)


def scene_of(atoms: int, *, species: int = 2, each: int = 20) -> tuple[Scene, np.ndarray]:
    """Random neighbours, another number around every atom, none around some."""
    rng = np.random.default_rng(atoms)
    counts = rng.integers(0, each, atoms)
    direction = rng.normal(size=(counts.sum(), 3))
    length = rng.uniform(1.5, 5.2, size=(counts.sum(), 1))
    offset = length * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    centre = np.repeat(np.arange(atoms), counts)
    pairs = Pairs(centre, rng.integers(0, atoms, len(centre)), offset, atoms)
    return Scene(pairs, rng.integers(0, species, len(centre))), rng.integers(0, species, atoms)


def by_graph(network, spec, scene, species):
    folded, dtype = ClosedForm(spec), network.mean.dtype
    view = folded.deposit(scene, torch.empty(0, dtype=dtype)).requires_grad_()
    energies = network(view, torch.from_numpy(species))
    return energies.detach().numpy(), pair_gradient(energies, view, folded, scene).numpy()


def same(network, spec, by_hand, scene, species):
    energies, slopes = by_hand(scene.pairs, species, scene.channel)
    expected, expected_slopes = by_graph(network, spec, scene, species)
    tolerance = TOLERANCE[network.mean.dtype]
    assert_allclose(energies, expected, rtol=0, atol=tolerance * max(np.abs(expected).max(), 1))
    assert_allclose(slopes, expected_slopes, rtol=0, atol=tolerance * np.abs(expected_slopes).max(initial=0))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"products": 0},
        {"products": 1},
        {"products": 2, "channels": 1},
        {"products": 9, "channels": 2},
        {"product_degree": 3},
        {"product_degree": 0},
        {"degree": 0},
        {"degree": 6, "product_degree": 5},
        {"hidden": ()},
        {"hidden": (7,)},
        {"hidden": (5, 9, 3)},
        {"species": 1},
        {"species": 8},
        {"descriptor": Density(cutoff=5.0, radial=1, narrowing=0.44)},
    ],
    ids=str,
)
def test_energies_and_derivatives_are_those_of_the_graph(dtype, changes):
    spec = spec_of(**changes)
    network = network_of(spec, dtype)
    by_hand = CpuEngine.of_network(network, expansion_of(spec))
    for atoms in (1, 75, 16, 7):  # growing and shrinking, so that arrays are reused
        same(network, spec, by_hand, *scene_of(atoms, species=len(spec.species)))


def test_an_atom_with_more_neighbours_than_ever_is_no_trouble():
    spec = spec_of()
    network = network_of(spec, torch.float64)
    by_hand = CpuEngine.of_network(network, expansion_of(spec))
    for each in (5, 90, 9):
        same(network, spec, by_hand, *scene_of(20, each=each))


def test_threads_change_nothing():
    spec = spec_of()
    by_hand = CpuEngine.of_network(network_of(spec, torch.float32), expansion_of(spec))
    scene, species = scene_of(300)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = by_hand(scene.pairs, species, scene.channel)
        torch.set_num_threads(3)
        together = by_hand(scene.pairs, species, scene.channel)
    finally:
        torch.set_num_threads(before)

    for one, three in zip(alone, together, strict=True):
        assert_allclose(three, one, rtol=0, atol=0)


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("repeat", [(5, 4, 4), (1, 1, 1), (1, 2, 9)])
def test_a_step_is_its_pairs_with_the_baseline(repeat, threads, rng):
    spec = spec_of()
    potential = Potential(spec, device="cpu", dtype="float64")
    atoms = bulk("W", "bcc", a=3.0, cubic=True).repeat(repeat)
    atoms.symbols = rng.choice(spec.species, len(atoms))
    atoms.rattle(0.25, rng=rng)
    atoms.positions[1] += 0.5 * (atoms.positions[0] - atoms.positions[1])  # so close that nuclei repel
    species = species_indices(atoms.get_chemical_symbols(), spec.species)
    pairs = VerletList(potential.cutoff).update(atoms)
    energies, slopes = potential.of_pairs(pairs, species)
    forces = forces_from_arrays(slopes, pairs.centre, pairs.neighbour, len(atoms))

    for count in (1, 2, 3):
        threads(count)
        near = VerletList(potential.cutoff, skin=0.7).candidates(atoms)
        first, again = (potential.engine.step(near, species, potential.cutoff, potential.baseline.arrays) for _ in "12")
        assert_allclose(first[0], energies, rtol=1e-12)
        assert_allclose(first[1].forces, forces, rtol=0, atol=1e-11 * np.abs(forces).max())
        assert_allclose(first[1].virial, pairs.offset.T @ slopes, rtol=0, atol=1e-10 * np.abs(slopes).max())
        assert_allclose(first[1].closest[0] ** 0.5, np.linalg.norm(pairs.offset, axis=1).min(), rtol=1e-12)
        for one, other in zip((first[0], *first[1]), (again[0], *again[1]), strict=True):
            assert_array_equal(one, other)  # to the last bit, whichever thread took which piece


def test_energies_alone_are_the_same():
    spec = spec_of()
    by_hand = CpuEngine.of_network(network_of(spec, torch.float64), expansion_of(spec))
    scene, species = scene_of(40)

    alone, nothing = by_hand(scene.pairs, species, scene.channel, gradient=False)

    assert len(nothing) == 0
    assert_allclose(alone, by_hand(scene.pairs, species, scene.channel)[0], rtol=1e-14)


@pytest.mark.parametrize("hidden", [(), (12, 8)])
def test_features_are_what_the_last_layer_gets(hidden):
    spec = spec_of(hidden=hidden)
    network = network_of(spec, torch.float64)
    scene, species = scene_of(40)
    last = network.dense.weights[-1][:, :, 0].numpy()
    features = np.empty((40, last.shape[1]))

    energies, _ = CpuEngine.of_network(network, expansion_of(spec))(
        scene.pairs, species, scene.channel, features=features
    )

    nothing = network.dense.constant(torch.asinh(-network.mean * network.scale)).numpy()
    assert_allclose((features * last[species]).sum(1) - nothing[species], energies, rtol=1e-10, atol=1e-12)


def test_changed_weights_are_noticed():
    spec = spec_of()
    network = network_of(spec, torch.float64)
    by_hand = CpuEngine.of_network(network, expansion_of(spec))
    scene, species = scene_of(9)
    before = by_hand(scene.pairs, species, scene.channel)[0]

    network.load_state_dict({k: 1.1 * v for k, v in network.state_dict().items()})
    after = by_hand(scene.pairs, species, scene.channel)[0]

    assert np.abs(after - before).max() > 1e-3
    assert_allclose(after, by_graph(network, spec, scene, species)[0], rtol=1e-10)


def test_a_room_that_another_thread_takes_first_is_not_missed():
    class Taken(list):
        """Claims to hold something when the last of it has just been taken."""

        def __bool__(self):
            return True

    spec = spec_of()
    by_hand = CpuEngine.of_network(network_of(spec, torch.float64), expansion_of(spec))
    scene, species = scene_of(9)
    energies, _ = by_hand(scene.pairs, species, scene.channel)

    by_hand._buffers = Taken()

    assert_allclose(by_hand(scene.pairs, species, scene.channel)[0], energies, rtol=0, atol=0)
