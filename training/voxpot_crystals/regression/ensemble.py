"""Ensembles of networks, each with another fold of the data for validation.

The prediction is the mean of the members.  Its uncertainty is

    σ² = σ₀² + s²

with the spread s of the members (Lakshminarayanan et al., NeurIPS 30 (2017)) and σ₀ from the errors of crystals that a
member was not trained on, each by that member: so large that at least 68 % of these are within σ₀ and 95 % within 2 σ₀,
with the correction for finite samples (R. F. Barber et al., Ann. Statist. 49, 486 (2021), "CV+").  A factor of s that
the same errors choose would be wrong: the spread at a crystal that all members but one have seen is the error of that
one.  Older files have such a factor, and keep it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import huber_loss

from voxpot_crystals.regression.grouping import folds, with_support
from voxpot_training.loop import fit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ase import Atoms
    from jaxtyping import Float
    from torch import Tensor, nn

    from voxpot_crystals.regression.config import Grouping, RegressionConfig
    from voxpot_crystals.regression.method import Method

__all__ = ["Ensemble", "Scatter", "train_ensemble"]

ASKED = 128
"""Crystals of a batch in prediction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """Calibrated uncertainty of the mean of an ensemble, in units of the target's spread."""

    floor: float
    factor: float

    def sigma(self, spread: Float[np.ndarray, " crystal"]) -> Float[np.ndarray, " crystal"]:
        """One standard deviation of the error."""
        return np.sqrt(self.floor**2 + (self.factor * spread) ** 2)

    @classmethod
    def of(cls, error: Float[np.ndarray, " crystal"]) -> Scatter:
        """From errors of crystals that were left out."""
        size = np.sort(np.abs(error))

        def within(share: float) -> float:
            return float(size[min(int(np.ceil(share * (len(size) + 1))), len(size)) - 1])

        return cls(floor=max(within(0.68), within(0.95) / 2, 1e-6), factor=1.0)


class Member:
    """One network and its data as a ``Task``."""

    def __init__(
        self,
        method: Method,
        spec: Any,
        config: RegressionConfig,
        network: nn.Module,
        items: Sequence[Any],
        target: np.ndarray,
        sides: tuple[np.ndarray, np.ndarray],
        seed: int,
    ) -> None:
        self.network = network
        self._method, self._spec, self._config = method, spec, config
        self._items, self._target, (self._train, self._valid) = items, torch.tensor(target).float(), sides
        self._seed = seed
        self.batches_per_epoch = max(len(self._train) / config.schedule.batch, 1.0)

    def batches(self, epoch: int) -> Iterator[tuple[Any, Tensor]]:
        """The crystals of an epoch, in an order drawn from (seed, epoch) alone."""
        rng = np.random.default_rng([self._seed, epoch])
        order = rng.permutation(self._train)
        for start in range(0, len(order), self._config.schedule.batch):
            rows = order[start : start + self._config.schedule.batch]
            if len(rows) > 1 or len(order) == 1:  # one crystal has no batch statistics
                yield self._method.collate([self._items[k] for k in rows], self._spec, rng), self._target[rows]

    def loss(self, batch: tuple[Any, Tensor], progress: float) -> tuple[Tensor, dict[str, float]]:
        """Huber loss of a batch."""
        inputs, target = batch
        self.network.train()
        return huber_loss(self.network(inputs), target, delta=self._config.loss_delta), {}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Errors on the crystals of the fold that is left out, in units of the target's spread."""
        predicted = ask(self._method, self._spec, network, [self._items[k] for k in self._valid])
        error = predicted - self._target[self._valid].numpy()
        mae, rmse = float(np.abs(error).mean()), float(np.sqrt((error**2).mean()))
        return {"valid_mae": mae, "valid_rmse": rmse, "score": mae + rmse}


def ask(method: Method, spec: Any, network: nn.Module, items: Sequence[Any]) -> Float[np.ndarray, " crystal"]:
    """Output of one network for prepared crystals, averaged over views."""
    network.eval()
    predicted, views = [], method.views(spec)
    with torch.no_grad():
        for start in range(0, len(items), ASKED):
            some = items[start : start + ASKED]
            turns = [None] if views == 1 else range(views)
            predicted.append(torch.stack([network(method.collate(some, spec, turn)) for turn in turns]).mean(0))
    return torch.cat(predicted).double().numpy()


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Networks with a common prediction, in units of the target's spread."""

    method: Method
    spec: Any
    networks: tuple[nn.Module, ...]
    scatter: Scatter
    left_out: Float[np.ndarray, " crystal"] | None = None  # prediction of the member that was not trained on it
    left_out_sigma: Float[np.ndarray, " crystal"] | None = None  # from the errors in all other folds

    def predict(self, items: Sequence[Any]) -> tuple[Float[np.ndarray, " crystal"], Float[np.ndarray, " crystal"]]:
        """Mean and standard deviation for prepared crystals."""
        predicted = np.array([ask(self.method, self.spec, network, items) for network in self.networks])
        return predicted.mean(0), self.scatter.sigma(predicted.std(0, ddof=1))


def train_ensemble(
    method: Method,
    spec: Any,
    config: RegressionConfig,
    atoms: Sequence[Atoms],
    items: Sequence[Any],
    target: Float[np.ndarray, " crystal"],
    folder: Path,
    *,
    by: Grouping,
    resume: bool,
    title: str = "",
) -> Ensemble:
    """Train every member on all but its fold.

    Args:
        method: features and network.
        spec: of features and network.
        config: members, schedule, seed.
        atoms: the crystals, for their groups.
        items: the same, prepared.
        target: what to learn, of about mean 0 and spread 1.
        folder: for a folder per member.
        by: groups that the folds keep together.
        resume: continue from the checkpoints of the folder.
        title: of the progress bar.
    """
    support = np.array([bool(crystal.info.get("support")) for crystal in atoms])
    own = np.flatnonzero(~support)
    sides = folds([atoms[k] for k in own.tolist()], by, config.members, np.random.default_rng(config.seed))
    networks, left_out = [], np.zeros(len(atoms))
    for number, (kept, left) in enumerate(sides):
        side = with_support(atoms, support, own[kept], own[left], by), own[left]
        torch.manual_seed(config.seed + 1000 * number)
        place = folder / f"member-{number}"
        place.mkdir(parents=True, exist_ok=True)
        task = Member(method, spec, config, method.network(spec), items, target, side, config.seed + number)
        label = f"{title} {number + 1}/{config.members}"
        network = fit(task, config.schedule, place, resume=resume, title=label)
        network.requires_grad_(False).eval()
        if method.finish is not None:
            method.finish(network, spec, [items[k] for k in side[0]], target[side[0]], config.seed + number)
        networks.append(network)
        left_out[side[1]] = ask(method, spec, network, [items[k] for k in side[1]])
    error, sigma = left_out - target, np.zeros(len(atoms))
    for kept, left in sides:
        sigma[own[left]] = Scatter.of(error[own[kept]]).floor
    return Ensemble(method, spec, tuple(networks), Scatter.of(error[own]), left_out, sigma)
