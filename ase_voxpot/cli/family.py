"""How verbs reach the training package, which stands above this one and need not be installed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["training_module"]


def training_module(name: str, *, verb: str) -> ModuleType:
    """The module ``voxpot_training.NAME``.

    Raises:
        MissingPackageError: an optional package that it imports is not installed; the sentence has the command.
        ConfigError: the training package, or something else that it imports, is not there.
    """
    from ase_voxpot.errors import ConfigError
    from ase_voxpot.extras import EXTRAS, missing

    try:
        return import_module(f"voxpot_training.{name}")
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in EXTRAS:
            raise missing(package, f"voxpot {verb}") from None
        raise ConfigError(f"{verb} needs the package voxpot_training with all it imports ({error})") from None
