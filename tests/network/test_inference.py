"""The network by hand against the network by automatic differentiation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from ase_voxpot.network.inference import SteerableInference
from ase_voxpot.network.steerable import SteerableNetwork
from ase_voxpot.spec import Grid, SteerableSpec

GRID = Grid(n=8, spacing=0.9, width=1.2, cutoff=5.0, shells=3, lift=1.5)
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}


def network_of(dtype: torch.dtype, **changes) -> SteerableNetwork:
    torch.manual_seed(4)
    options = {"degree": 3, "channels": 6, "products": 5, "product_degree": 2, "hidden": (12, 8), "filter_width": 0.9}
    network = SteerableNetwork(SteerableSpec(**(options | changes)), GRID, species=2).to(dtype)
    network.mean.normal_()
    network.scale.uniform_(0.1, 1.0)
    for bias in network.dense.biases:
        bias.data.normal_()
    return network.requires_grad_(False)


def by_graph(network, view, species):
    view = view.clone().requires_grad_()
    energies = network(view, torch.from_numpy(species))
    return energies.detach().numpy(), torch.autograd.grad(energies.sum(), view)[0].numpy()


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("changes", [{}, {"products": 0}, {"product_degree": 3}, {"hidden": ()}, {"hidden": (7,)}])
def test_energies_and_derivatives_are_those_of_the_graph(dtype, changes):
    network = network_of(dtype, **changes)
    by_hand = SteerableInference(network)
    rng = np.random.default_rng(0)
    for atoms in (1, 40, 7):  # growing and shrinking, so that buffers are reused
        view, species = torch.randn(16, atoms, 6, dtype=dtype), rng.integers(0, 2, atoms)
        energies, field = by_hand(view, species)

        expected, slope = by_graph(network, view, species)
        assert_allclose(energies, expected, rtol=0, atol=TOLERANCE[dtype] * np.abs(expected).max())
        assert_allclose(field, slope, rtol=0, atol=TOLERANCE[dtype] * np.abs(slope).max())


def test_energies_alone_are_the_same():
    by_hand = SteerableInference(network_of(torch.float64))
    view, species = torch.randn(16, 9, 6, dtype=torch.float64), np.zeros(9, dtype=int)

    alone, nothing = by_hand(view, species, gradient=False)

    assert nothing is None
    assert_allclose(alone, by_hand(view, species)[0], rtol=1e-14)


def test_changed_weights_are_noticed():
    network = network_of(torch.float64)
    by_hand = SteerableInference(network)
    view, species = torch.randn(16, 9, 6, dtype=torch.float64), np.ones(9, dtype=int)
    before = by_hand(view, species)[0].copy()

    network.load_state_dict({k: 1.1 * v for k, v in network.state_dict().items()})
    after = by_hand(view, species)[0]

    assert np.abs(after - before).max() > 1e-3
    assert_allclose(after, by_graph(network, view, species)[0], rtol=1e-10)
