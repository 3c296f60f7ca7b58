"""Power spectrum and products of ``network.products`` as Triton kernels, one lane per atom and channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import triton
import triton.language as tl
from torch.autograd.function import once_differentiable

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["products", "power_spectrum"]

BLOCK = 256
"""Lanes per Triton program."""
KINDS = 5
"""Kinds of products."""


@triton.jit
def _power_spectrum(u, x, lanes, channels, DEGREE: tl.constexpr, BLOCK: tl.constexpr):  # pragma: no cover - compiled
    """Write x [atom, invariant] from u [harmonic, atom, channel]."""
    lane = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    real = lane < lanes
    atom, k = lane // channels, lane % channels
    row = atom * channels
    before = row + (k + channels - 1) % channels
    out = x + atom * (2 * (DEGREE + 1) * channels) + k
    for l in tl.static_range(DEGREE + 1):
        own = tl.full([BLOCK], 0, u.dtype.element_ty)
        cross = tl.full([BLOCK], 0, u.dtype.element_ty)
        for m in tl.static_range(l * l, (l + 1) * (l + 1)):
            here = tl.load(u + m * lanes + lane, mask=real, other=0.0)
            own += here * here
            if l == 0:
                cross += here
            else:
                cross += here * tl.load(u + m * lanes + before, mask=real, other=0.0)
        tl.store(out + 2 * l * channels, own, mask=real)
        tl.store(out + (2 * l + 1) * channels, cross, mask=real)


@triton.jit
def _power_spectrum_adjoint(
    u, gx, gu, lanes, channels, DEGREE: tl.constexpr, BLOCK: tl.constexpr
):  # pragma: no cover - compiled
    """Write dE/du from dE/dx."""
    lane = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    real = lane < lanes
    atom, k = lane // channels, lane % channels
    row, last, next_ = atom * channels, (k + channels - 1) % channels, (k + 1) % channels
    at = gx + atom * (2 * (DEGREE + 1) * channels)
    for l in tl.static_range(DEGREE + 1):
        own = tl.load(at + 2 * l * channels + k, mask=real, other=0.0)
        cross = tl.load(at + (2 * l + 1) * channels + k, mask=real, other=0.0)
        across = tl.load(at + (2 * l + 1) * channels + next_, mask=real, other=0.0)
        for m in tl.static_range(l * l, (l + 1) * (l + 1)):
            g = 2 * own * tl.load(u + m * lanes + lane, mask=real, other=0.0)
            if l == 0:
                g += cross
            else:
                g += cross * tl.load(u + m * lanes + row + last, mask=real, other=0.0)
                g += across * tl.load(u + m * lanes + row + next_, mask=real, other=0.0)
            tl.store(gu + m * lanes + lane, g, mask=real)


@triton.jit
def _products(f, weight, x, lanes, channels, POINTS: tl.constexpr, BLOCK: tl.constexpr):  # pragma: no cover - compiled
    """Write x [atom, invariant] from f [point, atom, channel]."""
    lane = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    real = lane < lanes
    atom, k = lane // channels, lane % channels
    row = atom * channels
    one, two = row + (k + channels - 1) % channels, row + (k + 2 * channels - 2) % channels
    cubes = tl.full([BLOCK], 0, f.dtype.element_ty)
    pairs = tl.full([BLOCK], 0, f.dtype.element_ty)
    triples = tl.full([BLOCK], 0, f.dtype.element_ty)
    fourths = tl.full([BLOCK], 0, f.dtype.element_ty)
    crosses = tl.full([BLOCK], 0, f.dtype.element_ty)
    for p in range(POINTS):
        w = tl.load(weight + p)
        here = tl.load(f + p * lanes + lane, mask=real, other=0.0)
        before = tl.load(f + p * lanes + one, mask=real, other=0.0)
        earlier = tl.load(f + p * lanes + two, mask=real, other=0.0)
        square, cross = w * here * here, here * before
        cubes += square * here
        pairs += square * before
        triples += w * cross * earlier
        fourths += square * here * here
        crosses += w * cross * cross
    out = x + atom * (5 * channels) + k
    tl.store(out, cubes, mask=real)
    tl.store(out + channels, pairs, mask=real)
    tl.store(out + 2 * channels, triples, mask=real)
    tl.store(out + 3 * channels, fourths, mask=real)
    tl.store(out + 4 * channels, crosses, mask=real)


@triton.jit
def _products_adjoint(
    f, weight, gx, gf, lanes, channels, POINTS: tl.constexpr, BLOCK: tl.constexpr
):  # pragma: no cover - compiled
    """Write dE/df from dE/dx."""
    lane = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    real = lane < lanes
    atom, k = lane // channels, lane % channels
    row = atom * channels
    k1, k2 = (k + 1) % channels, (k + 2) % channels  # whose products hold this channel as the one before, or earlier
    b1, b2 = (k + channels - 1) % channels, (k + 2 * channels - 2) % channels
    at = gx + atom * (5 * channels)
    cubes = 3 * tl.load(at + k, mask=real, other=0.0)
    pairs = 2 * tl.load(at + channels + k, mask=real, other=0.0)
    triples = tl.load(at + 2 * channels + k, mask=real, other=0.0)
    fourths = 4 * tl.load(at + 3 * channels + k, mask=real, other=0.0)
    crosses = 2 * tl.load(at + 4 * channels + k, mask=real, other=0.0)
    pairs_after = tl.load(at + channels + k1, mask=real, other=0.0)
    crosses_after = 2 * tl.load(at + 4 * channels + k1, mask=real, other=0.0)
    triples_after = tl.load(at + 2 * channels + k1, mask=real, other=0.0)
    triples_later = tl.load(at + 2 * channels + k2, mask=real, other=0.0)
    for p in range(POINTS):
        w = tl.load(weight + p)
        here = tl.load(f + p * lanes + lane, mask=real, other=0.0)
        before = tl.load(f + p * lanes + row + b1, mask=real, other=0.0)
        earlier = tl.load(f + p * lanes + row + b2, mask=real, other=0.0)
        after = tl.load(f + p * lanes + row + k1, mask=real, other=0.0)
        later = tl.load(f + p * lanes + row + k2, mask=real, other=0.0)
        square = here * here
        g = cubes * square + here * before * (pairs + crosses * before) + fourths * square * here
        g += triples * before * earlier
        g += after * (after * (pairs_after + crosses_after * here) + before * triples_after)
        g += triples_later * after * later
        tl.store(gf + p * lanes + lane, w * g, mask=real)


class _PowerSpectrum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, degree: int) -> Tensor:
        _, atoms, channels = u.shape
        x = u.new_empty(atoms, 2 * channels * (degree + 1))
        ctx.save_for_backward(u)
        ctx.call = (triton.cdiv(atoms * channels, BLOCK),), (atoms * channels, channels), degree
        grid, numbers, _ = ctx.call
        _power_spectrum[grid](u, x, *numbers, DEGREE=degree, BLOCK=BLOCK)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor, None]:
        (u,), (grid, numbers, degree) = ctx.saved_tensors, ctx.call
        gu = torch.empty_like(u)
        _power_spectrum_adjoint[grid](u, cotangents[0].contiguous(), gu, *numbers, DEGREE=degree, BLOCK=BLOCK)
        return gu, None


class _Products(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, f: Tensor, weights: Tensor) -> Tensor:
        points, atoms, channels = f.shape
        x = f.new_empty(atoms, KINDS * channels)
        ctx.save_for_backward(f, weights)
        ctx.call = (triton.cdiv(atoms * channels, BLOCK),), (atoms * channels, channels), points
        grid, numbers, _ = ctx.call
        _products[grid](f, weights, x, *numbers, POINTS=points, BLOCK=BLOCK)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor, None]:
        (f, weights), (grid, numbers, points) = ctx.saved_tensors, ctx.call
        gf = torch.empty_like(f)
        _products_adjoint[grid](f, weights, cotangents[0].contiguous(), gf, *numbers, POINTS=points, BLOCK=BLOCK)
        return gf, None


def power_spectrum(u: Float[Tensor, "harmonic atom channel"], degree: int) -> Float[Tensor, "atom invariant"]:
    """As ``network.products.power_spectrum``, differentiable once."""
    x: Tensor = _PowerSpectrum.apply(u.contiguous(), degree)
    return x


def products(
    f: Float[Tensor, "point atom channel"], weights: Float[Tensor, " point"]
) -> Float[Tensor, "atom invariant"]:
    """As ``network.products.products``, differentiable once."""
    x: Tensor = _Products.apply(f.contiguous(), weights)
    return x
