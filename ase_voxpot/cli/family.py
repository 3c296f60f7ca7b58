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
        ConfigError: the package, or something that it imports, is not there.
    """
    from ase_voxpot.errors import ConfigError

    try:
        return import_module(f"voxpot_training.{name}")
    except ModuleNotFoundError as error:
        raise ConfigError(f"{verb} needs the package voxpot_training with all it imports ({error})") from None
