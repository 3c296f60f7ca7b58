"""The networks: convolutions with periodic padding.

``VoxelVAE``   map and lattice to a latent vector (mean and variance), and back
``LabelNet``   a U-Net: map to the element of every voxel, or none; its features also measure
               the similarity of two maps (deep features, X. Hou et al., WACV 2017)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from ase_voxpot.errors import SpecError
from voxpot_crystals.structures.lattice import TYPICAL

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

__all__ = ["LabelNet", "LabelSpec", "VAESpec", "VoxelVAE"]

SMALLEST = 4
"""Voxels along an axis of the coarsest pictures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VAESpec:
    """Sizes of the autoencoder: channels at n/2, n/4 … voxels, down to 4."""

    channels: tuple[int, ...] = (32, 64)
    latent: int = 96
    hidden: int = 256  # of the lattice's and the composition's heads

    def __post_init__(self) -> None:
        if not self.channels or not all(1 <= c <= 1024 for c in (*self.channels, self.latent, self.hidden)):
            raise SpecError(f"vae: expected sizes from 1 to 1024, got {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSpec:
    """Channels of the U-Net at n, n/2, n/4 … voxels."""

    channels: tuple[int, ...] = (16, 32, 64)

    def __post_init__(self) -> None:
        if len(self.channels) < 2 or not all(1 <= c <= 1024 for c in self.channels):
            raise SpecError(f"labels: expected at least two sizes from 1 to 1024, got {self}")


def convolution(inner: int, outer: int) -> nn.Conv3d:
    """3³, around the torus."""
    return nn.Conv3d(inner, outer, 3, padding=1, padding_mode="circular")


class Halve(nn.Conv3d):
    """4³ in steps of two, around the torus."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__(inner, outer, 4, stride=2, padding=1, padding_mode="circular")


class Double(nn.Module):
    """The adjoint of ``Halve``: twice as many voxels, around the torus."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.spread = nn.ConvTranspose3d(inner, outer, 4, stride=2)

    def forward(self, x: Float[Tensor, "crystal inner n n n"]) -> Float[Tensor, "crystal outer m m m"]:
        wrapped = nn.functional.pad(x, (1,) * 6, mode="circular")
        return self.spread(wrapped)[..., 3:-3, 3:-3, 3:-3]


class Residual(nn.Module):
    """x + conv(silu(norm(x)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(min(8, channels), channels)
        self.mix = convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mix(nn.functional.silu(self.norm(x)))


class VoxelVAE(nn.Module):
    """Maps and lattices to latent vectors and back."""

    def __init__(self, spec: VAESpec, channels: int, voxels: int, species: int) -> None:
        super().__init__()
        _check_depth(len(spec.channels), voxels, "vae")
        self.spec = spec
        sizes = (channels, *spec.channels)
        down: list[nn.Module] = []
        up: list[nn.Module] = []
        for inner, outer in zip(sizes, sizes[1:], strict=False):
            down += [Halve(inner, outer), Residual(outer)]
            up = [Residual(outer), Double(outer, inner), *up]
        self.down, self.up = nn.Sequential(*down), nn.Sequential(*up)
        self._coarse = (sizes[-1], *(voxels >> len(spec.channels),) * 3)
        flat = sizes[-1] * (voxels >> len(spec.channels)) ** 3
        self.narrow = nn.Linear(flat + 6, 2 * spec.latent)
        self.widen = nn.Linear(spec.latent, flat)
        self.shape = nn.Sequential(nn.Linear(spec.latent, spec.hidden), nn.SiLU(), nn.Linear(spec.hidden, 6))
        self.share = nn.Sequential(nn.Linear(spec.latent, spec.hidden), nn.SiLU(), nn.Linear(spec.hidden, species))

    def encode(
        self, maps: Float[Tensor, "crystal channel n n n"], lattice: Float[Tensor, "crystal 6"]
    ) -> tuple[Float[Tensor, "crystal latent"], Float[Tensor, "crystal latent"]]:
        """Mean and logarithm of the variance."""
        seen = nn.functional.silu(self.down(maps)).flatten(1)
        mean, spread = self.narrow(torch.cat([seen, lattice - lattice.new_tensor(TYPICAL)], dim=1)).chunk(2, dim=1)
        return mean, spread.clamp(-12.0, 4.0)

    def decode(self, latent: Float[Tensor, "crystal latent"]) -> Float[Tensor, "crystal channel n n n"]:
        """The map."""
        return self.up(self.widen(latent).reshape(-1, *self._coarse))

    def lattice(self, latent: Float[Tensor, "crystal latent"]) -> Float[Tensor, "crystal 6"]:
        """The logarithm of the Gram matrix."""
        return self.shape(latent) + latent.new_tensor(TYPICAL)

    def composition(self, latent: Float[Tensor, "crystal latent"]) -> Float[Tensor, "crystal species"]:
        """Logits of the shares of the elements."""
        return self.share(latent)


class LabelNet(nn.Module):
    """A U-Net on the torus: every voxel's element; the last class is none."""

    def __init__(self, spec: LabelSpec, channels: int, voxels: int, species: int) -> None:
        super().__init__()
        _check_depth(len(spec.channels) - 1, voxels, "labels")
        self.first = convolution(channels, spec.channels[0])
        pairs = list(zip(spec.channels, spec.channels[1:], strict=False))
        self.down = nn.ModuleList([nn.Sequential(Halve(a, b), Residual(b)) for a, b in pairs])
        self.up = nn.ModuleList([Double(b, a) for a, b in reversed(pairs)])
        self.join = nn.ModuleList([nn.Sequential(nn.SiLU(), convolution(2 * a, a)) for a, _ in reversed(pairs)])
        self.out = nn.Conv3d(spec.channels[0], species + 1, 1)

    def features(self, maps: Float[Tensor, "crystal channel n n n"]) -> list[Tensor]:
        """Features of all levels, from fine to coarse."""
        seen = [self.first(maps)]
        for step in self.down:
            seen.append(step(nn.functional.silu(seen[-1])))
        return seen

    def forward(self, maps: Float[Tensor, "crystal channel n n n"]) -> Float[Tensor, "crystal label n n n"]:
        """Logits of the elements, none last."""
        *skips, state = self.features(maps)
        for double, join, skip in zip(self.up, self.join, reversed(skips), strict=True):
            state = join(torch.cat([double(nn.functional.silu(state)), skip], dim=1))
        return self.out(nn.functional.silu(state))


def _check_depth(halvings: int, voxels: int, name: str) -> None:
    if voxels >> halvings < SMALLEST:
        raise SpecError(
            f"{name}.channels: expected at most {(voxels // SMALLEST).bit_length() - 1} halvings of {voxels} voxels, "
            f"so that {SMALLEST} stay along an axis, got {halvings}"
        )
