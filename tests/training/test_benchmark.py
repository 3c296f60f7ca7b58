"""The cost of a training step: what is counted, what is measured, and that wrong gradients are told."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from ase_voxpot.benchmark.machine import Peaks
from voxpot_training import benchmark
from voxpot_training.benchmark import app, count_step


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(benchmark, "ENOUGH", 0.0)
    monkeypatch.setattr(benchmark, "FEWEST", 1)
    monkeypatch.setattr(benchmark, "measure_peaks", lambda *_: Peaks(flops=1e11, bandwidth=1e10))


def test_every_part_is_counted_and_measured(quick, tmp_path):
    path = tmp_path / "cost.json"

    result = CliRunner().invoke(app, ["--model", "motaw-fast", "--atoms", "60", "--json", str(path)])

    assert result.exit_code == 0, result.output
    found = json.loads(path.read_text())
    assert found["deviation"] < 1e-5
    assert set(found["flops"]) < set(found["seconds"]["1"])
    assert all(value > 0 for value in found["seconds"]["1"].values())


def test_wrong_gradients_are_an_error(quick, monkeypatch):
    right = benchmark._gradients
    monkeypatch.setattr(
        benchmark,
        "_gradients",
        lambda p, predict, b: [g * (1 if predict._graph else 1.001) for g in right(p, predict, b)],
    )

    result = CliRunner().invoke(app, ["--model", "motaw-fast", "--atoms", "54"])

    assert result.exit_code == 1
    assert "gradients differ by" in result.output
    assert isinstance(result.exception, SystemExit)


def test_a_step_costs_some_evaluations():
    spec = benchmark.load_potential("motaw", device="cpu").spec
    cost = count_step(spec, pairs=26.0)

    assert cost["first pass"] < cost["second pass"] < 2 * cost["first pass"]
    assert sum(cost.values()) < 4 * cost["first pass"]


@pytest.mark.parametrize("threads", ["0", "two", ""])
def test_numbers_of_threads_are_checked(threads):
    assert CliRunner().invoke(app, ["--threads", threads]).exit_code == 2
