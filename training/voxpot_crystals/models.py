"""Models of crystals on disk: those that come with the package, and others by their path.

kind              module                    used by
hirshfeld         regression.hirshfeld      voxpot predict
voxelnet          regression.voxelnet       voxpot predict
cgcnn             regression.cgcnn          voxpot predict
structure_field   latent.structure_field    voxpot reconstruct, generate
generative        latent.voxel_vae          voxpot reconstruct, generate
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_voxpot.errors import WeightsError
from ase_voxpot.extensions import ModelEntry
from ase_voxpot.storage.sealed import find_sealed
from voxpot_training.artifacts import is_artifact, kind_of, load_artifact, read_card

if TYPE_CHECKING:
    from collections.abc import Collection

    from voxpot_training.artifacts import Artifact

__all__ = ["REGRESSIONS", "card_of", "catalogue", "find_model", "load_model"]

SHIPPED = Path(__file__).with_name("pretrained")
REGRESSIONS = ("hirshfeld", "voxelnet", "cgcnn")


def find_model(model: str | Path) -> Path:
    """The file of a shipped model by its name, or of any model by its path.

    Raises:
        WeightsError: neither a shipped name nor a file.
    """
    return find_sealed(model, SHIPPED)


def load_model(model: str | Path, *, kinds: Collection[str]) -> Artifact:
    """A model by its shipped name or path.

    Raises:
        WeightsError: missing file; ``SchemaError`` foreign, or of a kind not in ``kinds``;
            ``ChecksumError`` damaged.
    """
    return load_artifact(find_model(model), kinds=kinds)


def catalogue() -> list[ModelEntry]:
    """The models that come with the package."""
    rows = []
    for path in sorted(SHIPPED.glob("*.safetensors")):
        verb = "predict" if kind_of(path) in REGRESSIONS else "reconstruct"
        rows.append(ModelEntry(path.stem, verb, str(read_card(path).get("about", ""))))
    return rows


def card_of(model: str) -> dict[str, Any] | None:
    """The card of a model of crystals by its name or path; None for a name or file of another kind."""
    try:
        path = find_model(model)
    except WeightsError:
        return None
    return read_card(path) if is_artifact(path) else None
