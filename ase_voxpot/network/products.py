"""Invariants of equivariant features: power spectrum, and means of products on a sphere.

For features u [harmonic, atom, k] and fields f [point, atom, k], with k₋ the channel before k
(cyclic) and w the weights of the sphere:

    power_spectrum   Σ_m u_mk²,  Σ_m u_mk u_mk₋  per degree;  the second is u itself for l = 0
    products         Σ_p w_p of  f_k³,  f_k² f_k₋,  f_k f_k₋ f_k₋₋,  f_k⁴,  f_k² f_k₋²

Each comes with its adjoint (for forces) and, for a loss on forces, with the derivatives of
the adjoint: ``power_spectrum`` and ``products`` are torch functions that can be differentiated
twice, one pass of a Numba kernel per derivative on the CPU and plain torch elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numba import prange

from ase_voxpot import kernels as fused
from ase_voxpot.compiled import njit
from ase_voxpot.network.shapes import KINDS

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = [
    "products",
    "products_adjoint_into",
    "products_into",
    "power_spectrum",
    "power_spectrum_adjoint_into",
    "power_spectrum_into",
]


@njit(parallel=True, fastmath=True)
def power_spectrum_into(u, degree, x):  # pragma: no cover - compiled
    """Write the power spectrum to the first columns of x [atom, invariant]."""
    channels = u.shape[2]
    for i in prange(u.shape[1]):
        for l in range(degree + 1):
            start = 2 * channels * l
            own, cross = x[i, start : start + channels], x[i, start + channels : start + 2 * channels]
            own[:] = 0
            cross[:] = 0
            for m in range(l * l, (l + 1) * (l + 1)):
                row = u[m, i]
                for k in range(channels):
                    own[k] += row[k] * row[k]
                if l == 0:
                    cross[:] = row
                    continue
                cross[0] += row[0] * row[channels - 1]
                for k in range(1, channels):
                    cross[k] += row[k] * row[k - 1]


@njit(inline="always")
def _cross_adjoint(row, cross, out):  # pragma: no cover - compiled
    """Add the derivative of Σ_k cross_k row_k row_k₋ by the row."""
    channels = len(row)
    out[0] += cross[0] * row[channels - 1]
    out[channels - 1] += cross[0] * row[0]
    for k in range(1, channels):
        out[k] += cross[k] * row[k - 1]
    for k in range(channels - 1):
        out[k] += cross[k + 1] * row[k + 1]


@njit(parallel=True, fastmath=True)
def power_spectrum_adjoint_into(u, degree, gx, linear, gu):  # pragma: no cover - compiled
    """Write dE/du from dE/dx; ``linear`` is 1, or 0 to leave out the terms that do not depend on u."""
    channels = u.shape[2]
    two, linear = u.dtype.type(2), u.dtype.type(linear)
    for i in prange(u.shape[1]):
        for l in range(degree + 1):
            start = 2 * channels * l
            own, cross = gx[i, start : start + channels], gx[i, start + channels : start + 2 * channels]
            for m in range(l * l, (l + 1) * (l + 1)):
                row, out = u[m, i], gu[m, i]
                for k in range(channels):
                    out[k] = two * own[k] * row[k]
                if l == 0:
                    for k in range(channels):
                        out[k] += linear * cross[k]
                    continue
                _cross_adjoint(row, cross, out)


@njit(parallel=True, fastmath=True)
def _power_spectrum_tangent_into(u, v, degree, tx):  # pragma: no cover - compiled
    """Write the directional derivative of the power spectrum along v."""
    channels = u.shape[2]
    two = u.dtype.type(2)
    for i in prange(u.shape[1]):
        for l in range(degree + 1):
            start = 2 * channels * l
            own, cross = tx[i, start : start + channels], tx[i, start + channels : start + 2 * channels]
            own[:] = 0
            cross[:] = 0
            for m in range(l * l, (l + 1) * (l + 1)):
                a, b = u[m, i], v[m, i]
                for k in range(channels):
                    own[k] += two * a[k] * b[k]
                if l == 0:
                    cross[:] = b
                    continue
                cross[0] += a[0] * b[channels - 1] + b[0] * a[channels - 1]
                for k in range(1, channels):
                    cross[k] += a[k] * b[k - 1] + b[k] * a[k - 1]


@njit(inline="always")
def _wrap(row, out):  # pragma: no cover - compiled
    """Copy a row, with its last two entries before and its first two after it."""
    channels = len(row)
    out[2 : channels + 2] = row
    out[0], out[1] = row[(channels - 2) % channels], row[channels - 1]
    out[channels + 2], out[channels + 3] = row[0], row[1 % channels]


@njit(parallel=True, fastmath=True)
def products_into(f, weight, start, x):  # pragma: no cover - compiled
    """Write the products to the columns of x [atom, invariant] from ``start`` on."""
    points, atoms, channels = f.shape
    for i in prange(atoms):
        a = np.zeros((KINDS, channels), f.dtype)
        e = np.empty(channels + 4, f.dtype)
        for p in range(points):
            w = weight[p]
            _wrap(f[p, i], e)
            for k in range(channels):
                here, before, earlier = e[k + 2], e[k + 1], e[k]
                square = w * here * here
                cross = here * before
                a[0, k] += square * here
                a[1, k] += square * before
                a[2, k] += w * cross * earlier
                a[3, k] += square * here * here
                a[4, k] += w * cross * cross
        for j in range(KINDS):
            for k in range(channels):
                x[i, start + j * channels + k] = a[j, k]


@njit(inline="always")
def _load(gx, i, start, channels, g):  # pragma: no cover - compiled
    """The cotangents of one atom, each row with its first two entries once more behind."""
    for j in range(KINDS):
        for k in range(channels):
            g[j, k] = gx[i, start + j * channels + k]
        g[j, channels], g[j, channels + 1] = g[j, 0], g[j, 1 % channels]


@njit(parallel=True, fastmath=True)
def products_adjoint_into(f, weight, start, gx, gf):  # pragma: no cover - compiled
    """Write dE/df from dE/dx."""
    points, atoms, channels = f.shape
    two, three, four = f.dtype.type(2), f.dtype.type(3), f.dtype.type(4)
    for i in prange(atoms):
        g = np.empty((KINDS, channels + 2), f.dtype)
        e = np.empty(channels + 4, f.dtype)
        _load(gx, i, start, channels, g)
        for p in range(points):
            w = weight[p]
            out = gf[p, i]
            _wrap(f[p, i], e)
            for k in range(channels):
                earlier, before, here, after, later = e[k], e[k + 1], e[k + 2], e[k + 3], e[k + 4]
                square = here * here
                own = three * g[0, k] * square + two * here * before * (g[1, k] + g[4, k] * before)
                own += four * g[3, k] * square * here + g[2, k] * before * earlier
                shifted = after * (after * (g[1, k + 1] + two * g[4, k + 1] * here) + before * g[2, k + 1])
                out[k] = w * (own + shifted + g[2, k + 2] * after * later)


@njit(parallel=True, fastmath=True)
def _products_second_into(f, v, weight, gx, tx, hf):  # pragma: no cover - compiled
    """Derivatives of ⟨v, adjoint(f, gx)⟩: by gx to tx (the change of the products along v), by f to hf."""
    points, atoms, channels = f.shape
    two, three, four = f.dtype.type(2), f.dtype.type(3), f.dtype.type(4)
    six, twelve = f.dtype.type(6), f.dtype.type(12)
    for i in prange(atoms):
        g = np.empty((KINDS, channels + 2), f.dtype)
        e, d = np.empty(channels + 4, f.dtype), np.empty(channels + 4, f.dtype)
        t = np.zeros((KINDS, channels), f.dtype)
        _load(gx, i, 0, channels, g)
        for p in range(points):
            w = weight[p]
            out = hf[p, i]
            _wrap(f[p, i], e)
            _wrap(v[p, i], d)
            for k in range(channels):
                here, before, earlier = e[k + 2], e[k + 1], e[k]
                vhere, vbefore, vearlier = d[k + 2], d[k + 1], d[k]
                square, cross = here * here, here * before
                change = vhere * before + here * vbefore
                t[0, k] += w * three * square * vhere
                t[1, k] += w * (two * cross * vhere + square * vbefore)
                t[2, k] += w * (change * earlier + cross * vearlier)
                t[3, k] += w * four * square * here * vhere
                t[4, k] += w * two * cross * change
            for k in range(channels):
                earlier, before, here, after, later = e[k], e[k + 1], e[k + 2], e[k + 3], e[k + 4]
                vearlier, vbefore, vhere, vafter, vlater = d[k], d[k + 1], d[k + 2], d[k + 3], d[k + 4]
                own = six * g[0, k] * here * vhere + two * g[1, k] * (vhere * before + here * vbefore)
                own += g[2, k] * (vbefore * earlier + before * vearlier) + twelve * g[3, k] * here * here * vhere
                own += two * g[4, k] * before * (vhere * before + two * here * vbefore)
                shifted = two * g[1, k + 1] * after * vafter + g[2, k + 1] * (vafter * before + after * vbefore)
                shifted += two * g[4, k + 1] * after * (two * vafter * here + after * vhere)
                out[k] = w * (own + shifted + g[2, k + 2] * (vlater * after + later * vafter))
        for j in range(KINDS):
            for k in range(channels):
                tx[i, j * channels + k] = t[j, k]


class _PowerSpectrum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, degree: int) -> Tensor:
        ctx.save_for_backward(u)
        ctx.degree = degree
        x = u.new_empty(u.shape[1], 2 * u.shape[2] * (degree + 1))
        power_spectrum_into(u.detach().numpy(), degree, x.numpy())
        return x

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor, None]:
        return _PowerSpectrumAdjoint.apply(*ctx.saved_tensors, cotangents[0].contiguous(), ctx.degree), None


class _PowerSpectrumAdjoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, gx: Tensor, degree: int) -> Tensor:
        ctx.save_for_backward(u, gx)
        ctx.degree = degree
        gu = torch.empty_like(u)
        power_spectrum_adjoint_into(u.detach().numpy(), degree, gx.detach().numpy(), 1.0, gu.numpy())
        return gu

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor, Tensor, None]:
        (u, gx), v = ctx.saved_tensors, cotangents[0].contiguous()
        hu, tx = torch.empty_like(u), torch.empty_like(gx)
        # the power spectrum is bilinear: its adjoint at v is the derivative of the adjoint along v
        power_spectrum_adjoint_into(v.numpy(), ctx.degree, gx.detach().numpy(), 0.0, hu.numpy())
        _power_spectrum_tangent_into(u.detach().numpy(), v.numpy(), ctx.degree, tx.numpy())
        return hu, tx, None


class _Products(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, f: Tensor, weights: Tensor) -> Tensor:
        ctx.save_for_backward(f, weights)
        x = f.new_empty(f.shape[1], KINDS * f.shape[2])
        products_into(f.detach().numpy(), weights.numpy(), 0, x.numpy())
        return x

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor, None]:
        f, weights = ctx.saved_tensors
        return _ProductsAdjoint.apply(f, cotangents[0].contiguous(), weights), None


class _ProductsAdjoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, f: Tensor, gx: Tensor, weights: Tensor) -> Tensor:
        ctx.save_for_backward(f, gx, weights)
        gf = torch.empty_like(f)
        products_adjoint_into(f.detach().numpy(), weights.numpy(), 0, gx.detach().numpy(), gf.numpy())
        return gf

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor, Tensor, None]:
        (f, gx, weights), v = ctx.saved_tensors, cotangents[0].contiguous()
        hf, tx = torch.empty_like(f), torch.empty_like(gx)
        arrays = (t.detach().numpy() for t in (f, v, weights, gx, tx, hf))
        _products_second_into(*arrays)
        return hf, tx, None


def power_spectrum(
    u: Float[Tensor, "harmonic atom channel"], degree: int, *, once: bool = False
) -> Float[Tensor, "atom invariant"]:
    """Two invariants per degree and channel, see above.

    With ``once``, the result can be differentiated once only, by faster kernels where they exist.
    """
    if once and fused.usable(u):
        from ase_voxpot.kernels import invariants

        return invariants.power_spectrum(u, degree)
    if u.device.type == "cpu":
        x: Tensor = _PowerSpectrum.apply(u.contiguous(), degree)
        return x
    out = []
    for l in range(degree + 1):
        block = u[l * l : (l + 1) ** 2]
        out += [(block * block).sum(0), block[0] if l == 0 else (block * block.roll(1, 2)).sum(0)]
    return torch.cat(out, 1)


def products(
    f: Float[Tensor, "point atom channel"], weights: Float[Tensor, " point"], *, once: bool = False
) -> Float[Tensor, "atom invariant"]:
    """Five invariants per channel, see above; ``once`` as for ``power_spectrum``."""
    if once and fused.usable(f):
        from ase_voxpot.kernels import invariants

        return invariants.products(f, weights)
    if f.device.type == "cpu":
        x: Tensor = _Products.apply(f.contiguous(), weights)
        return x
    f1, f2, w = f.roll(1, 2), f.roll(2, 2), weights[:, None, None]
    square, cross = f * f, f * f1
    kinds = (square * f, square * f1, cross * f2, square * square, cross * cross)
    return torch.cat([(w * kind).sum(0) for kind in kinds], 1)
