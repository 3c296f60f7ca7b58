"""Networks on crystals in reciprocal space.

``VoxelNet`` is the published one: three convolutions of 3³ without padding (16 filters, SELU, two of them followed
by the maximum over 2³) and layers of 32, 8 and 1.  Of the channels of all elements only those of a
crystal's own are painted; the first convolution picks their filters.  On cross-spectra these filters are

    W_f(ab) = Σ_cd K_f,cd (e_a,c e_b,d + e_b,c e_a,d)

of learned numbers e per element.  ``ShellNet`` mixes powder spectra in the same way,

    P_cd,l(r) = |Σ_ab (e_a,c e_b,d + e_b,c e_a,d) S_ab,lm(r)|_m,

(for l = 0 without the modulus) and reads them with dense layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from ase.data import atomic_numbers
from torch import nn
from torch.nn.functional import conv3d, max_pool3d, pad, selu

from voxpot_crystals.regression.elements import HEAVIEST, element_features, kinship
from voxpot_crystals.regression.voxelnet.spec import ShellReader

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from voxpot_crystals.regression.voxelnet.batches import ShellBatch, VoxelBatch
    from voxpot_crystals.regression.voxelnet.spec import VoxelNetSpec, VoxelReader

__all__ = ["ElementNumbers", "ShellNet", "VoxelNet", "network_of"]

TINY = 1e-4
"""Added under a root; norms well below its own root count by their square."""


def network_of(spec: VoxelNetSpec) -> nn.Module:
    """The network of a spec, untrained."""
    if isinstance(spec.reader, ShellReader):
        return ShellNet(spec.reader)
    return VoxelNet(spec.reader, spec.elements)


class ElementNumbers(nn.Module):
    """Learned numbers of an element: a mixture of its properties, and a part shared by similar elements.

    The second part starts at zero and is ``kinship`` times what is learned, so that an element without
    training data follows similar ones.
    """

    features: Tensor
    kinship: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("features", torch.from_numpy(element_features()).float(), persistent=False)
        self.register_buffer("kinship", torch.from_numpy(kinship()).float(), persistent=False)
        self.mix = nn.Linear(self.features.shape[1], channels)
        self.free = nn.Parameter(torch.zeros(HEAVIEST + 1, channels))

    def forward(self, numbers: Tensor) -> Float[Tensor, "... channel"]:
        """Of every Z; 0 stands for none and gives zeros."""
        table = self.mix(self.features) + self.kinship @ self.free
        return table[numbers] * (numbers > 0)[..., None]


def products(numbers: Float[Tensor, "crystal pair 2 channel"]) -> Float[Tensor, "crystal pair product"]:
    """e_a,c e_b,d + e_b,c e_a,d of every pair of elements, for c <= d."""
    c, d = torch.triu_indices(numbers.shape[-1], numbers.shape[-1]).unbind()
    a, b = numbers.unbind(2)
    return a[..., c] * b[..., d] + b[..., c] * a[..., d]


def dense(widths: tuple[int, ...], activation: type[nn.Module]) -> nn.Sequential:
    """Linear layers, activated but for the last."""
    layers: list[nn.Module] = []
    for wide, next_wide in zip(widths[:-1], widths[1:], strict=True):
        layers += [nn.Linear(wide, next_wide), activation()]
    return nn.Sequential(*layers[:-1])


class VoxelNet(nn.Module):
    """One number per crystal from its voxels."""

    channel: Tensor

    def __init__(self, reader: VoxelReader, elements: tuple[str, ...]) -> None:
        super().__init__()
        channel = torch.zeros(HEAVIEST + 1, dtype=torch.long)
        channel[[atomic_numbers[s] for s in elements]] = torch.arange(len(elements))
        self.register_buffer("channel", channel, persistent=False)
        self.closed = reader.closed
        self.numbers = None if reader.window.field == "moduli" else ElementNumbers(reader.channels)
        seen = len(elements) if self.numbers is None else reader.channels * (reader.channels + 1) // 2
        self.first = nn.Conv3d(seen, reader.filters, 3)
        self.second = nn.Conv3d(reader.filters, reader.filters, 3)
        self.third = nn.Conv3d(reader.filters, reader.filters, 3)
        open_axis, closed_axis = (((reader.window.n - 2) // 2 - 2) // 2 - 2, reader.window.n // 2 // 2)
        voxels = open_axis**2 * (closed_axis if reader.closed else open_axis)
        self.readout = dense((reader.filters * voxels, *reader.hidden, 1), nn.SELU)

    def forward(self, batch: VoxelBatch) -> Float[Tensor, " crystal"]:
        """One number per crystal."""
        state = max_pool3d(selu(self._look(batch)), 2)
        state = max_pool3d(selu(self.second(self._around(state))), 2)
        state = selu(self.third(self._around(state)))
        return self.readout(state.flatten(1)).squeeze(1)

    def _look(self, batch: VoxelBatch) -> Float[Tensor, "crystal filter n n n"]:
        """The first convolution: filters of their own for every crystal, a group of channels each."""
        if self.numbers is None:
            kernel = self.first.weight[:, self.channel[batch.numbers[..., 0]]].transpose(0, 1)
        else:
            kernel = torch.einsum("fqxyz,bpq->bfpxyz", self.first.weight, products(self.numbers(batch.numbers)))
        crystals, filters = kernel.shape[:2]
        bias = self.first.bias.repeat(crystals) if self.first.bias is not None else None
        voxels = self._around(batch.voxels).flatten(0, 1)[None]
        seen = conv3d(voxels, kernel.flatten(0, 1), bias, groups=crystals)
        return seen.view(crystals, filters, *seen.shape[2:])

    def _around(self, state: Float[Tensor, "crystal channel n n n"]) -> Float[Tensor, "crystal channel n n n"]:
        """Where φ is closed, its first voxels once more behind its last, and the other way round."""
        return pad(state, (1, 1, 0, 0, 0, 0), mode="circular") if self.closed else state


class ShellNet(nn.Module):
    """One number per crystal from its powder spectra."""

    def __init__(self, reader: ShellReader) -> None:
        super().__init__()
        self.numbers = ElementNumbers(reader.channels)
        self.degree = reader.degree
        powers = reader.degree // 2 + 1
        mixtures = reader.channels * (reader.channels + 1) // 2
        seen = mixtures * reader.shells * powers + reader.channels + 1
        self.readout = dense((seen, *reader.hidden, 1), nn.SiLU)

    def forward(self, batch: ShellBatch) -> Float[Tensor, " crystal"]:
        """One number per crystal."""
        numbers = self.numbers(batch.numbers)
        rows = torch.arange(len(numbers), device=numbers.device)[:, None, None]
        weight = products(numbers[rows, batch.pair]) * batch.there[..., None]
        mixed = torch.einsum("bpq,bpsm->bqsm", weight, batch.scattered)
        mean = (numbers * batch.share[..., None]).sum(1)
        seen = torch.cat([self._powers(mixed).flatten(1), mean, batch.volume[:, None]], dim=1)
        return self.readout(seen).squeeze(1)

    def _powers(self, mixed: Float[Tensor, "crystal mixture shell harmonic"]) -> Tensor:
        """Rotation invariants: the value for l = 0, the norm over m for higher l."""
        sizes = [2 * l + 1 for l in range(0, self.degree + 1, 2)]
        first, *others = mixed.split(sizes, dim=-1)
        # the root has no slope at zero, where symmetry puts many of them
        norms = [(o.square().sum(-1, keepdim=True) + TINY).sqrt() - TINY**0.5 for o in others]
        return torch.cat([first, *norms], dim=-1)
