"""Fitting of priors to the latent vectors of a training set."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ase_voxpot.errors import ConfigError, DataError
from ase_voxpot.spec import encode
from voxpot_crystals.latent.priors.flow import FlowPrior, FlowTask, VelocitySpec
from voxpot_crystals.latent.priors.gaussian import GaussianPrior
from voxpot_training.config import Schedule
from voxpot_training.loop import fit

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Float

    from voxpot_crystals.latent.priors.conditions import Conditions

__all__ = ["KINDS", "Prior", "PriorConfig", "Priors", "energy_distance", "fit_priors"]

KINDS = ("gaussian", "flow")
"""Kinds of priors, the default last."""
COMPARED = 2000
"""Samples of a prior that are compared with held-out latent vectors."""


class Prior(Protocol):
    """A distribution of latent vectors."""

    def sample(
        self, count: int, condition: Float[np.ndarray, " column"] | None, rng: np.random.Generator
    ) -> Float[np.ndarray, "sample latent"]:
        """Latent vectors under a condition; NaN or None for no condition."""


def _flow_schedule() -> Schedule:
    return Schedule(epochs=2000, minutes=4.0, clock="cpu", rate=1e-3, averaging=0.999, decay=1e-3, validate_every=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorConfig:
    """Which priors a model gets, and how the flow is trained; none with ``kinds = []``."""

    kinds: tuple[str, ...] = KINDS
    velocity: VelocitySpec = field(default_factory=VelocitySpec)
    schedule: Schedule = field(default_factory=_flow_schedule)
    batch: int = 256
    holdout: float = 0.05  # share of the latent vectors that is held out

    def __post_init__(self) -> None:
        foreign = [k for k in self.kinds if k not in KINDS]
        if foreign or len(set(self.kinds)) < len(self.kinds):
            raise ConfigError(f"prior.kinds: expected some of {', '.join(KINDS)}, got {', '.join(self.kinds)}")
        if not 0 < self.holdout < 1 or self.batch < 1:
            raise ConfigError(f"prior: expected a share as holdout and a batch of 1 or more, got {self}")

    def in_short(self) -> PriorConfig:
        """The same in a few seconds, as a test."""
        return replace(self, schedule=self.schedule.in_short(2))


@dataclass(frozen=True, slots=True)
class Priors:
    """The priors of one model, and their conditions."""

    conditions: Conditions
    latent: int
    known: dict[str, Prior]

    def named(self, name: str | None) -> Prior:
        """One of them; the best without a name.

        Raises:
            ConfigError: the model has no such prior.
        """
        name = name or [k for k in KINDS if k in self.known][-1]
        if name not in self.known:
            raise ConfigError(f"prior: expected one of {', '.join(self.known)}, got {name!r}")
        return self.known[name]


def fit_priors(
    latent: Float[np.ndarray, "crystal latent"],
    table: Float[np.ndarray, "crystal column"],
    conditions: Conditions,
    config: PriorConfig,
    folder: Path,
    *,
    seed: int,
    resume: bool = False,
    quiet: bool = False,
) -> tuple[Priors, dict[str, float]]:
    """All priors that ``config`` names.

    Args:
        latent: of the training crystals.
        table: their conditions, NaN where unknown.
        conditions: of the columns.
        config: of the priors.
        folder: for checkpoints and log of the flow.
        seed: of random numbers.
        resume: continue from the checkpoint of the folder, if it is of these latent vectors.
        quiet: no progress bar.

    Returns:
        The priors, and the energy distance of each (and of the training latent vectors, the
        expected minimum) from the latent vectors held out.

    Raises:
        DataError: too few crystals.
    """
    if len(latent) < 4:
        raise DataError(
            f"expected four or more crystals to fit priors to (none with prior.kinds = []), got {len(latent)}"
        )
    rng = np.random.default_rng([seed, 2])
    held_out = np.zeros(len(latent), bool)
    held_out[rng.choice(len(latent), max(round(config.holdout * len(latent)), 2), replace=False)] = True
    known: dict[str, Prior] = {}
    if "gaussian" in config.kinds:
        known["gaussian"] = GaussianPrior.fit(latent[~held_out], table[~held_out])
    if "flow" in config.kinds:
        resume = _same_task(folder, latent, table, config) and resume
        task = FlowTask(config.velocity, latent, table, conditions, held_out=held_out, batch=config.batch, seed=seed)
        best = fit(task, config.schedule, folder, resume=resume, quiet=quiet, title="prior")
        known["flow"] = FlowPrior(best.requires_grad_(False).eval())
    figures = {"training": energy_distance(latent[~held_out][:COMPARED], latent[held_out])}
    for name, prior in known.items():
        figures[name] = energy_distance(prior.sample(COMPARED, None, rng), latent[held_out])
    return Priors(conditions, latent.shape[1], known), figures


def _same_task(folder: Path, latent: np.ndarray, table: np.ndarray, config: PriorConfig) -> bool:
    """Whether the files of the folder belong to these latent vectors; marks the folder with them."""
    digest = hashlib.sha256(json.dumps(encode(config)).encode())
    for numbers in (latent, table):
        digest.update(np.ascontiguousarray(numbers).tobytes())
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / "task.txt"
    same = mark.is_file() and mark.read_text() == digest.hexdigest()
    mark.write_text(digest.hexdigest())
    return same


def energy_distance(first: Float[np.ndarray, "a latent"], second: Float[np.ndarray, "b latent"]) -> float:
    """2 E|x - y| - E|x - x'| - E|y - y'|, by G. Székely and M. Rizzo, J. Stat. Plan. Inference 143, 1249 (2013).

    Zero for two equal distributions; without the pairs of a vector with itself, so that it may be a little less.
    """
    from scipy.spatial.distance import cdist, pdist

    within = sum(float(pdist(side).mean()) for side in (first, second) if len(side) > 1)
    return float(2 * cdist(first, second).mean()) - within
