"""Calculators of others, to be timed beside ours: NAME=module:factory[:argument]."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_voxpot.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Peer"]


@dataclass(frozen=True, slots=True)
class Peer:
    """A function that makes an ASE calculator, by where it stands."""

    name: str
    target: str  # a module, or the path of a Python file
    factory: str
    argument: str | None

    @staticmethod
    def parse(text: str) -> Peer:
        """From ``[NAME=]target:factory[:argument]``; without a name it is that of the argument or factory.

        Raises:
            ConfigError: something else came.

        >>> Peer.parse("peers.py:peer:mtp")
        Peer(name='mtp', target='peers.py', factory='peer', argument='mtp')
        >>> Peer.parse("EMT=ase.calculators.emt:EMT").name
        'EMT'
        """
        head, equals, rest = text.partition("=")
        name, place = (head, rest) if equals else ("", text)
        parts = place.split(":")
        if len(parts) not in (2, 3) or not all(parts) or (equals and not name):
            raise ConfigError(
                f"peer: expected [NAME=]module:factory[:argument] or [NAME=]file.py:factory[:argument], got {text!r}"
            )
        argument = parts[2] if len(parts) == 3 else None
        return Peer(name or argument or parts[1], parts[0], parts[1], argument)

    def make(self) -> Any:
        """A new calculator.

        Raises:
            ConfigError: it cannot be made, and why.
        """
        try:
            factory = getattr(self._module(), self.factory)
            return factory() if self.argument is None else factory(self.argument)
        except (Exception, SystemExit) as error:  # whatever the code of others comes up with
            raise ConfigError(f"peer {self.name}: cannot be made ({type(error).__name__}: {error})") from None

    def _module(self) -> ModuleType:
        if not self.target.endswith(".py"):
            return importlib.import_module(self.target)
        path = Path(self.target)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None or not path.is_file():
            raise FileNotFoundError(f"no file {path}")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
