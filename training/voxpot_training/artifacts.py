"""Model files of networks other than potentials: safetensors with spec and card.

``kind`` names the module of a file, ``spec`` describes its network, ``card`` its data,
training and errors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ArchitectureError, ChecksumError, SchemaError, WeightsError
from ase_voxpot.storage.sealed import PRECISIONS, checksum, read_arrays, read_texts, write_sealed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from torch import Tensor, nn

__all__ = [
    "Artifact",
    "fill",
    "halved",
    "is_artifact",
    "kind_of",
    "load_artifact",
    "read_card",
    "save_artifact",
]

FORMAT = "ase-voxpot model"
SCHEMAS = ("1",)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model file, read and checked."""

    path: Path
    kind: str
    spec: dict[str, Any]
    card: dict[str, Any]
    tensors: dict[str, Tensor]


def is_artifact(path: Path) -> bool:
    """Whether a file has this format, of whatever kind its model is."""
    try:
        _texts(path)
    except WeightsError:
        return False
    return True


def kind_of(path: Path) -> str:
    """The kind of a model.

    Raises:
        WeightsError: no such file; ``SchemaError`` foreign.
    """
    return _texts(path)["kind"]


def save_artifact(
    path: Path, *, kind: str, spec: Mapping[str, Any], card: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> None:
    """Write a model; the file is replaced atomically."""
    texts = {"format": FORMAT, "schema": SCHEMAS[-1], "kind": kind, "spec": json.dumps(spec), "card": json.dumps(card)}
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
    write_sealed(path, texts | {"checksum": checksum((kind, texts["spec"]), arrays)}, arrays)


def _texts(path: Path) -> dict[str, str]:
    texts = read_texts(path, format=FORMAT, schemas=SCHEMAS)
    if not {"kind", "spec", "card", "checksum"} <= set(texts):
        raise SchemaError(f"{path}: expected kind, spec, card and checksum in its header, got {', '.join(texts)}")
    return texts


def read_card(path: Path) -> dict[str, Any]:
    """The card of a model, without its tensors."""
    return _table(path, "card", _texts(path)["card"])


def _table(path: Path, name: str, text: str) -> dict[str, Any]:
    try:
        table = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise SchemaError(f"{path}: its {name} cannot be used ({error})") from None
    if not isinstance(table, dict):
        raise SchemaError(f"{path}: its {name} cannot be used (expected a table, got {type(table).__name__})")
    return table


def load_artifact(path: Path, *, kinds: Collection[str]) -> Artifact:
    """A model, read and checked.

    Args:
        path: its file.
        kinds: those that the caller can use.

    Raises:
        WeightsError: missing file; ``SchemaError`` foreign, or of a kind not asked for;
            ``ChecksumError`` damaged.
    """
    texts = _texts(path)
    if texts["kind"] not in kinds:
        raise SchemaError(f"{path}: expected a model of kind {' or '.join(sorted(kinds))}, got {texts['kind']!r}")
    arrays = read_arrays(path, precisions=(*PRECISIONS, "float16"))
    if checksum((texts["kind"], texts["spec"]), arrays) != texts["checksum"]:
        raise ChecksumError(f"{path}: the stored numbers do not match their checksum; fetch or train the model again")
    spec, card = (_table(path, name, texts[name]) for name in ("spec", "card"))
    return Artifact(path, texts["kind"], spec, card, {name: _single(a) for name, a in arrays.items()})


def _single(array: np.ndarray) -> Tensor:
    import torch

    return torch.from_numpy(array.astype(np.float32) if array.dtype == np.float16 else array)


def halved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors in half precision, for files of half the size.

    Doubles, and tensors with a number beyond the range of half precision, are not changed.
    """
    return {name: _half(t) if str(t.dtype) == "torch.float32" else t for name, t in tensors.items()}


def _half(tensor: Tensor) -> Tensor:
    small = tensor.half()
    return small if small.isfinite().all() else tensor


def fill(network: nn.Module, tensors: Mapping[str, Tensor], *, source: Path) -> None:
    """Put stored tensors into ``network``.

    Raises:
        ArchitectureError: names or shapes differ from what the network has.
    """
    wanted = {k: tuple(v.shape) for k, v in network.state_dict().items()}
    given = {k: tuple(v.shape) for k, v in tensors.items()}
    if wanted != given:
        first = (sorted(set(wanted) ^ set(given)) or sorted(k for k in wanted if wanted[k] != given[k]))[0]
        raise ArchitectureError(f"{source}: holds another network than its spec describes (first difference: {first})")
    network.load_state_dict(dict(tensors))
