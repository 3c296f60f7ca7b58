"""Methods of computing energies: a model or another calculator, by the text that names it.

A method can be sent to other processes, each of which makes a calculator of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_voxpot.peers import Peer, anywhere, parse_peer
from ase_voxpot.weights import SHIPPED, find_model, read_header

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Method"]


@dataclass(frozen=True, kw_only=True)
class Method:
    """A factory of calculators that can be pickled; file names are made absolute then."""

    text: str  # name or path of a model, or a factory as on the command line
    own: bool = True  # whether it is a model
    device: str = "auto"
    dtype: str = "float32"
    uncertainty: bool = False

    @cached_property
    def _peer(self) -> Peer:
        return parse_peer(self.text)

    @property
    def name(self) -> str:
        """Name of the model without its folder, or of the factory.

        Raises:
            ConfigError: a factory that cannot be found or used.
        """
        return Path(self.text).stem if self.own else self._peer.name

    @cached_property
    def card(self) -> Mapping[str, Any] | None:
        """What the model file says of the model, lattice constants among it; None of other calculators.

        Raises:
            WeightsError: no such model, or a file that is none.
        """
        return read_header(find_model(self.text))["card"] if self.own else None

    def make(self) -> Any:
        """A new calculator, whose results do not depend on what others computed.

        Raises:
            VoxPotError: no such model or calculator, or no such device.
        """
        if not self.own:
            return self._peer.make()
        from ase_voxpot.calculator import VoxPotCalculator

        return VoxPotCalculator(
            self.text,
            device=self.device,
            dtype=self.dtype,  # type: ignore[arg-type]
            uncertainty=self.uncertainty,
        )

    def peer(self) -> Peer:
        """One calculator of the method, with its fingerprint.

        Raises:
            VoxPotError: as ``make``.
        """
        if not self.own:
            return self._peer
        calculator = self.make()
        weights = hashlib.sha256(find_model(self.text).read_bytes()).hexdigest()[:12]
        return Peer(name=self.name, make=lambda: calculator, identity=f"voxpot {weights} {self.dtype}")

    def __getstate__(self) -> dict[str, Any]:
        """The fields, with file names that are valid in any folder."""
        if self.own:
            path = find_model(self.text)
            text = self.text if path.parent == SHIPPED else str(path.absolute())
        else:
            text = anywhere(self.text)
        return {field.name: getattr(self, field.name) for field in fields(self)} | {"text": text}
