"""What every network promises, and what the steerable one promises on top."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation

from ase_voxpot.descriptor.harmonics import solid_harmonics
from ase_voxpot.errors import SpecError
from ase_voxpot.network import build_network
from ase_voxpot.network.dense import DenseNetwork
from ase_voxpot.network.layers import SpeciesDense
from ase_voxpot.network.plain import PlainNetwork
from ase_voxpot.network.steerable import SteerableNetwork
from ase_voxpot.spec import PlainSpec, SteerableSpec
from tests import laws
from tests.models import DESCRIPTORS, NETWORKS, SPECIES, seeded, specification

CLASSES = {"steerable": SteerableNetwork, "plain": PlainNetwork, "dense": DenseNetwork}
KINDS = torch.tensor([0, 2, 1, 2, 0])


def view_shape(kind, atoms=5):
    descriptor = DESCRIPTORS[kind]
    channels = len(SPECIES) * descriptor.radial
    return (25, atoms, channels) if kind == "steerable" else (atoms, channels, *3 * (descriptor.n,))


def atoms_of(view, rows):
    """Some of the atoms of a view; the steerable network keeps harmonics before atoms."""
    return view[:, rows] if view.dim() == 3 else view[rows]


@pytest.fixture(params=CLASSES)
def kind(request):
    return request.param


@pytest.fixture
def network(kind):
    return seeded(specification(kind), dtype="float64").network


@pytest.fixture
def view(kind, rng):
    return torch.from_numpy(rng.normal(scale=0.3, size=view_shape(kind)))


def test_the_spec_names_the_network(kind):
    network = build_network(specification(kind))

    assert type(network) is CLASSES[kind]
    assert {p.dtype for p in network.parameters()} == {torch.float32}


def test_one_energy_for_every_atom(network, view):
    energies = network(view, KINDS)

    assert energies.shape == (5,)
    assert energies.dtype == torch.float64
    assert float(energies.std()) > 1e-3


def test_who_sees_nothing_costs_nothing(network, view):
    assert_allclose(network(torch.zeros_like(view), KINDS), 0, atol=1e-14)


def test_who_sees_nothing_feels_nothing(network, view):
    """Also in training, when the weights are still random: no force at a distance."""
    empty = torch.zeros_like(view).requires_grad_()

    (slope,) = torch.autograd.grad(network(empty, KINDS).sum(), empty)

    assert torch.isfinite(slope).all()


def test_a_batch_is_as_many_single_atoms(network, view):
    single = torch.cat([network(atoms_of(view, [i]), KINDS[[i]]) for i in range(5)])

    laws.close(network(view, KINDS), single, laws.STRICT.same)


def test_order_of_atoms_is_immaterial(network, view, rng):
    order = rng.permutation(5)

    laws.close(network(atoms_of(view, order), KINDS[order]), network(view, KINDS)[order], laws.STRICT.same)


def test_species_have_their_own_weights(network, view):
    same = atoms_of(view, [0] * 5)

    energies = network(same, KINDS)

    assert_allclose(energies[0], energies[4])
    assert_allclose(energies[1], energies[3])
    assert len(energies.numpy().round(9).tolist()) - len(set(energies.numpy().round(9).tolist())) == 2


def test_every_weight_matters(network, view):
    """No parameter that training could never move."""
    network.requires_grad_(True)

    slopes = torch.autograd.grad(network(view, KINDS).pow(2).sum(), list(network.parameters()))

    for (name, _), slope in zip(network.named_parameters(), slopes, strict=True):
        assert float(slope.abs().max()) > 0, name


def test_gradients_are_central_differences(network, view, rng):
    direction = torch.from_numpy(rng.normal(size=tuple(view.shape)))
    leaf = view.clone().requires_grad_()
    (slope,) = torch.autograd.grad(network(leaf, KINDS).sum(), leaf)

    numeric = laws.difference(lambda h: float(network(view + h * direction, KINDS).sum()), 1e-4)

    assert_allclose(float((slope * direction).sum()), numeric, rtol=laws.STRICT.slope)


def test_a_cube_that_convolutions_use_up_is_refused():
    with pytest.raises(SpecError, match="4 convolutions of 3 voxels need a cube of at least 9 voxels per edge, got 7"):
        build_network(specification("plain", network=PlainSpec(channels=(4, 4, 4, 4))))


class TestSteerable:
    @pytest.fixture
    def steerable(self):
        return seeded(specification("steerable"), dtype="float64").network

    @pytest.fixture
    def seen(self, rng):
        """Coefficients of a few random points, one set per atom, and of the same points turned."""
        points, colour = rng.normal(size=(5, 12, 3)), rng.normal(size=(5, 12, 24))

        def coefficients(matrix=None):
            moved = points if matrix is None else points @ matrix.T
            y = solid_harmonics(moved.reshape(-1, 3), 4).reshape(5, 12, 25)
            return torch.from_numpy(np.einsum("apm,apc->mac", y, colour) / 12)

        return coefficients

    @pytest.mark.parametrize("sign", [1, -1])
    @pytest.mark.parametrize("product_degree", [0, 1, 2, 3, 4])
    def test_invariants_are_invariant(self, seen, rng, sign, product_degree):
        """The rules on the sphere are exact for quadruple products of every degree."""
        network = dataclasses.replace(NETWORKS["steerable"], product_degree=product_degree)
        steerable = seeded(specification("steerable", network=network), dtype="float64").network
        matrix = sign * Rotation.random(rng=rng).as_matrix()

        before, after = steerable.invariants(seen()), steerable.invariants(seen(matrix))

        assert before.shape == (5, 2 * 5 * 8 + 5 * 6)
        laws.close(after, before, laws.STRICT.same)

    def test_products_see_more_than_pairs(self, seen, steerable):
        """Turning one degree against the others keeps every pair product, and must show in the triple ones."""
        coefficients, turned = seen(), seen()
        turned[4:9] = seen(Rotation.from_euler("z", 50, degrees=True).as_matrix())[4:9]

        before, after = steerable.invariants(coefficients), steerable.invariants(turned)

        laws.close(after[:, :80], before[:, :80], laws.STRICT.same)
        assert float((after - before)[:, 80:].abs().max()) > 1e-3

    def test_products_are_means_over_the_sphere(self, steerable):
        """A field that is the same everywhere has its own powers as means."""
        coefficients = torch.zeros(25, 1, 24, dtype=torch.float64)
        coefficients[0] = 0.1
        field = coefficients[0, 0] @ steerable.fields[0]
        one, two = field.roll(1), field.roll(2)
        expected = [field**3, field**2 * one, field * one * two, field**4, field**2 * one**2]

        laws.close(steerable.invariants(coefficients)[0, 80:], torch.cat(expected), laws.STRICT.same)

    def test_without_products_only_pairs_are_left(self):
        network = SteerableSpec(channels=8, products=0, hidden=(16,))
        steerable = seeded(specification("steerable", network=network), dtype="float64").network

        assert steerable.invariants(torch.zeros(25, 2, 24, dtype=torch.float64)).shape == (2, 80)

    def test_degree_zero_is_enough_for_a_network(self):
        network = SteerableSpec(degree=0, channels=4, products=3, hidden=())
        steerable = seeded(specification("steerable", network=network), dtype="float64").network

        energies = steerable(torch.ones(1, 5, 24, dtype=torch.float64), KINDS)

        assert torch.isfinite(energies).all()
        assert float(energies.abs().max()) > 0

    def test_standardised_invariants_are_tamed_before_the_dense_layers(self, steerable, seen):
        """They grow like a logarithm beyond the range that training knew."""
        x = torch.asinh((steerable.invariants(seen()) - steerable.mean) * steerable.scale)
        nothing = steerable.dense(torch.asinh(-steerable.mean * steerable.scale).expand(5, -1), KINDS)

        laws.close(steerable(seen(), KINDS), steerable.dense(x, KINDS) - nothing, laws.STRICT.same)

    def test_whitening_mixes_channels_before_the_weights(self, steerable, seen, rng):
        """Coefficients times a matrix, or the matrix in the buffer: the same invariants."""
        matrix = torch.from_numpy(rng.normal(size=(24, 24)))
        expected = steerable.invariants(seen() @ matrix)

        steerable.whiten.copy_(matrix.expand_as(steerable.whiten))

        laws.close(steerable.invariants(seen()), expected, laws.STRICT.same)

    def test_what_can_be_computed_is_not_stored(self, steerable):
        assert not {"filters", "sphere", "weights"} & set(steerable.state_dict())


class TestDense:
    def test_it_is_a_perceptron_for_each_species(self, rng):
        """Written out with NumPy."""
        layers = SpeciesDense(4, (3,), species=2).double().requires_grad_(False)
        layers.biases[0].copy_(torch.from_numpy(rng.normal(size=(2, 3))))
        x, kinds = rng.normal(size=(5, 4)), np.array([0, 1, 1, 0, 1])

        actual = layers(torch.from_numpy(x), torch.from_numpy(kinds))

        first, last, bias = (p.numpy() for p in (layers.weights[0], layers.weights[1], layers.biases[0]))
        for i, k in enumerate(kinds):
            hidden = x[i] @ first[k] + bias[k]
            hidden = hidden / (1 + np.exp(-hidden))
            assert_allclose(actual[i], hidden @ last[k, :, 0])

    def test_without_hidden_layers_it_is_linear(self, rng):
        layers = SpeciesDense(4, (), species=1).double().requires_grad_(False)
        x = torch.from_numpy(rng.normal(size=(5, 4)))

        assert_allclose(layers(x, torch.zeros(5, dtype=torch.long)), x @ layers.weights[0][0, :, 0])

    def test_one_input_for_all_species(self, rng):
        layers = SpeciesDense(4, (3,), species=3).double().requires_grad_(False)
        x = torch.from_numpy(rng.normal(size=4))

        assert_allclose(layers.constant(x), layers(x.expand(3, 4), torch.arange(3)))

    def test_species_that_are_absent_are_no_trouble(self):
        layers = SpeciesDense(4, (3,), species=3)

        assert layers(torch.ones(2, 4), torch.tensor([2, 2])).shape == (2,)
        assert layers(torch.ones(0, 4), torch.zeros(0, dtype=torch.long)).shape == (0,)
