"""Training task of a structure field: loss, batches, validation errors."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import cross_entropy, huber_loss, mse_loss

from voxpot_crystals.latent.structure_field.batches import Batch, collate, with_other_species
from voxpot_crystals.latent.structure_field.config import FieldConfig
from voxpot_crystals.latent.structure_field.queries import draw_queries
from voxpot_crystals.latent.structure_field.views import view_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from voxpot_crystals.latent.structure_field.periodic import PeriodicField
    from voxpot_crystals.latent.structure_field.published import PublishedField
    from voxpot_crystals.latent.structure_field.views import Seen

    FieldNetwork = PublishedField | PeriodicField

__all__ = ["FieldTask", "field_loss"]

ASKED = 64
"""Crystals of a batch in validation."""


def field_loss(network: FieldNetwork, batch: Batch, config: FieldConfig) -> tuple[Tensor, dict[str, float]]:
    """One number from a batch, and mean errors for the log: positions in Å, share of species, the lattice's numbers."""
    weights = config.loss
    latent = network.encode(batch.positions, batch.kinds, batch.owner, batch.lattice, batch.edges)
    result = network.displacement(latent, batch.points, batch.points_owner)
    logits = network.species(latent, batch.species_points, batch.species_owner)
    lattice = network.lattice(latent)
    where = (
        mse_loss(result, batch.displacement)
        if weights.delta is None
        else huber_loss(result, batch.displacement, delta=weights.delta) / weights.delta
    )
    loss = weights.position * where + weights.species * cross_entropy(logits, batch.species)
    loss = loss + weights.lattice * mse_loss(lattice, batch.lattice)
    counts = torch.bincount(batch.owner, minlength=len(lattice))
    number = network.number(latent)
    if number is not None:
        loss = loss + weights.number * cross_entropy(number, counts)
    with torch.no_grad():
        figures = {
            "position": float((result - batch.displacement).norm(dim=1).mean()),
            "species": float((logits.argmax(1) != batch.species).float().mean()),
            "lattice": float((lattice - batch.lattice).abs().mean()),
        }
        if number is not None:
            figures["number"] = float((number.argmax(1) != counts).float().mean())
    return loss, figures


class FieldTask:
    """A structure field and its crystals as a ``Task``."""

    def __init__(
        self, network: FieldNetwork, train: Sequence[Seen], valid: Sequence[Seen], config: FieldConfig
    ) -> None:
        self.network = network
        self._train, self._config, self._view = train, config, view_of(config.model)
        self._box = getattr(config.model, "box", ())
        self.batches_per_epoch = max(len(train) / config.schedule.batch, 1.0)
        rng = np.random.default_rng([config.seed, 1])
        parts = [valid[k : k + ASKED] for k in range(0, len(valid), ASKED)]
        self._valid = [
            (collate(part, [draw_queries(s, config.queries, self._box, rng) for s in part], self._view), len(part))
            for part in parts
        ]

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The crystals and queries of an epoch, drawn from (seed, epoch) alone."""
        rng = np.random.default_rng([self._config.seed, 0, epoch])
        order, size = rng.permutation(len(self._train)), self._config.schedule.batch
        for start in range(0, len(order), size):
            some = [self._train[k] for k in order[start : start + size]]
            if len(some) == 1 and len(order) > 1:  # one crystal has no batch statistics
                continue
            others = rng.random(len(some)) < self._config.substitute
            species = len(self._config.model.species)
            some = [with_other_species(s, species, rng) if o else s for s, o in zip(some, others, strict=True)]
            asked = [draw_queries(s, self._config.queries, self._box, rng) for s in some]
            yield collate(some, asked, self._view)

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, float]]:
        """Loss of a batch."""
        self.network.train()
        return field_loss(self.network, batch, self._config)

    def validate(self, network: FieldNetwork) -> dict[str, float]:
        """Mean errors on the crystals of the validation set; ``score`` counts 1 % of errors as 0.01 Å."""
        network.eval()
        sums: defaultdict[str, float] = defaultdict(float)
        with torch.no_grad():
            for batch, count in self._valid:
                for name, value in field_loss(network, batch, self._config)[1].items():
                    sums[name] += value * count
        total = sum(count for _, count in self._valid)
        means = {f"valid_{name}": value / total for name, value in sums.items()}
        return means | {"score": sum(means.values())}
