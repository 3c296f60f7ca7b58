"""The steerable network without a graph: energies and their derivative, written by hand.

The same numbers as ``SteerableNetwork`` with automatic differentiation, for the CPU.  Every
linear step is one large matrix product over a chunk of atoms; what lies between them
(squares, products on the sphere, their adjoints) is one pass of a Numba kernel each, over
arrays that are made once and stay in cache.  Harmonics come first in all arrays, so that
each degree is a contiguous matrix:

    coefficients [harmonic, atom, channel] ─ W_l ► u [harmonic, atom, k] ──────────► squares ┐
                                           ─ V_l ► mixed ─ Y ► f [point, atom, k] ─► products ┴► x ► dense ► E
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ase_voxpot.network.products import products_adjoint_into, products_into, squares_adjoint_into, squares_into

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor

    from ase_voxpot.network.steerable import SteerableNetwork

__all__ = ["SteerableInference"]


class SteerableInference:
    """Energies of atoms and their derivative by the coefficients."""

    def __init__(self, network: SteerableNetwork) -> None:
        """Follow ``network``: products of its weights are made anew when these have changed."""
        self._network, self.spec = network, network.spec
        self._version: tuple[int, ...] = ()
        self._buffers: dict[str, Tensor] = {}

    def _follow(self) -> None:
        """Take over the weights, if torch says that somebody wrote to them."""
        network = self._network
        tensors = (*network.parameters(), *network.buffers())
        version = tuple(number for t in tensors for number in (t.data_ptr(), t._version))
        if version == self._version:
            return
        self._pairs = [(network.whiten[l] @ w).contiguous() for l, w in enumerate(network.pairs)]
        self._fields: list[Tensor] = []
        if self.spec.products:
            self._fields = [(network.whiten[l] @ w).contiguous() for l, w in enumerate(network.fields)]
            self._sphere, self._weights = network.sphere, network.weights.numpy()
        self._mean, self._scale, self._dense = network.mean, network.scale, network.dense
        self._empty = network.dense.constant(torch.asinh(-network.mean * network.scale)).numpy()
        self._version = version

    def _buffer(self, name: str, *shape: int) -> Tensor:
        """An array that keeps its memory from call to call."""
        size = int(np.prod(shape))
        found = self._buffers.get(name)
        if found is None or found.numel() < size:
            found = self._buffers[name] = torch.empty(size, dtype=self._pairs[0].dtype)
        return found[:size].view(shape)

    def __call__(
        self,
        coefficients: Float[Tensor, "harmonic atom channel"],
        species: Int[np.ndarray, " atom"],
        *,
        gradient: bool = True,
        features: Float[Tensor, "atom feature"] | None = None,
    ) -> tuple[Float[np.ndarray, " atom"], Float[Tensor, "harmonic atom channel"] | None]:
        """Energies in eV, and dE/dcoefficients unless ``gradient`` is off.

        ``features`` is filled with what the last layer gets.  The second array is a buffer: the
        next call overwrites it.
        """
        with torch.no_grad():
            self._follow()
            return self._run(coefficients, species, gradient, features)

    def _run(
        self, seen: Tensor, species: np.ndarray, gradient: bool, features: Tensor | None
    ) -> tuple[np.ndarray, Tensor | None]:
        atoms, degree = seen.shape[1], self.spec.degree
        channels, products = self.spec.channels, self.spec.products
        start = 2 * channels * (degree + 1)
        x = self._buffer("x", atoms, len(self._mean))
        u = self._buffer("u", seen.shape[0], atoms, channels)
        self._mix(seen, self._pairs, u)
        squares_into(u.numpy(), degree, x.numpy())
        f = None
        if products:
            mixed = self._buffer("mixed", self._sphere.shape[1], atoms, products)
            self._mix(seen, self._fields, mixed)
            f = self._buffer("f", len(self._weights), atoms, products)
            torch.mm(self._sphere, mixed.flatten(1), out=f.flatten(1))
            products_into(f.numpy(), self._weights, start, x.numpy())
        slope = self._tame(x)
        energies, gx = self._perceive(x, species, gradient, features)
        energies -= self._empty[species]
        if gx is None:
            return energies, None
        gx *= slope
        gu = self._buffer("gu", *u.shape)
        squares_adjoint_into(u.numpy(), degree, gx.numpy(), 1.0, gu.numpy())
        field = self._buffer("field", *seen.shape)
        self._mix(gu, [w.T for w in self._pairs], field)
        if f is not None:
            gf = self._buffer("gf", *f.shape)
            products_adjoint_into(f.numpy(), self._weights, start, gx.numpy(), gf.numpy())
            gmixed = self._buffer("gmixed", *mixed.shape)
            torch.mm(self._sphere.T, gf.flatten(1), out=gmixed.flatten(1))
            self._mix(gmixed, [w.T for w in self._fields], field, add=True)
        return energies, field

    def _tame(self, x: Tensor) -> Tensor:
        """Take asinh of the standardised invariants, in place; returns its derivative by what they were.

        As log(|x| + √(1 + x²)), whose parts torch has vectorised; its own asinh is ten times slower.
        """
        x.sub_(self._mean).mul_(self._scale)
        root, size = self._buffer("slope", *x.shape), self._buffer("size", *x.shape)
        torch.mul(x, x, out=root).add_(1).sqrt_()
        torch.abs(x, out=size).add_(root).log_()
        torch.copysign(size, x, out=x)
        return root.reciprocal_().mul_(self._scale)

    @staticmethod
    def _mix(source: Tensor, matrices: list[Tensor], target: Tensor, *, add: bool = False) -> None:
        """One matrix product per degree, from [harmonic, atom, in] to [harmonic, atom, out]."""
        for l, matrix in enumerate(matrices):
            rows = slice(l * l, (l + 1) ** 2)
            out = target[rows].flatten(0, 1)
            if add:
                torch.addmm(out, source[rows].flatten(0, 1), matrix, out=out)
            else:
                torch.mm(source[rows].flatten(0, 1), matrix, out=out)

    def _perceive(
        self, x: Tensor, species: np.ndarray, gradient: bool, features: Tensor | None
    ) -> tuple[np.ndarray, Tensor | None]:
        """The dense layers of every species on its atoms, forwards and backwards."""
        energies = np.empty(len(x), dtype=self._empty.dtype)
        gx = self._buffer("gx", *x.shape) if gradient else None
        for kind in range(len(self._empty)):
            mine = np.flatnonzero(species == kind)
            if not len(mine):
                continue
            said, slope, last = self._layers(x[mine], kind, gradient)
            energies[mine] = said.numpy()
            if features is not None:
                features[mine] = last
            if gx is not None:
                gx[mine] = slope
        return energies, gx

    def _layers(self, h: Tensor, kind: int, gradient: bool) -> tuple[Tensor, Any, Tensor]:
        slopes = []
        weights = [w[kind] for w in self._dense.weights]
        for weight, bias in zip(weights[:-1], self._dense.biases, strict=True):
            z = torch.addmm(bias[kind], h, weight)
            gate = torch.sigmoid(z)
            h = z * gate
            if gradient:
                slopes.append(gate * (1 + z - h))  # silu' = σ + z σ (1 - σ)
        said = (h @ weights[-1])[:, 0]
        if not gradient:
            return said, None, h
        back = weights[-1].T.expand(len(h), -1)
        for weight, slope in zip(weights[-2::-1], slopes[::-1], strict=True):
            back = (back * slope) @ weight.T
        return said, back, h
