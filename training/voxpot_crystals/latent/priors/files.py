"""Priors in a model file: tensors and a spec."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from ase_voxpot.errors import ArchitectureError, SpecError
from voxpot_crystals.latent.priors.conditions import Conditions
from voxpot_crystals.latent.priors.fitting import KINDS, Prior, Priors
from voxpot_crystals.latent.priors.flow import FlowPrior, Velocity, VelocitySpec
from voxpot_crystals.latent.priors.gaussian import GaussianPrior
from voxpot_training.artifacts import fill

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

__all__ = ["PREFIX", "PriorSpec", "make_priors", "prior_spec", "prior_tensors"]

PREFIX = "prior."
"""Names of tensors that belong to priors begin with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorSpec:
    """Spec of the priors of a model file."""

    latent: int
    kinds: tuple[str, ...]
    conditions: Conditions
    velocity: VelocitySpec = field(default_factory=VelocitySpec)

    def __post_init__(self) -> None:
        if not self.kinds or not set(self.kinds) <= set(KINDS) or not 1 <= self.latent <= 4096:
            raise SpecError(f"prior: expected some of {', '.join(KINDS)} and a latent vector, got {self.kinds}")


def prior_spec(priors: Priors) -> PriorSpec:
    """The spec of priors."""
    flow = priors.known.get("flow")
    velocity = flow.network.spec if isinstance(flow, FlowPrior) else VelocitySpec()
    return PriorSpec(latent=priors.latent, kinds=tuple(priors.known), conditions=priors.conditions, velocity=velocity)


def prior_tensors(priors: Priors) -> dict[str, Tensor]:
    """The tensors of priors, by name."""
    out: dict[str, Tensor] = {}
    for prior in priors.known.values():
        if isinstance(prior, GaussianPrior):
            parts = {name: torch.from_numpy(getattr(prior, name)) for name in ("mean", "scale", "correlation")}
            out |= {f"{PREFIX}gaussian.{name}": tensor for name, tensor in parts.items()}
        elif isinstance(prior, FlowPrior):
            out |= {f"{PREFIX}flow.{name}": tensor for name, tensor in prior.network.state_dict().items()}
    return out


def make_priors(spec: PriorSpec, tensors: Mapping[str, Tensor], *, source: Path) -> Priors:
    """The inverse of ``prior_spec`` and ``prior_tensors``.

    Args:
        spec: which.
        tensors: of the whole model file; others are ignored.
        source: the file, for messages.

    Raises:
        ArchitectureError: tensors that are missing or do not fit.
    """
    own = {k.removeprefix(PREFIX): v for k, v in tensors.items() if k.startswith(PREFIX)}
    known: dict[str, Prior] = {}
    for kind in spec.kinds:
        parts = {k.removeprefix(f"{kind}."): v for k, v in own.items() if k.startswith(f"{kind}.")}
        if kind == "flow":
            colour = parts.get("colour")
            directions = colour.shape[1] if colour is not None and colour.ndim == 2 else 1
            network = Velocity(spec.velocity, spec.latent, directions, spec.conditions.size)
            fill(network, parts, source=source)
            known[kind] = FlowPrior(network.requires_grad_(False).eval())
        else:
            known[kind] = _gaussian(spec, parts, source)
    return Priors(spec.conditions, spec.latent, known)


def _gaussian(spec: PriorSpec, parts: Mapping[str, Tensor], source: Path) -> GaussianPrior:
    columns = spec.latent + spec.conditions.size
    wanted = {"mean": (columns,), "scale": (columns,), "correlation": (columns, columns)}
    given = {k: tuple(v.shape) for k, v in parts.items()}
    if given != wanted:
        raise ArchitectureError(f"{source}: its Gaussian prior does not fit its description; train the model again")
    arrays = {name: parts[name].double().numpy() for name in wanted}
    return GaussianPrior(spec.latent, **arrays)
