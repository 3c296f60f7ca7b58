"""Flow matching: a learned velocity field from noise to latent vectors.

    x_t = (1 - t) x_0 + t x_1,   x_0 ~ N(0, 1),   minimise |v(x_t, t, c) - (x_1 - x_0)|²

with x_1 the latent vectors, whitened (Y. Lipman et al., ICLR 2023; X. Liu et al., ibid., for the straight
paths).  In training a random part of every condition is dropped, so that any part may be left open; a
flag beside each column says whether it is known.  Samples follow dx/dt = v from 0 to 1 (Heun).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from ase_voxpot.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jaxtyping import Float
    from torch import Tensor

    from voxpot_crystals.latent.priors.conditions import Conditions

__all__ = ["FlowPrior", "FlowTask", "Velocity", "VelocitySpec"]

ASKED = 8
"""Times and noises per held-out latent vector in validation."""
GUIDANCE = 2.0
"""Strength of the classifier-free guidance; 1 is none."""
NEGLIGIBLE = 1e-4
"""Share of the variance in directions that are dropped as noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VelocitySpec:
    """Sizes of the velocity field."""

    width: int = 256
    blocks: int = 4
    waves: int = 16  # of the time
    steps: int = 40  # from noise to sample

    def __post_init__(self) -> None:
        if not all(1 <= size <= 4096 for size in (self.width, self.blocks, self.waves, self.steps)):
            raise SpecError(f"prior.velocity: expected sizes from 1 to 4096, got {self}")


class Velocity(nn.Module):
    """The velocity field, with whitening of latent vectors and conditions."""

    mean: Tensor
    colour: Tensor
    centre: Tensor
    scale: Tensor
    frequencies: Tensor

    def __init__(self, spec: VelocitySpec, latent: int, directions: int, columns: int) -> None:
        super().__init__()
        self.spec = spec
        self.register_buffer("mean", torch.zeros(latent))
        self.register_buffer("colour", torch.zeros(latent, directions))  # whitened to latent
        self.register_buffer("centre", torch.zeros(columns))
        self.register_buffer("scale", torch.ones(columns))
        frequencies = math.pi * torch.exp(torch.linspace(0, math.log(64), spec.waves))
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.first = nn.Linear(directions, spec.width)
        told = 2 * spec.waves + 2 * columns
        self.context = nn.Sequential(nn.Linear(told, spec.width), nn.SiLU(), nn.Linear(spec.width, spec.width))
        self.blocks = nn.ModuleList([Block(spec.width) for _ in range(spec.blocks)])
        last = nn.Linear(spec.width, directions)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.last = nn.Sequential(nn.LayerNorm(spec.width), last)

    def forward(
        self, x: Float[Tensor, "row direction"], time: Float[Tensor, " row"], condition: Float[Tensor, "row column"]
    ) -> Float[Tensor, "row direction"]:
        """Velocities of whitened latent vectors at times from 0 to 1; unknown conditions are NaN."""
        known = ~torch.isnan(condition)
        value = torch.where(known, (condition - self.centre) / self.scale, 0.0)
        phase = time[:, None] * self.frequencies
        told = self.context(torch.cat([torch.sin(phase), torch.cos(phase), value, known.to(value.dtype)], dim=1))
        state = self.first(x)
        for block in self.blocks:
            state = block(state, told)
        return self.last(state)


