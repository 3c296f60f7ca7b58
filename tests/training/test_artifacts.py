"""Model files in half precision."""

from __future__ import annotations

import torch

from voxpot_training.artifacts import halved, load_artifact, save_artifact


def test_single_precision_is_halved_and_comes_back_as_single(tmp_path):
    tensors = {"weight": torch.randn(7, 5), "memory": torch.randn(4, dtype=torch.float64)}
    path = tmp_path / "model.safetensors"
    save_artifact(path, kind="cgcnn", spec={}, card={}, tensors=halved(tensors))
    back = load_artifact(path, kinds=("cgcnn",)).tensors
    assert back["weight"].dtype == torch.float32
    assert torch.allclose(back["weight"], tensors["weight"], rtol=6e-4, atol=1e-6)
    assert torch.equal(back["memory"], tensors["memory"])


def test_tensors_beyond_the_range_of_half_precision_stay_single():
    out = halved({"fine": torch.ones(2), "wide": torch.tensor([1.0, 1e6])})
    assert out["fine"].dtype == torch.float16
    assert torch.equal(out["wide"], torch.tensor([1.0, 1e6]))
