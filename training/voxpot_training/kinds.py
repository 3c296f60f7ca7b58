"""Trainings as entry points of the group ``voxpot.trainers``, chosen by the key ``kind`` of a config.

A config without ``kind`` is for a potential.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ase_voxpot.errors import ConfigError
from ase_voxpot.extensions import extensions, load_extension
from voxpot_training.config import read_toml

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Trainer", "train", "trainer"]


class Trainer(Protocol):
    """A function that trains a model from a config and returns its file."""

    def __call__(self, config: Path, *, out: Path | None, resume: bool, quick: bool) -> Path:
        """Train; see ``train`` for the arguments."""


def trainer(kind: str) -> Trainer:
    """The function that trains models of a kind.

    Raises:
        ConfigError: there is no such kind, or its package cannot be loaded.
    """
    known = extensions("voxpot.trainers")
    if kind not in known:
        raise ConfigError(f"kind: expected one of {', '.join(map(repr, known))}, got {kind!r}")
    found: Trainer = load_extension(known[kind])
    return found


def train(config: Path, *, out: Path | None = None, resume: bool = False, quick: bool = False) -> Path:
    """Train the model of ``config``, of any kind.

    Args:
        config: a TOML file.
        out: folder for everything that is written; ``runs/NAME`` by default.
        resume: continue from the checkpoint in the folder.
        quick: a short version, as a test.

    Returns:
        The model file.

    Raises:
        VoxPotError: of the kind that fits: config, data, labels, checkpoint, divergence.
    """
    return trainer(read_toml(config).get("kind", "potential"))(config, out=out, resume=resume, quick=quick)
