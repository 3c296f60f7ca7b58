"""From a model file to numbers: what ``voxpot predict`` runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ase_voxpot.errors import ArchitectureError, ConfigError, MissingLabelsError, SchemaError, SpecError, StructureError
from ase_voxpot.spec import decode, encode
from voxpot_training.artifacts import fill, load_artifact, save_artifact
from voxpot_training.crystals import check_crystal
from voxpot_training.kinds import REGRESSIONS
from voxpot_training.regression.crystals import label_of
from voxpot_training.regression.ensemble import Ensemble, Scatter
from voxpot_training.regression.scores import figures_of, trust_of
from voxpot_training.regression.strangers import Strangers
from voxpot_training.regression.yardstick import Yardstick

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ase import Atoms
    from jaxtyping import Float

    from voxpot_training.regression.method import Method
    from voxpot_training.regression.scores import Figures, Trust

__all__ = ["Predictor", "load_predictor", "method_of", "save_predictor"]


def method_of(kind: str) -> Method:
    """The method of a kind of models."""
    method: Method = import_module(f"voxpot_training.{kind}.method").METHOD
    return method


@dataclass(frozen=True, slots=True)
class Predictor:
    """A trained property model: crystals in, numbers and their uncertainties out."""

    ensemble: Ensemble
    yardstick: Yardstick
    strangers: Strangers
    logarithm: bool
    card: dict[str, Any]

    def predict(self, atoms: Sequence[Atoms]) -> tuple[Float[np.ndarray, " crystal"], Float[np.ndarray, " crystal"]]:
        """Predictions and standard deviations, in the unit of the target.

        The input is not changed.

        Raises:
            StructureError: a frame that is no ordered crystal, or that the model cannot see;
                ``UnknownElementError`` an element that it does not know.
        """
        for row, crystal in enumerate(atoms):
            try:
                check_crystal(crystal)
            except StructureError as error:
                raise type(error)(f"frame {row}: {error}") from None
        method = self.ensemble.method
        mean, sigma = self.ensemble.predict(method.prepare(atoms, self.ensemble.spec))
        value = self.yardstick.known(atoms) + self.yardstick.spread * mean
        sigma = self.strangers.widened(atoms, self.yardstick.spread * sigma)
        if not self.logarithm:
            return value, sigma
        return 10**value, np.log(10) * 10**value * sigma

    def score(
        self,
        atoms: Sequence[Atoms],
        value: Float[np.ndarray, " crystal"],
        sigma: Float[np.ndarray, " crystal"],
        key: str,
    ) -> tuple[Figures, Trust] | None:
        """Predictions beside the truth under ``key`` (that of the training if empty), if all crystals carry it.

        The edge of a cell is no truth here: crystals to be predicted come at any size.

        Raises:
            MissingLabelsError: a key was given, and a crystal has no finite number under it.
        """
        trained = str(self.card.get("target", {}).get("key", ""))
        lacking = [row for row, a in enumerate(atoms) if (key or trained) not in a.info]
        if lacking and key:
            known = ", ".join(atoms[lacking[0]].info) or "none"
            raise MissingLabelsError(
                f"key: expected {key!r} in info of every frame, but {len(lacking)} of {len(atoms)} frames "
                f"(first: frame {lacking[0]}) lack it; the keys seen there are {known}"
            )
        if lacking:
            return None
        try:
            truth = np.array([label_of(a, key or trained) for a in atoms])
        except MissingLabelsError:
            if key:
                raise
            return None
        return figures_of(truth, value), trust_of(truth, value, sigma)


def save_predictor(path: Path, predictor: Predictor) -> None:
    """Write a model file; the networks of the ensemble, how to scale them, the card."""
    ensemble, tensors = predictor.ensemble, predictor.yardstick.tensors() | predictor.strangers.tensors()
    for number, network in enumerate(ensemble.networks):
        own = network.state_dict()
        tensors |= {f"member-{number}.{k}": v for k, v in own.items() if v.is_floating_point()}
    tensors["scatter"] = torch.tensor([ensemble.scatter.floor, ensemble.scatter.factor], dtype=torch.float64)
    spec = {
        "model": json.loads(json.dumps(encode(ensemble.spec))),
        "members": len(ensemble.networks),
        "logarithm": predictor.logarithm,
    }
    save_artifact(path, kind=ensemble.method.kind, spec=spec, card=predictor.card, tensors=tensors)


def load_predictor(model: str | Path) -> Predictor:
    """A property model by its shipped name or path.

    Raises:
        WeightsError: missing, damaged or foreign file; one of another kind.
    """
    artifact = load_artifact(model, kinds=REGRESSIONS)
    method, tensors = method_of(artifact.kind), artifact.tensors
    try:
        spec = decode(method.spec, artifact.spec["model"], where="spec")
        members, logarithm = int(artifact.spec["members"]), bool(artifact.spec["logarithm"])
        floor, factor = tensors["scatter"].tolist()
        yardstick, strangers = Yardstick.from_tensors(tensors), Strangers.from_tensors(tensors)
    except (KeyError, TypeError, ValueError, ConfigError, SpecError) as error:
        raise SchemaError(f"{artifact.path}: its description of the model cannot be used ({error})") from None
    if not 1 <= members <= 1000:
        raise ArchitectureError(f"{artifact.path}: expected 1 to 1000 members, got {members}")
    networks = []
    for number in range(members):
        network = method.network(spec)
        prefix = f"member-{number}."
        stored = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        fill(network, {**_counters(network), **stored}, source=artifact.path)
        networks.append(network.requires_grad_(False).eval())
    ensemble = Ensemble(method, spec, tuple(networks), Scatter(floor=floor, factor=factor))
    return Predictor(ensemble, yardstick, strangers, logarithm, artifact.card)


def _counters(network: torch.nn.Module) -> Mapping[str, torch.Tensor]:
    """Whole numbers, such as the steps that a batch normalisation has counted: not stored, not needed."""
    return {k: v for k, v in network.state_dict().items() if not v.is_floating_point()}
