"""Prediction of properties by a model file, for ``voxpot predict``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ase_voxpot.errors import (
    ArchitectureError,
    ConfigError,
    DataError,
    DivergenceError,
    MissingLabelsError,
    SchemaError,
    SpecError,
    StructureError,
    VoxPotError,
)
from ase_voxpot.spec import decode, encode
from voxpot_crystals.models import REGRESSIONS, load_model
from voxpot_crystals.regression.calibration import Calibration
from voxpot_crystals.regression.crystals import label_of
from voxpot_crystals.regression.ensemble import Ensemble, Scatter
from voxpot_crystals.regression.scores import figures_of, trust_of
from voxpot_crystals.regression.unknown_elements import UnknownElements
from voxpot_crystals.structures.checks import check_crystal
from voxpot_training.artifacts import fill, save_artifact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from ase import Atoms
    from jaxtyping import Float

    from voxpot_crystals.regression.method import Method
    from voxpot_crystals.regression.scores import Figures, Trust

__all__ = ["Predictions", "Predictor", "joined", "load_predictor", "method_of", "save_predictor"]

RENAMED = {"room": "capacity"}
"""Keys of specs in older files."""
NO_NUMBER = "expected a finite prediction, got NaN or infinity; the crystal is far from all that the model knows"


def method_of(kind: str) -> Method:
    """The method of a kind of models; each is imported only when it is needed."""
    if kind == "hirshfeld":
        from voxpot_crystals.regression.hirshfeld.method import METHOD as HIRSHFELD

        return HIRSHFELD
    if kind == "voxelnet":
        from voxpot_crystals.regression.voxelnet.method import METHOD as VOXELNET

        return VOXELNET
    from voxpot_crystals.regression.cgcnn.method import METHOD as CGCNN

    return CGCNN


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions row by row; NaN for crystals that were refused, with the reasons."""

    value: Float[np.ndarray, " crystal"]  # in the unit of the target
    sigma: Float[np.ndarray, " crystal"]  # the same
    refused: dict[int, str]  # by row


def joined(portions: Iterable[Predictions], sizes: Sequence[int]) -> Predictions:
    """Predictions of portions, of so many crystals each, as those of all."""
    value, sigma = [np.empty(0)], [np.empty(0)]
    refused: dict[int, str] = {}
    for part, begin in zip(portions, np.cumsum([0, *sizes]).tolist(), strict=False):
        value.append(part.value)
        sigma.append(part.sigma)
        refused |= {begin + row: reason for row, reason in part.refused.items()}
    return Predictions(np.concatenate(value), np.concatenate(sigma), refused)


