"""The kernels are the equations of the networks, and a compiler for GPUs takes them."""

from __future__ import annotations

import pytest
import torch

from ase_voxpot.descriptor import Expansion, autograd as gpu
from ase_voxpot.network import products as plain
from tests import laws

pytest.importorskip("triton")

EXPANSION = Expansion(cutoff=5.0, narrowing=0.07, radial=5, degree=3)
GENERATOR = torch.Generator().manual_seed(7)


def random(*shape, dtype=torch.float64):
    return torch.randn(*shape, dtype=dtype, generator=GENERATOR)


def both_ways(function, argument, weight):
    argument = argument.clone().requires_grad_()
    result = function(argument)
    return result.detach().numpy(), torch.autograd.grad((result * weight).sum(), argument)[0].numpy()


def assert_same(actual, expected, tolerance):
    for a, b in zip(actual, expected, strict=True):
        laws.close(a, b, tolerance)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-5)])
@pytest.mark.parametrize(
    "expansion",
    [
        EXPANSION,
        Expansion(cutoff=4.2, narrowing=0.0, radial=8, degree=4),
        Expansion(cutoff=4.7, narrowing=0.33, radial=2, degree=1),
    ],
)
def test_painting(interpreted, expansion, dtype, tolerance):
    from ase_voxpot.kernels.density import deposit_table

    offset = 2.5 * random(7, 13, 3)
    channel = torch.randint(-1, 3, (7, 13), generator=GENERATOR, dtype=torch.int32)
    weight = random(expansion.harmonics, 7, 3 * expansion.radial)

    expected = both_ways(lambda d: gpu.deposit_table(d, channel, species=3, expansion=expansion), offset, weight)
    actual = both_ways(
        lambda d: deposit_table(d, channel, species=3, expansion=expansion), offset.to(dtype), weight.to(dtype)
    )

    assert (torch.from_numpy(actual[1])[channel < 0] == 0).all()
    assert_same(actual, expected, tolerance)


def test_a_table_is_painted_like_a_list_of_pairs():
    offset = 2.5 * random(4, 6, 3)
    channel = torch.randint(-1, 2, (4, 6), generator=GENERATOR)
    real = channel >= 0
    centre = torch.arange(4)[:, None].expand(4, 6)[real]

    table = gpu.deposit_table(offset, channel, species=2, expansion=EXPANSION)

    pairs = gpu.deposit(offset[real], centre, channel[real], shape=(4, 2), expansion=EXPANSION)
    laws.close(table, pairs, laws.STRICT.same)


def test_a_neighbour_on_the_atom_has_a_finite_slope(interpreted):
    from ase_voxpot.kernels.density import deposit_table

    offset = torch.zeros(1, 1, 3, dtype=torch.float64)
    channel = torch.zeros(1, 1, dtype=torch.int32)
    values, slopes = both_ways(lambda d: deposit_table(d, channel, species=1, expansion=EXPANSION), offset, 1.0)

    assert abs(values[0].sum() - EXPANSION.radial) < 1e-12  # S_00 = 1, and every shell
    assert abs(slopes).max() < 10


@pytest.mark.parametrize("channels", [1, 2, 3, 24])
def test_power_spectrum(interpreted, channels):
    from ase_voxpot.kernels.invariants import power_spectrum

    u, weight = random(16, 5, channels), random(5, 8 * channels)

    assert_same(
        both_ways(lambda u: power_spectrum(u, 3), u, weight),
        both_ways(lambda u: plain.power_spectrum(u, 3), u, weight),
        1e-13,
    )


@pytest.mark.parametrize("channels", [1, 2, 3, 24])
def test_products(interpreted, channels):
    from ase_voxpot.kernels.invariants import products

    f, weights, weight = random(11, 5, channels), random(11).abs(), random(5, 5 * channels)

    assert_same(
        both_ways(lambda f: products(f, weights), f, weight),
        both_ways(lambda f: plain.products(f, weights), f, weight),
        1e-12,
    )


def test_they_are_differentiated_once_and_never_silently_twice(interpreted):
    from ase_voxpot.kernels.invariants import power_spectrum, products

    f = random(9, 2, 3).requires_grad_()
    for result in (power_spectrum(f, 2), products(f, random(9))):
        (slope,) = torch.autograd.grad(result.square().sum(), f, create_graph=True)
        with pytest.raises(RuntimeError, match="have been used in the graph"):
            torch.autograd.grad(slope.sum(), f)


COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from ase_voxpot.kernels import invariants
from ase_voxpot.kernels import density as painting

def build(kernel, number, **known):
    kinds = {"channel": "*i32", "slots": "i32", "places": "i32", "lanes": "i32", "channels": "i32"}
    names = kernel.arg_names
    signature = {n: "constexpr" if n in known else kinds.get(n, "*" + number) for n in names}
    source = ASTSource(kernel, signature, {(names.index(n),): v for n, v in known.items()})
    assert "cubin" in triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm

for number in ("fp32", "fp64"):
    for kernel in (painting._factors, painting._slopes):
        build(kernel, number, CUTOFF=5.0, NARROWING=0.1, DEGREE=4, SPECIES=3, SHELLS=8, BLOCK=painting.BLOCK)
    for kernel in (invariants._power_spectrum, invariants._power_spectrum_adjoint):
        build(kernel, number, DEGREE=4, BLOCK=invariants.BLOCK)
    for kernel in (invariants._products, invariants._products_adjoint):
        build(kernel, number, POINTS=38, BLOCK=invariants.BLOCK)
"""


@pytest.mark.slow
def test_a_compiler_for_gpus_takes_them(tmp_path):
    import os
    import subprocess
    import sys

    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE],
        env=environment | {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
