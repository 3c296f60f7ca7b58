"""A potential that computes as on a GPU, on the CPU: in torch, and in Triton's interpreter."""

from __future__ import annotations

import copy
import sys
from importlib.util import find_spec

import pytest
import torch

from ase_voxpot import kernels as fused
from ase_voxpot.descriptor import expansion_of
from ase_voxpot.engines.cuda.engine import CudaEngine


@pytest.fixture
def interpreted(monkeypatch):
    """The kernels of ``kernels``, run by Triton's interpreter."""
    if find_spec("triton") is None:
        pytest.skip("needs Triton")
    if torch.cuda.is_available():
        pytest.skip("where there is a GPU the kernels are compiled for it")
    monkeypatch.setenv("TRITON_INTERPRET", "1")  # read when the modules are imported, here anew
    for name in ("painting", "invariants"):
        monkeypatch.delitem(sys.modules, f"ase_voxpot.kernels.{name}", raising=False)
        monkeypatch.delattr(fused, name, raising=False)
    monkeypatch.setattr(fused, "usable", lambda tensor: True)


@pytest.fixture(params=["torch", "triton"])
def spelling(request):
    if request.param == "triton":
        request.getfixturevalue("interpreted")
    return request.param


@pytest.fixture
def resident_of(potential_of):
    """Potentials by precision whose structures live on a device."""

    def get(dtype: str = "float64"):
        potential = copy.copy(potential_of("steerable", dtype))
        potential.engine = CudaEngine(potential.network, expansion_of(potential.spec), potential.baseline)
        return potential

    return get
