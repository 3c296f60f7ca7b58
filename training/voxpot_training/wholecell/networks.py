"""The networks of the paper, from voxels of a frame to forces on all its atoms.

    CNN      [conv 2³ → (max-pool 2³) → LeakyReLU 0.001 → dropout] × 3, then Fx, Fy, Fz
    dense    [linear → LeakyReLU 0.001 → dropout] × 2, then Fx, Fy, Fz

each of the last three a linear layer and tanh, with one output per atom.  A convolution
with a kernel of 2 has no middle; zeros are put behind the last voxel of every axis, so that the
grid keeps its size ("same").  Without that 4³ voxels would be used up before the third
convolution.  Max-pooling follows the first two convolutions, which 4³ voxels just allow, the
same at every resolution.  LeakyReLU rises everywhere, so that it is the same before and
after max-pooling, and cheaper after it.  The paper does not specify the dense network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import nn
from torch.nn.functional import pad

from ase_voxpot.errors import ConfigError, SpecError

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["ForceNetwork", "NetworkSpec", "build"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    """Layers, from the voxels on."""

    shape: Literal["cnn", "dense"] = "cnn"
    widths: tuple[int, ...] = (256, 128, 64)  # filters of the convolutions, or units of the dense layers
    poolings: int = 2  # so many convolutions are followed by max-pooling
    dropout: float = 0.5
    slope: float = 0.001  # of LeakyReLU below 0

    def __post_init__(self) -> None:
        if not self.widths or min(self.widths) < 1:
            raise ConfigError(f"network.widths: expected at least one width from 1 on, got {self.widths}")
        most = len(self.widths) if self.shape == "cnn" else self.poolings
        if not (0 <= self.dropout < 1 and 0 <= self.poolings <= most):
            raise ConfigError(
                "network: expected dropout from 0 to 1 and no more poolings than layers, "
                f"got {self.dropout} and {self.poolings}"
            )


class Same(nn.Conv3d):
    """A convolution with zero padding behind the last voxel of every axis."""

    def forward(self, x: Float[Tensor, "frame channel n n n"]) -> Float[Tensor, "frame filter n n n"]:
        """The output has the size of the input."""
        behind = self.kernel_size[0] - 1
        return super().forward(pad(x, (0, behind) * 3).contiguous(memory_format=torch.channels_last_3d))


class Standardise(nn.Module):
    """Every voxel less its mean, over its standard deviation; voxels that never change become 0."""

    mean: Tensor
    scale: Tensor

    def __init__(self, n: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n, n, n))
        self.register_buffer("scale", torch.ones(n, n, n))

    def fit(self, mean: Tensor, deviation: Tensor) -> None:
        """Compute the moments of the training frames."""
        self.mean.copy_(mean)
        # constant within single precision
        steady = deviation <= 4e-7 * mean.abs()
        self.scale.copy_(torch.where(steady, torch.zeros_like(deviation), 1 / deviation.clamp_min(1e-30)))

    def forward(self, voxels: Float[Tensor, "frame n n n"]) -> Float[Tensor, "frame one n n n"]:
        """With an axis for channels."""
        return ((voxels - self.mean) * self.scale).unsqueeze(1)


class ForceNetwork(nn.Module):
    """Voxels to forces between -1 and 1, in units of the largest force."""

    def __init__(self, spec: NetworkSpec, *, n: int, atoms: int) -> None:
        super().__init__()
        self.standardise = Standardise(n)
        self.body, features = (_convolutions if spec.shape == "cnn" else _dense)(spec, n)
        self.heads = nn.ModuleList(nn.Sequential(nn.Linear(features, atoms), nn.Tanh()) for _ in range(3))

    def forward(self, voxels: Float[Tensor, "frame n n n"]) -> Float[Tensor, "frame atom 3"]:
        """Forces in units of the largest."""
        hidden = self.body(self.standardise(voxels))
        return torch.stack([head(hidden) for head in self.heads], dim=-1)


def _convolutions(spec: NetworkSpec, n: int) -> tuple[nn.Sequential, int]:
    layers: list[nn.Module] = []
    before = 1
    for k, width in enumerate(spec.widths):
        layers.append(Same(before, width, 2))
        if k < spec.poolings:
            layers.append(nn.MaxPool3d(2))
            n //= 2
        layers += [nn.LeakyReLU(spec.slope), nn.Dropout(spec.dropout)]
        before = width
    if n == 0:
        raise SpecError("network: more poolings than the voxels allow; take fewer, or more voxels")
    # faster on a CPU
    body = nn.Sequential(*layers, nn.Flatten())
    body.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload] # torch's own annotation lacks it
    return body, before * n**3


def _dense(spec: NetworkSpec, n: int) -> tuple[nn.Sequential, int]:
    layers: list[nn.Module] = [nn.Flatten()]
    before = n**3
    for width in spec.widths:
        layers += [nn.Linear(before, width), nn.LeakyReLU(spec.slope), nn.Dropout(spec.dropout)]
        before = width
    return nn.Sequential(*layers), before


def build(spec: NetworkSpec, *, n: int, atoms: int, seed: int) -> ForceNetwork:
    """A network with random weights from the seed.

    Raises:
        SpecError: fewer voxels than the layers need.
    """
    torch.manual_seed(seed)
    network = ForceNetwork(spec, n=n, atoms=atoms)
    for layer in network.body.modules():
        if isinstance(layer, nn.Conv3d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, a=spec.slope)  # torch's default reduces the variance
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    for weights in network.heads.parameters():
        nn.init.zeros_(weights)  # initial forces are zero
    return network
