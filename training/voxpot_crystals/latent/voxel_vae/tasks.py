"""Training tasks of the two networks.

The label network is trained first; the loss of the autoencoder then includes, besides differences of maps,
differences of the features of the label network.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import cross_entropy, mse_loss

from voxpot_crystals.latent.voxel_vae.batches import collate, varied

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jaxtyping import Float, Int
    from torch import Tensor

    from voxpot_crystals.latent.voxel_vae.batches import Batch
    from voxpot_crystals.latent.voxel_vae.config import Augmentation, GeneratorConfig, GeneratorSchedule
    from voxpot_crystals.latent.voxel_vae.maps import Crystal, Viewer
    from voxpot_crystals.latent.voxel_vae.networks import LabelNet, VoxelVAE

__all__ = ["AutoTask", "LabelTask"]

ASKED = 32
"""Crystals of a batch in validation."""
NOISE = 0.15
"""Largest standard deviation of noise on the maps of the label network, as decoded maps are not exact."""


class _Crystals:
    """Batches of varied crystals, drawn from (seed, epoch) alone, and those of the validation set."""

    def __init__(
        self,
        viewer: Viewer,
        train: Sequence[Crystal],
        valid: Sequence[Crystal],
        how: Augmentation,
        schedule: GeneratorSchedule,
        seed: int,
    ) -> None:
        self._viewer, self._train, self._how, self._seed, self._size = viewer, train, how, seed, schedule.batch
        self.per_epoch = max(len(train) / schedule.batch, 1.0)
        self.valid = [collate(valid[k : k + ASKED], viewer) for k in range(0, len(valid), ASKED)]

    def draw(self, epoch: int) -> Iterator[Batch]:
        rng = np.random.default_rng([self._seed, epoch])
        order, species = rng.permutation(len(self._train)), len(self._viewer.species)
        for start in range(0, len(order), self._size):
            some = [self._train[k] for k in order[start : start + self._size]]
            yield collate([varied(c, self._how, species, rng) for c in some], self._viewer)


def balanced_cross_entropy(
    logits: Float[Tensor, "crystal label n n n"], labels: Int[Tensor, "crystal n n n"]
) -> Tensor:
    """Cross entropy with equal total weights for voxels of atoms and all others."""
    loss = cross_entropy(logits, labels, reduction="none")
    atom = labels < logits.shape[1] - 1
    return (loss[atom].mean() + loss[~atom].mean()) / 2


def share_wrong(logits: Tensor, labels: Tensor) -> float:
    """Share of the voxels of atoms with a wrong element, "none" excluded."""
    atom = labels < logits.shape[1] - 1
    return float((logits[:, :-1].argmax(1)[atom] != labels[atom]).float().mean())


class LabelTask:
    """Voxels to elements."""

    def __init__(
        self,
        network: LabelNet,
        viewer: Viewer,
        train: Sequence[Crystal],
        valid: Sequence[Crystal],
        config: GeneratorConfig,
    ) -> None:
        self.network = network
        self._crystals = _Crystals(viewer, train, valid, config.augmentation, config.label_schedule, config.seed)
        self.batches_per_epoch = self._crystals.per_epoch

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Those of an epoch."""
        return self._crystals.draw(epoch)

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, float]]:
        """Balanced cross entropy of noisy pictures."""
        self.network.train()
        size = NOISE * torch.rand(len(batch.maps), 1, 1, 1, 1)
        logits = self.network(batch.maps + size * torch.randn_like(batch.maps))
        return balanced_cross_entropy(logits, batch.labels), {"species": share_wrong(logits, batch.labels)}

    def validate(self, network: LabelNet) -> dict[str, float]:
        """Of pictures without noise."""
        network.eval()
        figures: defaultdict[str, float] = defaultdict(float)
        with torch.no_grad():
            for batch in self._crystals.valid:
                logits = network(batch.maps)
                figures["valid_species"] += share_wrong(logits, batch.labels) / len(self._crystals.valid)
                figures["score"] += float(balanced_cross_entropy(logits, batch.labels)) / len(self._crystals.valid)
        return dict(figures)


class AutoTask:
    """Pictures to latent vectors and back."""

    def __init__(
        self,
        network: VoxelVAE,
        labels: LabelNet,
        viewer: Viewer,
        train: Sequence[Crystal],
        valid: Sequence[Crystal],
        config: GeneratorConfig,
    ) -> None:
        self.network = network
        self._labels, self._weights = labels.requires_grad_(False).eval(), config.loss
        self._crystals = _Crystals(viewer, train, valid, config.augmentation, config.schedule, config.seed + 1)
        self.batches_per_epoch = self._crystals.per_epoch

    def batches(self, epoch: int) -> Iterator[Batch]:
        """Those of an epoch."""
        return self._crystals.draw(epoch)

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, float]]:
        """All parts, from a latent vector that is drawn."""
        self.network.train()
        mean, spread = self.network.encode(batch.maps, batch.lattice)
        latent = mean + torch.randn_like(mean) * torch.exp(spread / 2)
        divergence = 0.5 * (mean.square() + spread.exp() - 1 - spread).sum(1).mean()
        maps = self.network.decode(latent)
        figures = self._errors(self.network, latent, maps, batch)
        weights = self._weights
        loss = weights.occupancy * figures["occupancy"] + weights.codes * figures["codes"]
        loss = loss + weights.lattice * figures["lattice"] + weights.composition * figures["composition"]
        if weights.deep:
            figures["deep"] = self._deep(maps, batch.maps)
            loss = loss + weights.deep * figures["deep"]
        shown = {name: float(value.detach()) for name, value in figures.items()}
        return loss + weights.divergence * divergence, shown | {"divergence": float(divergence.detach())}

    @staticmethod
    def _errors(network: VoxelVAE, latent: Tensor, maps: Tensor, batch: Batch) -> dict[str, Tensor]:
        true, result = batch.maps, maps
        logits = network.composition(latent)
        entropy = -torch.special.xlogy(batch.shares, batch.shares).sum(1).mean()
        return {
            "occupancy": (result[:, 0] - true[:, 0]).square().sum() / true[:, 0].square().sum(),
            "codes": (result[:, 1:] - true[:, 1:]).square().sum() / true[:, 1:].square().sum(),
            "lattice": mse_loss(network.lattice(latent), batch.lattice),
            "composition": cross_entropy(logits, batch.shares) - entropy,
        }

    def _deep(self, result: Tensor, true: Tensor) -> Tensor:
        """Relative error of the features, mean over the levels."""
        with torch.no_grad():
            wanted = self._labels.features(true)
        got = self._labels.features(result)
        parts = [(g - w).square().sum() / w.square().sum() for g, w in zip(got, wanted, strict=True)]
        return torch.stack(parts).mean()

    def validate(self, network: VoxelVAE) -> dict[str, float]:
        """Errors from the mean latent vectors; ``valid_species`` is by the label network."""
        network.eval()
        figures: defaultdict[str, float] = defaultdict(float)
        with torch.no_grad():
            for batch in self._crystals.valid:
                latent, _ = network.encode(batch.maps, batch.lattice)
                maps = network.decode(latent)
                errors = {name: float(value) for name, value in self._errors(network, latent, maps, batch).items()}
                errors["species"] = share_wrong(self._labels(maps), batch.labels)
                for name, value in errors.items():
                    figures[f"valid_{name}"] += value / len(self._crystals.valid)
        score = sum(figures[f"valid_{name}"] for name in ("occupancy", "codes", "lattice", "species"))
        return dict(figures) | {"score": score}
