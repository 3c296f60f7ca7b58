"""The optimiser of potentials: where it is Adam, where it is better, and that it can be stopped at any time."""

from __future__ import annotations

import pytest
import torch
from numpy.testing import assert_allclose

from voxpot_training.soap import Soap


def run(make, start: torch.Tensor, loss, steps: int) -> tuple[torch.Tensor, torch.optim.Optimizer]:
    parameter = torch.nn.Parameter(start.clone())
    optimiser = make([parameter])
    for _ in range(steps):
        optimiser.zero_grad()
        loss(parameter).backward()
        optimiser.step()
    return parameter.detach(), optimiser


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_vectors_are_changed_as_by_adam(decay):
    torch.manual_seed(0)
    start, scale = torch.randn(3, 7, dtype=torch.float64), torch.logspace(-2, 2, 7, dtype=torch.float64)
    options = {"lr": 0.01, "betas": (0.9, 0.95), "weight_decay": decay}

    def loss(x: torch.Tensor) -> torch.Tensor:
        return (scale * x * x).sum()

    found, _ = run(lambda p: Soap(p, **options), start, loss, 20)
    expected, _ = run(lambda p: torch.optim.AdamW(p, **options), start, loss, 20)

    assert_allclose(found, expected, rtol=1e-6)


def ill_conditioned(seed: int, columns: int = 4):
    """Least squares whose inputs are strongly correlated: Σ |X (W - T)|² of two stacked matrices."""
    torch.manual_seed(seed)
    inputs = torch.randn(2, 200, 6, dtype=torch.float64) * torch.logspace(0, -2, 6, dtype=torch.float64)
    inputs = inputs @ torch.linalg.qr(torch.randn(2, 6, 6, dtype=torch.float64)).Q
    target = torch.randn(2, 6, columns, dtype=torch.float64)
    return lambda w: (inputs @ (w - target)).square().mean()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_correlated_inputs_cost_it_less_than_adam(seed):
    loss, start = ill_conditioned(seed), torch.zeros(2, 6, 4, dtype=torch.float64)

    by_soap, _ = run(lambda p: Soap(p, lr=0.02), start, loss, 400)
    by_adam, _ = run(lambda p: torch.optim.AdamW(p, lr=0.02, betas=(0.95, 0.95), weight_decay=0.0), start, loss, 400)

    assert loss(by_soap) < 0.2 * loss(by_adam)


def test_rotations_of_inputs_and_outputs_change_nothing():
    loss, start = ill_conditioned(3, columns=6), torch.zeros(2, 6, 6, dtype=torch.float64)  # every eigenvector counts
    turn, back = (torch.linalg.qr(torch.randn(2, 6, 6, dtype=torch.float64)).Q for _ in range(2))

    plain, _ = run(lambda p: Soap(p, lr=0.02), start, loss, 30)
    turned, _ = run(lambda p: Soap(p, lr=0.02), turn.mT @ start @ back, lambda w: loss(turn @ w @ back.mT), 30)

    assert_allclose(turn @ turned @ back.mT, plain, atol=1e-5)  # rounding, as by division by small gradients


def test_a_restored_state_goes_on_as_if_never_stopped():
    loss, start = ill_conditioned(4), torch.zeros(2, 6, 4, dtype=torch.float64)
    whole, _ = run(lambda p: Soap(p, lr=0.02), start, loss, 45)
    half, first = run(lambda p: Soap(p, lr=0.02), start, loss, 25)
    parameter = torch.nn.Parameter(half.clone())
    second = Soap([parameter], lr=0.02)
    second.state[parameter] = {k: v.clone() for k, v in next(iter(first.state.values())).items()}

    for _ in range(20):
        second.zero_grad()
        loss(parameter).backward()
        second.step()

    assert_allclose(parameter.detach(), whole, rtol=0, atol=0)


def test_a_side_that_is_too_large_keeps_its_coordinates():
    start = torch.randn(1, 701, 2, dtype=torch.float64)  # a prime number of rows: no blocks

    found, optimiser = run(lambda p: Soap(p, lr=0.02), start, lambda w: w.square().sum(), 12)

    state = next(iter(optimiser.state.values()))
    assert state["right"].shape == (1, 2, 2)
    assert "left" not in state
    assert found.square().sum() < start.square().sum()


def squares(target: torch.Tensor):
    torch.manual_seed(5)
    inputs = torch.randn(2, 50, 320, dtype=torch.float64)
    return lambda w: (inputs @ (w - target)).square().mean()


def test_tall_matrices_are_changed_block_by_block():
    target = torch.randn(2, 320, 3, dtype=torch.float64)
    loss = squares(target)
    tall, optimiser = run(lambda p: Soap(p, lr=0.02), torch.zeros(2, 320, 3, dtype=torch.float64), loss, 15)
    blocks, _ = run(
        lambda p: Soap(p, lr=0.02),
        torch.zeros(4, 160, 3, dtype=torch.float64),
        lambda w: loss(w.reshape(2, 320, 3)),
        15,
    )

    assert next(iter(optimiser.state.values()))["left"].shape == (4, 160, 160)
    assert_allclose(tall, blocks.reshape(2, 320, 3), rtol=1e-12)


@pytest.mark.parametrize("largest", [640, 200])  # with a basis of the rows, and without
def test_a_training_goes_on_with_the_blocks_that_it_had(monkeypatch, largest):
    loss, start = squares(torch.randn(2, 320, 3, dtype=torch.float64)), torch.zeros(2, 320, 3, dtype=torch.float64)
    monkeypatch.setattr("voxpot_training.soap.LARGEST", largest)
    monkeypatch.setattr("voxpot_training.soap.BLOCK", 1000)  # as before there were any
    whole, _ = run(lambda p: Soap(p, lr=0.02), start, loss, 15)
    half, first = run(lambda p: Soap(p, lr=0.02), start, loss, 5)
    monkeypatch.setattr("voxpot_training.soap.BLOCK", 160)
    parameter = torch.nn.Parameter(half.clone())
    second = Soap([parameter], lr=0.02)
    second.state[parameter] = {k: v.clone() for k, v in next(iter(first.state.values())).items()}

    for _ in range(10):
        second.zero_grad()
        loss(parameter).backward()
        second.step()

    assert_allclose(parameter.detach(), whole, rtol=0, atol=0)


def test_threads_share_the_parameters_and_change_no_bit():
    torch.manual_seed(6)
    starts = [torch.randn(2, 40 + k, 5) for k in range(9)]
    targets = [torch.randn_like(start) for start in starts]

    def trained(threads: int) -> list[torch.Tensor]:
        parameters = [torch.nn.Parameter(start.clone()) for start in starts]
        optimiser = Soap(parameters, lr=0.02)
        optimiser.threads = threads
        for _ in range(25):
            optimiser.zero_grad()
            sum((p - t).square().sum() for p, t in zip(parameters, targets, strict=True)).backward()
            optimiser.step()
        return parameters

    before = torch.get_num_threads()
    for one, two in zip(trained(1), trained(2), strict=True):
        assert torch.equal(one, two)
    assert torch.get_num_threads() == before
