"""Loading a model: in child processes of every kind, without random numbers, without work that nobody asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ase_voxpot.weights import load_potential
from tests.saved import save_tiny_and_certain

ENERGY_IN_A_CHILD = """
import multiprocessing, sys
from ase.build import bulk
from ase_voxpot import VoxPotCalculator

def energy(model, answers):
    atoms = bulk("W", cubic=True).repeat(3)
    atoms.calc = VoxPotCalculator(model)
    answers.put(atoms.get_potential_energy())

if __name__ == "__main__":
    method, model, torch_first, parent = sys.argv[1:]
    if torch_first == "yes":  # with threads at work, which a fork has not
        import torch
        torch.set_num_threads(2)
        torch.rand(1500, 1500) @ torch.rand(1500, 1500)
        torch.rand(10**6).exp()
    here = multiprocessing.Queue()
    if parent == "before":
        energy(model, here)
    context = multiprocessing.get_context(method)
    answers = context.Queue()
    child = context.Process(target=energy, args=(model, answers))
    child.start()
    there = answers.get(timeout=60)
    child.join(100)
    assert child.exitcode == 0
    if parent == "after":  # else Numba's threads end the fork, with a sentence
        energy(model, here)
    print(abs(there - here.get()) < 1e-4)
"""


def run(program, *arguments, **environment):
    root = Path(__file__).parents[1]
    paths = os.pathsep.join([str(root), str(root / "training")])
    threads = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS")
    kept = {k: v for k, v in os.environ.items() if k not in threads}
    return subprocess.run(
        [sys.executable, program, *map(str, arguments)],
        env=kept | {"PYTHONPATH": paths} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_tiny_and_certain(tmp_path_factory.mktemp("model"))


@pytest.mark.parametrize("torch_first", ["no", "yes"])
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_child_process_loads_a_model_and_answers(method, torch_first, model, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(ENERGY_IN_A_CHILD)

    found = run(program, method, model, torch_first, "before")

    assert (found.stdout, found.returncode) == ("True\n", 0), found.stderr


@pytest.mark.parametrize("kind", ["plain", "dense"])
def test_so_do_networks_that_torch_evaluates(kind, potential_of, tmp_path):
    from ase_voxpot.weights import save_potential

    program = tmp_path / "program.py"
    program.write_text(ENERGY_IN_A_CHILD)

    model = save_potential(potential_of(kind), tmp_path / "model.safetensors")

    found = run(program, "fork", model, "yes", "after")

    assert (found.stdout, found.returncode) == ("True\n", 0), found.stderr


@pytest.mark.parametrize("route", [None, "voxels"])
def test_loading_draws_no_random_numbers(route, model):
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002

    potential = load_potential(model, device="cpu", route=route)
    assert potential.network is not None

    after = torch.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert (before[1] == after[1]).all()


def test_an_uncertainty_is_prepared_when_it_is_first_asked_for(model, crystal):
    potential = load_potential(model, device="cpu")

    potential.evaluate(crystal)
    assert "_both" not in vars(potential.uncertainty)

    potential.evaluate(crystal, uncertainty=True)
    assert "_both" in vars(potential.uncertainty)
