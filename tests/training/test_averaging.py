"""Batch norms of averaged weights."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import nn

from voxpot_training.averaging import has_batch_norms, settle
from voxpot_training.config import Schedule
from voxpot_training.loop import fit


def _network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Dropout(0.5), nn.Linear(5, 1))


def _batches(count: int = 4) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(20, 3, generator=generator) for _ in range(count)]


def test_settled_norms_know_the_mean_and_the_variance_of_what_goes_through_them():
    torch.manual_seed(0)
    network, batches = _network().train(), _batches()
    settle(network, batches, network)
    seen = torch.stack([network[0](batch) for batch in batches]).detach()
    assert torch.allclose(network[1].running_mean, seen.mean(dim=(0, 1)), atol=1e-6)
    assert torch.allclose(network[1].running_var, seen.var(dim=1).mean(dim=0), atol=1e-6)
    assert network[1].momentum == 0.1


def test_settling_leaves_weights_and_the_dice_alone():
    torch.manual_seed(0)
    network = _network().train()
    before, state = [p.clone() for p in network.parameters()], torch.get_rng_state()
    settle(network, _batches(), network)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    assert torch.equal(state, torch.get_rng_state())


def test_only_networks_with_batch_norms_are_settled():
    assert has_batch_norms(_network())
    assert not has_batch_norms(nn.Linear(2, 2))


def test_what_a_training_hands_back_has_norms_of_its_own_weights(tmp_path):
    torch.manual_seed(0)
    network, batches = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Linear(5, 1)), _batches()

    def loss(batch, progress):
        task.network.train()
        return (task.network(batch).squeeze(1) - batch.sum(1)).square().mean(), {}

    def validate(given):
        given.eval()
        with torch.no_grad():
            return {"score": float((given(batches[0]).squeeze(1) - batches[0].sum(1)).square().mean())}

    task = SimpleNamespace(
        network=network, batches_per_epoch=4, batches=lambda epoch: batches, loss=loss, validate=validate
    )
    schedule = Schedule(epochs=6, rate=0.05, averaging=0.95, validate_every=2)
    best = fit(task, schedule, tmp_path, resume=False, quiet=True)
    seen = torch.stack([best[0](batch) for batch in batches]).detach()
    assert task.network is network
    assert torch.allclose(best[1].running_mean, seen.mean(dim=(0, 1)), atol=1e-5)
