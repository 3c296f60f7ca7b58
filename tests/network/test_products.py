"""Squares and products: values against their definition, derivatives up to the second."""

from __future__ import annotations

import pytest
import torch
from numpy.testing import assert_allclose

from ase_voxpot.network.products import power_spectrum, products


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_power_spectrum_is_the_sum_over_m(channels):
    u = torch.randn(9, 4, channels, dtype=torch.float64)

    x = power_spectrum(u, 2).view(4, 3, 2, channels)

    for l in range(3):
        block = u[l * l : (l + 1) ** 2]
        before = torch.stack([block[..., k - 1] for k in range(channels)], -1)
        assert_allclose(x[:, l, 0], (block**2).sum(0), rtol=1e-12)
        assert_allclose(x[:, l, 1], block[0] if l == 0 else (block * before).sum(0), rtol=1e-12)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_products_are_what_they_say(channels):
    f, w = torch.randn(6, 4, channels, dtype=torch.float64), torch.rand(6, dtype=torch.float64)
    f1 = torch.stack([f[..., k - 1] for k in range(channels)], -1)
    f2 = torch.stack([f1[..., k - 1] for k in range(channels)], -1)

    x = products(f, w).view(4, 5, channels)

    for kind, product in enumerate((f**3, f**2 * f1, f * f1 * f2, f**4, f**2 * f1**2)):
        assert_allclose(x[:, kind], torch.einsum("p,pak->ak", w, product), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_both_can_be_differentiated_twice(channels):
    u = torch.randn(9, 2, channels, dtype=torch.float64, requires_grad=True)
    f = torch.randn(5, 2, channels, dtype=torch.float64, requires_grad=True)
    w = torch.rand(5, dtype=torch.float64)

    for check in (torch.autograd.gradcheck, torch.autograd.gradgradcheck):
        assert check(lambda u: power_spectrum(u, 2), u)
        assert check(lambda f: products(f, w), f)
