"""Model files of autoencoders: networks in half precision, spec and priors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from ase_voxpot.errors import ConfigError, SchemaError, SpecError
from ase_voxpot.spec import decode, encode
from voxpot_crystals.latent.priors.files import make_priors, prior_spec, prior_tensors
from voxpot_crystals.models import load_model
from voxpot_training.artifacts import halved, save_artifact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from voxpot_crystals.latent.priors.fitting import Priors
    from voxpot_training.artifacts import Artifact

__all__ = ["keep", "read"]

T = TypeVar("T")


def keep(
    path: Path, *, kind: str, spec: Any, card: Mapping[str, Any], tensors: Mapping[str, Tensor], priors: Priors | None
) -> None:
    """Write a model file in half precision (weights are rounded).

    Args:
        path: of the file.
        kind: of the model.
        spec: a frozen dataclass with a field ``prior``, which is filled in here.
        card: of the model.
        tensors: of the networks.
        priors: of latent vectors, if there are any.
    """
    whole = replace(spec, prior=prior_spec(priors) if priors else None)
    every = {**tensors, **(prior_tensors(priors) if priors else {})}
    save_artifact(path, kind=kind, spec=encode(whole), card=card, tensors=halved(every))


def read(model: str | Path, *, kind: str, spec: type[T]) -> tuple[Artifact, T, Priors | None]:
    """A model by its shipped name or path: the file, its spec, its priors.

    Raises:
        WeightsError: missing, damaged or foreign file; one of another kind; ``SchemaError`` an invalid spec.
    """
    artifact = load_model(model, kinds=(kind,))
    try:
        found = decode(spec, artifact.spec, where="spec")
    except (ConfigError, SpecError, KeyError, TypeError) as error:
        raise SchemaError(f"{artifact.path}: its description of the model cannot be used ({error})") from None
    prior = getattr(found, "prior", None)
    return artifact, found, make_priors(prior, artifact.tensors, source=artifact.path) if prior else None
