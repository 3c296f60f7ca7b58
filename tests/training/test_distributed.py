"""Two processes on one training, as torchrun starts them."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from ase_voxpot.weights import load_potential
from voxpot_training.distributed import share
from voxpot_training.potential.train import run


def test_alone_a_process_takes_the_whole_batch():
    assert share([4, 2, 9]) == [4, 2, 9]


@pytest.mark.slow
def test_two_processes_train_as_one(write_config, tmp_path):
    config = write_config(epochs=2, schedule='optimiser = "adam"')  # SOAP amplifies the rounding of their sums
    run(config, out=tmp_path / "one")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}

    done = subprocess.run(
        [*command, "-m", "voxpot_training", str(config), "--output", str(tmp_path / "two")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    one, two = (load_potential(tmp_path / name / "small.safetensors", device="cpu") for name in ("one", "two"))
    for (name, a), b in zip(one.network.state_dict().items(), two.network.state_dict().values(), strict=True):
        np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=0, atol=1e-3 * float(a.abs().max()), err_msg=name)
