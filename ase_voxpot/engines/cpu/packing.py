"""Packing of the weights of a steerable network for the compiled functions."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ase_voxpot.engines.cpu.passes import Weights
from ase_voxpot.network.sphere import sphere_rule
from ase_voxpot.simd.tiles import pack

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from jaxtyping import Float, Int
    from torch import nn

    from ase_voxpot.spec import SteerableSpec

__all__ = ["FixedArrays", "ModuleArrays", "Source", "pack_weights"]


class Source(Protocol):
    """A source of the weights of a network."""

    def version(self) -> Hashable:
        """A value that changes when the weights change."""

    def arrays(self) -> Mapping[str, np.ndarray]:
        """The weights by name, all of one precision."""


class FixedArrays:
    """Weights that do not change."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays = arrays

    def version(self) -> Hashable:
        """Always the same."""
        return None

    def arrays(self) -> Mapping[str, np.ndarray]:
        """The weights."""
        return self._arrays


class ModuleArrays:
    """The weights of a torch module, which may change in training."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._held = [held for part in module.modules() for held in (part._parameters, part._buffers)]

    def version(self) -> Hashable:
        """Addresses of the tensors and torch's version counters."""
        tensors = [tensor for held in self._held for tensor in held.values() if tensor is not None]
        return tuple(number for t in tensors for number in (t.data_ptr(), t._version))

    def arrays(self) -> Mapping[str, np.ndarray]:
        """Views of the tensors."""
        return {name: tensor.detach().numpy() for name, tensor in self._module.state_dict().items()}


def pack_weights(spec: SteerableSpec, arrays: Mapping[str, np.ndarray]) -> Weights:
    """Packed copies of ``arrays``, which have the names and shapes of ``network.shapes``.

    Products of matrices are computed in float64 and rounded once.
    """
    mean, scale = arrays["mean"].copy(), arrays["scale"].copy()
    dtype, degree = mean.dtype, min(spec.degree, spec.product_degree)
    nothing = np.empty(0, dtype)

    def matrices(mixtures: Float[np.ndarray, "degree channel k"]) -> tuple[np.ndarray, np.ndarray]:
        whole = (arrays["whiten"][: len(mixtures)].astype(float) @ mixtures).astype(dtype)
        return pack(whole).ravel(), pack(whole.transpose(0, 2, 1)).ravel()

    power, power_back = matrices(arrays["pairs"])
    fields = fields_back = sphere = sphere_back = point = nothing
    order, even = _order(degree)
    if spec.products:
        fields, fields_back = matrices(arrays["fields"])
        sphere, sphere_back, point = _sphere(degree, dtype)
    layers = [arrays[f"dense.weights.{k}"] for k in range(len(spec.hidden) + 1)]
    biases = [arrays[f"dense.biases.{k}"] for k in range(len(spec.hidden))]
    isolated = _constant(np.arcsinh(-mean.astype(float) * scale), layers, biases).astype(dtype)
    return Weights(
        spec.degree,
        power,
        power_back,
        fields,
        fields_back,
        np.argsort(order),
        even,
        sphere,
        sphere_back,
        point,
        mean,
        scale,
        np.array([w.shape[1] for w in layers]),
        np.concatenate([nothing, *(pack(layer).ravel() for layer in layers[:-1])]),
        np.concatenate([nothing, *(pack(layer.transpose(0, 2, 1)).ravel() for layer in layers[:-1])]),
        np.concatenate([np.empty((len(isolated), 0), dtype), *biases], axis=1),
        layers[-1][:, :, 0].copy(),
        isolated,
    )


def _order(degree: int) -> tuple[Int[np.ndarray, " harmonic"], int]:
    """Harmonics of even degrees before those of odd ones, and the number of the former."""
    degrees = np.repeat(np.arange(degree + 1), 2 * np.arange(degree + 1) + 1)
    return np.argsort(degrees % 2, kind="stable"), int((degrees % 2 == 0).sum())


@lru_cache(maxsize=16)
def _sphere(degree: int, dtype: np.dtype[Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Packed harmonics at the points of half a sphere, the same times the weights of points, and these weights."""
    order, even = _order(degree)
    harmonics, measure = (part.astype(dtype) for part in sphere_rule(degree))
    half = len(measure) // 2
    point = 2 * measure[:half]
    parts = np.split(harmonics[:half, order], [even], axis=1)
    sphere = np.concatenate([pack(y.T) for y in parts])
    return sphere, np.concatenate([pack(point[:, None] * y) for y in parts]), point


def _constant(
    x: Float[np.ndarray, " input"], layers: list[np.ndarray], biases: list[np.ndarray]
) -> Float[np.ndarray, " species"]:
    """The output of the dense layers of every species for one input."""
    h = np.broadcast_to(x, (len(layers[0]), 1, len(x)))
    for weight, bias in zip(layers[:-1], biases, strict=True):
        h = h @ weight + bias[:, None]
        h = h / (1 + np.exp(-h))
    return (h @ layers[-1])[:, 0, 0]
