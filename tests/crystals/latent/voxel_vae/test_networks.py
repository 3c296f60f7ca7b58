"""Networks on the torus: laws of shifts, shapes, and specs that make no sense."""

from __future__ import annotations

import pytest
import torch

from ase_voxpot.errors import SpecError
from voxpot_crystals.latent.voxel_vae.networks import Double, Halve, LabelNet, LabelSpec, VAESpec, VoxelVAE
from voxpot_crystals.latent.voxel_vae.tasks import balanced_cross_entropy


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def test_halving_and_doubling_follow_a_shift_around_the_torus():
    x, halve, double = torch.randn(2, 3, 8, 8, 8), Halve(3, 4), Double(4, 3)
    shifted = torch.roll(x, (2, 4, 6), (2, 3, 4))
    assert torch.allclose(halve(shifted), torch.roll(halve(x), (1, 2, 3), (2, 3, 4)), atol=1e-6)
    y = halve(x)
    moved = torch.roll(y, (1, 2, 3), (2, 3, 4))
    assert torch.allclose(double(moved), torch.roll(double(y), (2, 4, 6), (2, 3, 4)), atol=1e-6)


def test_doubling_is_the_adjoint_of_halving():
    halve, double = Halve(3, 4), Double(4, 3)
    double.spread.weight.data = halve.weight.data.clone()
    for part in (halve, double.spread):
        part.bias.data.zero_()
    x, y = torch.randn(1, 3, 8, 8, 8), torch.randn(1, 4, 4, 4, 4)
    with torch.no_grad():
        assert float((halve(x) * y).sum()) == pytest.approx(float((x * double(y)).sum()), rel=1e-4)


def test_labels_follow_a_shift_and_crystals_do_not_see_each_other():
    network = LabelNet(LabelSpec(channels=(4, 8, 8)), 5, 16, 7).eval()
    x = torch.randn(3, 5, 16, 16, 16)
    with torch.no_grad():
        result = network(x)
        assert result.shape == (3, 8, 16, 16, 16)
        moved = network(torch.roll(x, (4, 8, 12), (2, 3, 4)))
        assert torch.allclose(moved, torch.roll(result, (4, 8, 12), (2, 3, 4)), atol=1e-5)
        assert torch.allclose(network(x[1:2]), result[1:2], atol=1e-5)


def test_the_autoencoder_has_the_shapes_that_it_says():
    network = VoxelVAE(VAESpec(channels=(8, 16), latent=10, hidden=12), 5, 16, 7).eval()
    mean, spread = network.encode(torch.randn(3, 5, 16, 16, 16), torch.randn(3, 6))
    assert mean.shape == spread.shape == (3, 10)
    assert network.decode(mean).shape == (3, 5, 16, 16, 16)
    assert network.lattice(mean).shape == (3, 6)
    assert network.composition(mean).shape == (3, 7)


def test_atoms_and_emptiness_weigh_the_same_in_the_loss():
    labels = torch.full((1, 4, 4, 4), 2)
    labels[0, 0, 0, 0] = 1  # one voxel of an atom among 63 of none
    sure_of_atom, sure_of_none = torch.zeros(1, 3, 4, 4, 4), torch.zeros(1, 3, 4, 4, 4)
    sure_of_atom[0, 1, 0, 0, 0] = 20
    sure_of_none[0, 2, labels[0] == 2] = 20
    assert float(balanced_cross_entropy(sure_of_atom, labels)) == pytest.approx(
        float(balanced_cross_entropy(sure_of_none, labels)), rel=1e-4
    )


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: VAESpec(channels=()), "sizes from 1"),
        (lambda: LabelSpec(channels=(8,)), "at least two"),
        (lambda: VoxelVAE(VAESpec(channels=(4, 4, 4)), 5, 16, 7), "at most 2 halvings of 16 voxels"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(make, sentence):
    with pytest.raises(SpecError, match=sentence):
        make()