class Block(nn.Module):
    """A residual layer modulated by time and condition."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up, self.told, self.down = nn.Linear(width, width), nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, state: Tensor, told: Tensor) -> Tensor:
        """The state after it."""
        inner = self.up(self.norm(state)) + self.told(nn.functional.silu(told))
        return state + self.down(nn.functional.silu(inner))


@dataclass(frozen=True, slots=True)
class FlowPrior:
    """A prior from a trained velocity field."""

    network: Velocity

    def sample(
        self, count: int, condition: Float[np.ndarray, " column"] | None, rng: np.random.Generator
    ) -> Float[np.ndarray, "sample latent"]:
        """Latent vectors under a condition; NaN or None for no condition."""
        network = self.network
        row = np.full(len(network.centre), np.nan) if condition is None else condition
        told = torch.tensor(row).float().expand(count, -1)
        x = torch.from_numpy(rng.standard_normal((count, network.colour.shape[1]))).float()
        times = torch.linspace(0, 1, network.spec.steps + 1).tolist()
        with torch.no_grad():
            for now, then in zip(times[:-1], times[1:], strict=True):
                first = self._velocity(x, now, told)
                second = self._velocity(x + (then - now) * first, then, told)
                x = x + (then - now) * (first + second) / 2
            drawn = network.mean + x @ network.colour.T
        return np.asarray(drawn.double().numpy())

    def _velocity(
        self, x: Float[Tensor, "row direction"], time: float, told: Float[Tensor, "row column"]
    ) -> Float[Tensor, "row direction"]:
        """Velocity with classifier-free guidance (J. Ho and T. Salimans, arXiv:2207.12598)."""
        times = torch.full((len(x),), time)
        heeding: Tensor = self.network(x, times, told)
        if bool(told.isnan().all()):
            return heeding
        free: Tensor = self.network(x, times, torch.full_like(told, torch.nan))
        return free + GUIDANCE * (heeding - free)


class FlowTask:
    """A velocity field and latent vectors as a ``Task``."""

    def __init__(
        self,
        spec: VelocitySpec,
        latent: Float[np.ndarray, "crystal latent"],
        table: Float[np.ndarray, "crystal column"],
        conditions: Conditions,
        *,
        held_out: Float[np.ndarray, " crystal"],
        batch: int,
        seed: int,
    ) -> None:
        torch.manual_seed(seed)
        self._conditions, self._batch, self._seed = conditions, batch, seed
        mean, vector, size = _directions(latent[~held_out])
        self.network = Velocity(spec, latent.shape[1], len(size), table.shape[1])
        self.network.mean.copy_(torch.from_numpy(mean))
        self.network.colour.copy_(torch.from_numpy(vector * size))
        white = (latent - mean) @ (vector / size)
        _scale_quantities(self.network, table[~held_out], len(conditions.quantities))
        self._latent, self._table = white[~held_out], table[~held_out]
        self.batches_per_epoch = max(len(self._latent) / batch, 1.0)
        rng = np.random.default_rng([seed, 1])
        rows = np.tile(np.flatnonzero(held_out), ASKED)
        self._valid = self._drawn(white[rows], table[rows], rng)

    def _drawn(self, latent: np.ndarray, table: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """Interpolated points, times, conditions and velocities."""
        noise, time = rng.standard_normal(latent.shape), rng.random(len(latent))
        told = self._conditions.forgetful(table, rng)
        place = (1 - time[:, None]) * noise + time[:, None] * latent
        return tuple(torch.from_numpy(a).float() for a in (place, time, told, latent - noise))

    def batches(self, epoch: int) -> Iterator[tuple[Tensor, ...]]:
        """Training samples of an epoch, drawn from (seed, epoch) alone."""
        rng = np.random.default_rng([self._seed, 0, epoch])
        order = rng.permutation(len(self._latent))
        for start in range(0, len(order), self._batch):
            rows = order[start : start + self._batch]
            yield self._drawn(self._latent[rows], self._table[rows], rng)

    def loss(self, batch: tuple[Tensor, ...], progress: float) -> tuple[Tensor, dict[str, float]]:
        """Mean squared error of the velocity."""
        return _error(self.network, batch), {}

    def validate(self, network: nn.Module) -> dict[str, float]:
        """The same for held-out latent vectors, with fixed noise."""
        with torch.no_grad():
            error = float(_error(network, self._valid))
        return {"valid_loss": error, "score": error}


def _error(network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    place, time, told, velocity = batch
    return nn.functional.mse_loss(network(place, time, told), velocity)


def _directions(latent: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, principal directions and the standard deviations along them, without those that hardly vary."""
    value, vector = np.linalg.eigh(np.atleast_2d(np.cov(latent.T, bias=True)))
    value, vector = np.maximum(value[::-1], 0.0), vector[:, ::-1]
    left = 1 - np.cumsum(value) / max(value.sum(), 1e-300)
    kept = int((left > NEGLIGIBLE).sum()) + 1
    return latent.mean(0), vector[:, :kept], np.sqrt(np.maximum(value[:kept], 1e-12))


def _scale_quantities(network: Velocity, table: np.ndarray, quantities: int) -> None:
    """Standardise quantities; flags are not changed."""
    if quantities:
        known = table[:, :quantities]
        spread = np.nanstd(known, axis=0)
        network.centre[:quantities] = torch.from_numpy(np.nanmean(known, axis=0))
        network.scale[:quantities] = torch.from_numpy(np.where(spread > 1e-12, spread, 1.0))
