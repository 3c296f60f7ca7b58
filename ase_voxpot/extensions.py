"""Entry points: how other packages add commands, trainings and models.

    voxpot.verbs      commands of ``voxpot``: typer functions, or a ``Verb``, which has a heading for the help
    voxpot.trainers   trainings by ``kind``: functions ``run(config, out=, resume=, quick=)``
    voxpot.models     models other than potentials: objects with the methods of ``ModelShelf``

An extension that cannot be imported raises an error when it is used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ase_voxpot.errors import ConfigError
from ase_voxpot.extras import EXTRAS, missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.metadata import EntryPoint

__all__ = ["ModelEntry", "ModelShelf", "Verb", "extensions", "load_extension"]


@dataclass(frozen=True, slots=True)
class Verb:
    """A command of ``voxpot`` in another package."""

    function: Callable[..., None]
    panel: str = "Extensions"  # heading of ``voxpot --help``
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the typer context


class ModelEntry(NamedTuple):
    """A model of an extension, as ``voxpot info`` lists it."""

    name: str
    verb: str  # the command that uses it
    about: str


class ModelShelf(Protocol):
    """The models of an extension."""

    def catalogue(self) -> list[ModelEntry]:
        """The models that come with the package."""

    def card_of(self, model: str) -> dict[str, Any] | None:
        """The card of a model by its name or path; None for one that is not of this extension."""


def extensions(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by name, sorted."""
    return {point.name: point for point in sorted(entry_points(group=group), key=lambda point: point.name)}


def load_extension(point: EntryPoint) -> Any:
    """The object of an entry point.

    Raises:
        MissingPackageError: an optional package that it imports is not installed; the message has the command.
        ConfigError: it cannot be imported.
    """
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        package = (getattr(error, "name", None) or "").partition(".")[0]
        if isinstance(error, ModuleNotFoundError) and package in EXTRAS:
            raise missing(package, point.name) from None
        raise ConfigError(
            f"{point.name} of {point.value} cannot be loaded ({error}); install the package that brings it again"
        ) from None
