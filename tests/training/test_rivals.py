"""Optimisers that SOAP is compared with: what each is in exact terms, and that each trains a potential."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from voxpot_training.config import load_config
from voxpot_training.learning import read_log
from voxpot_training.potential.batches import Predictor, collate, make_example
from voxpot_training.potential.rivals.kalman import Kalman, block_places
from voxpot_training.potential.rivals.last_layer import columns_of, least_squares, rows_of, solve_last_layer
from voxpot_training.potential.rivals.muon import Muon, orthogonalised
from voxpot_training.potential.rivals.tasks import RIVALS
from voxpot_training.potential.train import errors_on, fit_potential


def filtered(inputs: torch.Tensor, labels: torch.Tensor, shapes, *, group: int = 1, passes: int = 1, **options):
    """Weights after measurements of ``group`` rows each, and the filter."""
    weights = [torch.nn.Parameter(torch.zeros(shape, dtype=inputs.dtype)) for shape in shapes]
    held = [0.0]
    optimiser = Kalman(weights, error=lambda: held[0], **options)
    for rows in [*torch.arange(len(labels)).split(group)] * passes:
        optimiser.zero_grad()
        flat = torch.cat([w.flatten() for w in weights])
        error = (labels[rows] - inputs[rows] @ flat).abs().mean()
        error.backward()
        held[0] = float(error.detach())
        optimiser.step()
    return torch.cat([w.detach().flatten() for w in weights]), optimiser


@pytest.fixture
def equations():
    torch.manual_seed(0)
    inputs = torch.randn(40, 7, dtype=torch.float64)
    return inputs, inputs @ torch.randn(7, dtype=torch.float64) + 0.1 * torch.randn(40, dtype=torch.float64)


def test_one_block_without_forgetting_is_least_squares(equations):
    inputs, labels = equations

    found, optimiser = filtered(inputs, labels, [(2, 3), (1,)], block=7, forgetting=1.0, variance=50.0)

    information = inputs.T @ inputs + torch.eye(7, dtype=torch.float64) / 50
    assert_allclose(found, torch.linalg.solve(information, inputs.T @ labels), rtol=1e-9)
    assert_allclose(optimiser.covariance[0], torch.linalg.inv(information), atol=1e-10)


@pytest.mark.parametrize(("block", "group"), [(7, 5), (3, 1), (2, 2)])
def test_blocks_and_groups_of_rows_reach_the_solution_of_equations_that_have_one(equations, block, group):
    inputs, _ = equations
    solution = torch.linspace(-1, 1, 7, dtype=torch.float64)

    found, _ = filtered(inputs, inputs @ solution, [(7,)], block=block, group=group, passes=60)

    assert_allclose(found, solution, atol=1e-4)


def test_forgetting_follows_a_solution_that_moves(equations):
    inputs, _ = equations
    before, after = torch.zeros(7, dtype=torch.float64), torch.ones(7, dtype=torch.float64)
    labels = torch.cat([inputs @ before, inputs @ after])
    errors = [
        (filtered(torch.cat([inputs, inputs]), labels, [(7,)], block=7, forgetting=f, growth=1.0)[0] - after).norm()
        for f in (0.9, 1.0)
    ]
    assert errors[0] < 0.1 * errors[1]


def test_the_factor_of_forgetting_approaches_one(equations):
    _, optimiser = filtered(*equations, [(7,)], forgetting=0.9, growth=0.5)
    assert optimiser.forgetting == pytest.approx(1 - 0.1 * 0.5**40, abs=1e-15)


@pytest.mark.parametrize("size", [1, 4, 5, 100])
def test_every_weight_has_a_place_of_its_own_and_no_block_overflows(size):
    counts = [3, 11, 1, 4]

    places = block_places(counts, size)

    assert len(places) == len(set(places.tolist())) == sum(counts)
    assert np.bincount(places // size).max() <= size
    assert (np.bincount(places // size) > 0).all()


def test_parameters_share_blocks_and_large_ones_are_cut_into_equal_parts():
    assert (block_places([2, 3, 10], 6) // 6).tolist() == [0] * 5 + [1] * 5 + [2] * 5


@pytest.mark.parametrize("shape", [(2, 5, 9), (3, 9, 5), (1, 6, 6)])
def test_singular_vectors_stay_and_singular_values_come_close_to_one(shape):
    torch.manual_seed(1)
    matrix = torch.randn(shape, dtype=torch.float64)

    found = orthogonalised(matrix)

    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    values = u.mT @ found @ v.mT
    diagonal = values.diagonal(dim1=-2, dim2=-1)
    assert_allclose(values, torch.diag_embed(diagonal), atol=1e-10)
    assert 0.6 < diagonal.min() < diagonal.max() < 1.25


def test_muon_changes_vectors_as_adam_does_and_matrices_by_steps_of_its_size():
    torch.manual_seed(2)
    vectors = [torch.nn.Parameter(torch.ones(4)) for _ in range(2)]
    matrix = torch.nn.Parameter(torch.zeros(2, 8, 16))
    muon = Muon([vectors[0], matrix], lr=0.01)
    adam = torch.optim.AdamW([vectors[1]], lr=0.01, betas=(0.95, 0.95), weight_decay=0.0)
    for _ in range(5):
        for vector in vectors:
            vector.grad = torch.tensor([1.0, -2.0, 3.0, 0.1]) + vector.detach()
        before = matrix.detach().clone()
        matrix.grad = torch.randn(2, 8, 16)
        muon.step()
        adam.step()
    assert_allclose(vectors[0].detach(), vectors[1].detach(), rtol=1e-6)
    assert float((matrix.detach() - before).square().mean().sqrt()) == pytest.approx(0.01 * 0.2, rel=0.3)


@pytest.mark.parametrize("name", sorted(RIVALS))
def test_each_lowers_the_errors_of_a_potential(name, write_config, tmp_path):
    config = load_config(write_config(epochs=6))
    rate, clip = (1e-2, 5.0) if name == "muon" else (1.0, 1e9)
    config = replace(config, schedule=replace(config.schedule, rate=rate, clip=clip))

    fit_potential(config, tmp_path, tmp_path / "run", kind=RIVALS[name])

    rows = read_log(tmp_path / "run" / "log.csv")
    assert float(rows[-1]["valid_force"]) < 0.7 * float(rows[0]["valid_force"])


def test_predictions_are_the_columns_times_the_weights_of_the_last_layer(write_config, tmp_path):
    potential, frames, split = fit_potential(load_config(write_config(epochs=1)), tmp_path, tmp_path / "run")
    examples = [make_example(frames.atoms[k], frames.labels[k], potential.spec) for k in split.train[:3]]
    weights = potential.network.dense.weights[-1]
    batch, predict = collate(examples, weights), Predictor(potential.representation)

    expected = rows_of(predict(potential.network, batch, train=False))
    found = columns_of(predict.engine_for(potential.network), potential.network, batch) @ weights.numpy().ravel()

    assert len(expected) == 3 * 7 + 3 * len(batch.owner)
    assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


def test_rows_with_large_errors_pull_at_the_solution_no_more_than_in_the_loss():
    columns, bounds = np.ones((5, 1)), np.full(5, 0.1)
    change = least_squares(columns, np.array([0.0, 0, 0, 0, 100]), np.ones(5), bounds, ridge=0.0)
    assert change == pytest.approx(0.1 / 4, rel=0.1)  # the others hold it with 4 v, the last one with 0.1


def test_a_last_layer_that_was_spoilt_is_found_again(write_config, tmp_path):
    config = load_config(write_config(epochs=30))
    potential, frames, split = fit_potential(config, tmp_path, tmp_path / "run")
    before = errors_on(potential, frames, split.validation)
    potential.network.dense.weights[-1].zero_()
    spoilt = errors_on(potential, frames, split.validation)

    solve_last_layer(potential, frames, split, config.loss, ridge=1e-4)

    after = errors_on(potential, frames, split.validation)
    assert before["score"] < 0.3 * spoilt["score"]
    assert after["score"] < 1.2 * before["score"]