@dataclass(frozen=True, slots=True)
class Predictor:
    """A trained property model, with uncertainties."""

    ensemble: Ensemble
    calibration: Calibration
    unknown_elements: UnknownElements
    logarithm: bool
    card: dict[str, Any]

    def predict(self, atoms: Sequence[Atoms]) -> tuple[Float[np.ndarray, " crystal"], Float[np.ndarray, " crystal"]]:
        """Predictions and standard deviations, in the unit of the target.

        The input is not changed.

        Raises:
            StructureError: a frame that is not an ordered crystal, or not supported by the model;
                ``UnknownElementError`` an element that it does not support.
            DivergenceError: a prediction is not finite.
        """
        predicted = self.predict_each(atoms, strict=True)
        return predicted.value, predicted.sigma

    def predict_each(
        self,
        found: Iterable[Atoms | VoxPotError],
        *,
        strict: bool = False,
        first: int = 0,
        observe: Callable[[], None] = lambda: None,
    ) -> Predictions:
        """As ``predict``, crystal by crystal: invalid ones are returned in ``refused`` and do not affect others.

        Args:
            found: crystals, or errors of those that could not be read.
            strict: raise for the first invalid one, as ``predict``.
            first: number of the first crystal, for messages.
            observe: called when the features of a crystal are known.
        """
        atoms: dict[int, Atoms] = {}
        items: list[Any] = []
        refused: dict[int, str] = {}
        row = -1
        for row, crystal in enumerate(found):
            try:
                items.append(self._item(crystal))
                atoms[row] = crystal  # type: ignore[assignment]
            except (StructureError, DataError) as error:
                refused[row] = str(error).removeprefix("frame 0: ")
                if strict:
                    raise type(error)(f"frame {first + row}: {refused[row]}") from None
            observe()
        value, sigma = np.full((2, row + 1), np.nan)
        if items:
            value[list(atoms)], sigma[list(atoms)] = self._of(list(atoms.values()), items)
        endless = ~np.isfinite(value + sigma)
        value[endless], sigma[endless] = np.nan, np.nan
        for row in np.flatnonzero(endless).tolist():
            refused.setdefault(row, NO_NUMBER)
            if strict:
                raise DivergenceError(f"frame {first + row}: {NO_NUMBER}")
        return Predictions(value, sigma, dict(sorted(refused.items())))

    def _item(self, crystal: Atoms | VoxPotError) -> Any:
        """Features of a crystal."""
        if isinstance(crystal, VoxPotError):
            raise crystal
        check_crystal(crystal)
        (item,) = self.ensemble.method.prepare([crystal], self.ensemble.spec)
        return item

    def _of(
        self, atoms: Sequence[Atoms], items: Sequence[Any]
    ) -> tuple[Float[np.ndarray, " crystal"], Float[np.ndarray, " crystal"]]:
        mean, sigma = self.ensemble.predict(items)
        value = self.calibration.known(atoms) + self.calibration.spread * mean
        sigma = self.unknown_elements.widened(atoms, self.calibration.spread * sigma)
        if not self.logarithm:
            return value, sigma
        return 10**value, np.log(10) * 10**value * sigma

    def score(
        self, found: Sequence[Atoms | VoxPotError], predicted: Predictions, key: str
    ) -> tuple[Figures, Trust] | None:
        """Predictions beside the truth under ``key`` (that of the training if empty), if all crystals carry it.

        Crystals without a prediction are left out. The edge of a cell is not used as truth, as crystals may have
        any size.

        Raises:
            MissingLabelsError: a key was given, and a crystal has no finite number under it.
        """
        trained = str(self.card.get("target", {}).get("key", ""))
        taken = ((row, a) for row, a in enumerate(found) if row not in predicted.refused)
        atoms = {row: a for row, a in taken if not isinstance(a, VoxPotError)}
        rows = list(atoms)
        lacking = [row for row in rows if (key or trained) not in atoms[row].info]
        if lacking and key:
            known = ", ".join(atoms[lacking[0]].info) or "none"
            raise MissingLabelsError(
                f"key: expected {key!r} in info of every frame, but {len(lacking)} of {len(rows)} frames "
                f"(first: frame {lacking[0]}) lack it; the keys seen there are {known}"
            )
        if lacking:
            return None
        try:
            truth = np.array([label_of(atoms[row], key or trained) for row in rows])
        except MissingLabelsError:
            if key:
                raise
            return None
        return figures_of(truth, predicted.value[rows]), trust_of(truth, predicted.value[rows], predicted.sigma[rows])


def save_predictor(path: Path, predictor: Predictor) -> None:
    """Write a model file; the networks of the ensemble, how to scale them, the card."""
    ensemble, tensors = predictor.ensemble, predictor.calibration.tensors() | predictor.unknown_elements.tensors()
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


def _with_new_names(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A spec with keys of older files renamed."""
    return {RENAMED.get(key, key): value for key, value in spec.items()}


def load_predictor(model: str | Path) -> Predictor:
    """A property model by its shipped name or path.

    Raises:
        WeightsError: missing, damaged or foreign file; one of another kind.
    """
    artifact = load_model(model, kinds=REGRESSIONS)
    method, tensors = method_of(artifact.kind), artifact.tensors
    try:
        spec = decode(method.spec, _with_new_names(artifact.spec["model"]), where="spec")
        members, logarithm = int(artifact.spec["members"]), bool(artifact.spec["logarithm"])
        floor, factor = tensors["scatter"].tolist()
        calibration, unknown_elements = Calibration.from_tensors(tensors), UnknownElements.from_tensors(tensors)
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
    return Predictor(ensemble, calibration, unknown_elements, logarithm, artifact.card)


def _counters(network: torch.nn.Module) -> Mapping[str, torch.Tensor]:
    """Whole numbers, such as the steps that a batch normalisation has counted: not stored, not needed."""
    return {k: v for k, v in network.state_dict().items() if not v.is_floating_point()}
