"""What can be trained, and what its models can be asked: one line per member of the family.

    kind              trained by                          asked by
    potential         potential.train                     VoxPotCalculator
    wholecell         wholecell.train                     its own calculator
    hirshfeld         hirshfeld.train                     voxpot predict
    voxelnet          voxelnet.train                      voxpot predict
    cgcnn             cgcnn.train                         voxpot predict
    structure_field   structure_field.train               voxpot reconstruct, generate
    generative        generative.train                    voxpot reconstruct, generate

A config says at its top which one it is for (``kind = "cgcnn"``); without it, for a potential.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ase_voxpot.errors import ConfigError, SchemaError
from voxpot_training.artifacts import kind_of
from voxpot_training.config import read_toml

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

__all__ = ["CODECS", "KINDS", "REGRESSIONS", "VERBS", "codec_module", "train", "trainer"]

KINDS = ("potential", "wholecell", "hirshfeld", "voxelnet", "cgcnn", "structure_field", "generative")
"""Folders of this package whose module ``train`` has ``run(config, out=, resume=, quick=)``."""
VERBS = {"potential": "md", "wholecell": "train", "structure_field": "reconstruct", "generative": "generate"}
"""What asks a model of a kind, unless it is ``predict``."""
REGRESSIONS = ("hirshfeld", "voxelnet", "cgcnn")
"""Those whose module ``method`` has a ``METHOD``, which ``voxpot predict`` can ask."""

CODECS = ("structure_field", "generative")
"""Those whose package has ``load_codec`` and ``load_generator``, which ``voxpot reconstruct`` and ``generate`` ask."""


def codec_module(model: str | Path) -> ModuleType:
    """The package whose models encode, decode and generate, for the kind that ``model`` is of.

    Raises:
        WeightsError: neither a shipped name nor a file; ``SchemaError`` foreign, or of another kind.
    """
    kind = kind_of(model)
    if kind not in CODECS:
        raise SchemaError(f"{model}: expected a model of kind {' or '.join(CODECS)}, got {kind!r}")
    return import_module(f"voxpot_training.{kind}")


def trainer(kind: str) -> ModuleType:
    """The module that trains ``kind``.

    Raises:
        ConfigError: there is no such kind.
    """
    if kind not in KINDS:
        raise ConfigError(f"kind: expected one of {', '.join(map(repr, KINDS))}, got {kind!r}")
    return import_module(f"voxpot_training.{kind}.train")


def train(config: Path, *, out: Path | None = None, resume: bool = False, quick: bool = False) -> Path:
    """Train what ``config`` describes, whatever kind it is of.

    Args:
        config: a TOML file.
        out: folder for everything that is written; ``runs/NAME`` by default.
        resume: take up the checkpoint of the folder.
        quick: a small version, to see that everything works.

    Returns:
        The model file.

    Raises:
        VoxPotError: of the kind that fits: config, data, labels, checkpoint, divergence.
    """
    kind = read_toml(config).get("kind", "potential")
    made: Path = trainer(kind).run(config, out=out, resume=resume, quick=quick)
    return made
