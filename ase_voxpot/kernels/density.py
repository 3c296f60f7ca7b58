"""Triton kernels of the coefficients of the density, and of their derivatives.

    A[a, lm, (c, q)] = Σ_p H[a, lm, p] S[a, (c, q), p],   H = S_lm(d_p / r_c),   S = [c = Z_p] f_q(r_p) exp(-γ r_p²/2)

The kernels compute H and S of every neighbour p, and dE/dd from dE/dH and dE/dS; the
sum is a batched matrix product.  The symbols are those of ``descriptor``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import torch
import triton
import triton.language as tl
from torch.autograd.function import once_differentiable

from ase_voxpot.descriptor.harmonics import norms

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from ase_voxpot.descriptor import Expansion

__all__ = ["deposit_table"]

BLOCK = 256
"""Neighbours per Triton program."""


@triton.jit
def _factors(
    offset, channel, norm, slots, places, harmonics, shells,
    CUTOFF: tl.constexpr, NARROWING: tl.constexpr,
    DEGREE: tl.constexpr, SPECIES: tl.constexpr, SHELLS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip  # pragma: no cover - compiled
    """Write H [atom, harmonic, place] and S [atom, channel, place]; channel -1 is an empty place."""
    slot = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    real = slot < slots
    x = tl.load(offset + 3 * slot, mask=real, other=1.0) / CUTOFF
    y = tl.load(offset + 3 * slot + 1, mask=real, other=1.0) / CUTOFF
    z = tl.load(offset + 3 * slot + 2, mask=real, other=1.0) / CUTOFF
    kind = tl.load(channel + slot, mask=real, other=-1)
    atom, place = slot // places, slot % places
    r2 = x * x + y * y + z * z

    out = harmonics + atom * ((DEGREE + 1) * (DEGREE + 1) * places) + place
    cosine, sine = x * 0 + 1, x * 0
    column = 1.0
    for m in tl.static_range(DEGREE + 1):
        lower, q = x * 0, x * 0 + column
        for l in tl.static_range(m, DEGREE + 1):
            w = tl.load(norm + l * (l + 1) + m)
            if m > 0:
                tl.store(out + (l * (l + 1) - m) * places, w * q * sine, mask=real)
            tl.store(out + (l * (l + 1) + m) * places, w * q * cosine, mask=real)
            higher = ((2 * l + 1) * z * q - (l + m) * r2 * lower) / (l + 1 - m)
            lower = q
            q = higher
        turned = x * cosine - y * sine
        sine = x * sine + y * cosine
        cosine = turned
        column *= 2 * m + 1

    out = shells + atom * (SPECIES * SHELLS * places) + place
    inside = tl.maximum(1 - r2, 0)
    height = inside * inside * inside * tl.exp(-0.5 * NARROWING * CUTOFF * CUTOFF * r2)
    turn = tl.cos(3.141592653589793 * tl.sqrt(r2))
    before, here = turn, turn * 0 + 1
    for q in tl.static_range(SHELLS):
        for c in tl.static_range(SPECIES):
            tl.store(out + (c * SHELLS + q) * places, tl.where(kind == c, height * here, 0), mask=real)
        after = 2 * turn * here - before
        before = here
        here = after


@triton.jit
def _slopes(
    offset, channel, norm, slots, places, by_harmonic, by_shell, slope,
    CUTOFF: tl.constexpr, NARROWING: tl.constexpr,
    DEGREE: tl.constexpr, SPECIES: tl.constexpr, SHELLS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip  # pragma: no cover - compiled
    """Write dE/dd [slot, 3] from dE/dH and dE/dS."""
    slot = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    real = slot < slots
    x = tl.load(offset + 3 * slot, mask=real, other=1.0) / CUTOFF
    y = tl.load(offset + 3 * slot + 1, mask=real, other=1.0) / CUTOFF
    z = tl.load(offset + 3 * slot + 2, mask=real, other=1.0) / CUTOFF
    kind = tl.load(channel + slot, mask=real, other=-1)
    atom, place = slot // places, slot % places
    r2 = x * x + y * y + z * z

    at = by_harmonic + atom * ((DEGREE + 1) * (DEGREE + 1) * places) + place
    gx, gy, gz = x * 0, x * 0, x * 0
    cosine, sine = x * 0 + 1, x * 0
    cosine_before, sine_before = x * 0, x * 0
    column = 1.0
    for m in tl.static_range(DEGREE + 1):
        # q is a polynomial of z and r²; lower and q carry their derivatives by both
        lower, lower_z, lower_r = x * 0, x * 0, x * 0
        q, q_z, q_r = x * 0 + column, x * 0, x * 0
        for l in tl.static_range(m, DEGREE + 1):
            w = tl.load(norm + l * (l + 1) + m)
            plus = w * tl.load(at + (l * (l + 1) + m) * places, mask=real, other=0.0)
            even = plus * cosine
            ahead, aside = plus * cosine_before, plus * sine_before
            if m > 0:
                minus = w * tl.load(at + (l * (l + 1) - m) * places, mask=real, other=0.0)
                even += minus * sine
                ahead += minus * sine_before
                aside -= minus * cosine_before
            gx += m * q * ahead + 2 * x * q_r * even
            gy += 2 * y * q_r * even - m * q * aside
            gz += (q_z + 2 * z * q_r) * even
            a, b, c = 2 * l + 1, l + m, l + 1 - m
            higher = (a * z * q - b * r2 * lower) / c
            higher_z = (a * (q + z * q_z) - b * r2 * lower_z) / c
            higher_r = (a * z * q_r - b * (lower + r2 * lower_r)) / c
            lower, lower_z, lower_r = q, q_z, q_r
            q, q_z, q_r = higher, higher_z, higher_r
        cosine_before, sine_before = cosine, sine
        cosine, sine = x * cosine_before - y * sine_before, x * sine_before + y * cosine_before
        column *= 2 * m + 1

    known = real & (kind >= 0)
    at = by_shell + atom * (SPECIES * SHELLS * places) + kind.to(tl.int64) * (SHELLS * places) + place
    r = tl.sqrt(r2)
    rate: tl.constexpr = 0.5 * NARROWING * CUTOFF * CUTOFF
    inside = tl.maximum(1 - r2, 0)
    window = inside * inside * tl.exp(-rate * r2)
    height, fall = inside * window, -(6 + 2 * rate * inside) * window  # fall times r is the derivative
    turn, rise = tl.cos(3.141592653589793 * r), tl.sin(3.141592653589793 * r)
    # sin(q π r) / r is finite where r is not: sin(π r) U_{q-1}, and U carries it
    steep = tl.where(r > 0, rise / tl.where(r > 0, r, 1), 3.141592653589793)
    before, here = turn, turn * 0 + 1
    second, first = turn * 0 - 1, turn * 0
    radial = x * 0
    for q in tl.static_range(SHELLS):
        g = tl.load(at + q * places, mask=known, other=0.0)
        radial += g * (fall * here - height * (q * 3.141592653589793) * steep * first)
        after = 2 * turn * here - before
        before = here
        here = after
        third = 2 * turn * first - second
        second = first
        first = third

    tl.store(slope + 3 * slot, (gx + radial * x) / CUTOFF, mask=real)
    tl.store(slope + 3 * slot + 1, (gy + radial * y) / CUTOFF, mask=real)
    tl.store(slope + 3 * slot + 2, (gz + radial * z) / CUTOFF, mask=real)


@cache
def _norms(degree: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.from_numpy(norms(degree)).to(device, dtype)


class _Paint(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, offset: Tensor, channel: Tensor, species: int, expansion: Expansion) -> Tensor:
        atoms, places = channel.shape
        numbers = (atoms * places, places)
        shape = {
            "CUTOFF": expansion.cutoff,
            "NARROWING": expansion.narrowing,
            "DEGREE": expansion.degree,
            "SPECIES": species,
            "SHELLS": expansion.radial,
            "BLOCK": BLOCK,
        }
        entry = (offset, channel, _norms(expansion.degree, offset.device, offset.dtype), *numbers)
        harmonics = offset.new_empty(atoms, expansion.harmonics, places)
        shells = offset.new_empty(atoms, species * expansion.radial, places)
        grid = (triton.cdiv(atoms * places, BLOCK),)
        _factors[grid](*entry, harmonics, shells, **shape)
        ctx.save_for_backward(offset, channel, harmonics, shells)
        ctx.call = (grid, numbers, shape)
        return torch.bmm(harmonics, shells.transpose(1, 2)).transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor, None, None, None]:
        offset, channel, harmonics, shells = ctx.saved_tensors
        grid, numbers, shape = ctx.call
        field = cotangents[0].transpose(0, 1)  # atom harmonic channel
        by_harmonic, by_shell = torch.bmm(field, shells), torch.bmm(field.transpose(1, 2), harmonics)
        slope = torch.empty_like(offset)
        norm = _norms(shape["DEGREE"], offset.device, offset.dtype)
        _slopes[grid](offset, channel, norm, *numbers, by_harmonic, by_shell, slope, **shape)
        return slope, None, None, None


def deposit_table(
    offset: Float[Tensor, "atom place 3"], channel: Int[Tensor, "atom place"], *, species: int, expansion: Expansion
) -> Float[Tensor, "harmonic atom channel"]:
    """Coefficients A of every atom, differentiable once with respect to ``offset``.

    Args:
        offset: Å, contiguous.
        channel: species number of every neighbour, -1 in empty places.
        species: how many species there are.
        expansion: cutoff, narrowing, shells and degree.
    """
    seen: Tensor = _Paint.apply(offset, channel, species, expansion)
    return seen
