"""What needs no torch runs where there is none, and what needs it is refused with the command that installs it."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from tests.saved import save_tiny_and_certain
from tests.test_loading import run

WITHOUT = """
import sys

class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")

sys.meta_path.insert(0, NoTorch())
from ase_voxpot.cli import main
raise SystemExit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("without")
    save_tiny_and_certain(folder)
    (folder / "program.py").write_text(WITHOUT)
    rng, frames = np.random.default_rng(3), []
    for _ in range(4):
        atoms = bulk("W", "bcc", a=3.19, cubic=True).repeat(2)
        atoms.rattle(0.1, rng=rng)
        forces, stress = rng.normal(size=(16, 3)), rng.normal(size=6)
        atoms.calc = SinglePointCalculator(atoms, energy=-60.0 + rng.normal(), forces=forces, stress=stress)
        frames.append(atoms)
    write(folder / "frames.extxyz", frames)
    return folder


@pytest.fixture
def voxpot(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return lambda *words: run(folder / "program.py", *words)


@pytest.mark.parametrize(
    "words",
    [
        ("md", "bcc:MoTaW", "--steps", "5", "-T", "300", "--uncertainty", "warn:9"),
        ("mc", "bcc:MoTaW", "-T", "800", "--sweeps", "2"),
        ("relax", "bcc:MoTaW", "--fmax", "10"),
        ("elastic", "bcc:W", "--model", "motaw-fast"),
        ("evaluate", "frames.extxyz"),
        ("select", "frames.extxyz", "--number", "2"),
        ("validate", "frames.extxyz", "--snapshots", "--no-md"),
        ("info", "certain.safetensors"),
    ],
    ids=lambda words: words[0],
)
def test_a_verb_runs_without_torch(words, voxpot):
    model = () if words[0] in ("info", "elastic") else ("--model", "certain.safetensors")

    found = voxpot(*words, *model)

    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("md", "bcc:W", "--device", "cuda"),
        ("train", "config.toml"),
        ("benchmark",),
        ("check",),
        ("predict", "frames.extxyz", "--model", "cgcnn-perov"),
        ("reconstruct", "frames.extxyz", "--model", "icsg3d-perov", "--output", "back.extxyz"),
        ("generate", "--model", "nesf-lcs6a", "--output", "new.extxyz"),
    ],
    ids=lambda words: words[0],
)
def test_a_verb_that_needs_torch_is_refused_with_a_command(words, voxpot, folder):
    (folder / "config.toml").write_text('kind = "potential"\n')

    found = voxpot(*words)

    assert found.returncode == 2
    assert 'which is not installed: pip install "ase-voxpot[train]"' in found.stderr
    assert "Traceback" not in found.stderr
