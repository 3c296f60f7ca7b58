"""Other calculators, given by the user as ``module:factory`` or ``path/to/file.py:factory``.

A third part is the only argument of the factory: ``peers.py:make:snap``.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes

from ase_voxpot.errors import ConfigError, StructureError, VoxPotError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["Patient", "Peer", "anywhere", "parse_peer", "stress_or_none"]

KEPT = 8
"""Calculators kept, for the structures used last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Name, factory and fingerprint of a calculator."""

    name: str
    make: Callable[[], Any]
    identity: str


class Patient(Calculator):
    """A calculator that makes another one for each set of atoms and then moves its atoms.

    Some calculators support a single number of atoms, or read their files again for every
    new structure.
    """

    name = "patient"

    def __init__(self, make: Callable[[], Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._make = make
        self._kept: dict[tuple[bytes, bytes], Atoms] = {}
        known = list(getattr(make(), "implemented_properties", ()))
        self.implemented_properties = [n for n in ("energy", "free_energy", "forces", "stress") if n in known]

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Energy, forces and, where three cell vectors are set, stress."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        now: Any = self.atoms
        key = (now.numbers.tobytes(), now.pbc.tobytes())
        kept = self._kept.pop(key, None)
        if kept is None:
            kept = now.copy()
            kept.calc = self._make()
        self._kept[key] = kept
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        kept.set_cell(now.cell)
        kept.set_positions(now.positions)
        try:
            self.results = self._results(kept)
        except VoxPotError:
            raise
        except Exception as error:  # a foreign calculator may raise anything
            raise StructureError(
                f"{now.get_chemical_formula()} has no energy with the calculator given: "
                f"{type(error).__name__} ({error})"
            ) from error

    def _results(self, kept: Atoms) -> dict[str, Any]:
        results = {"energy": kept.get_potential_energy(), "forces": kept.get_forces()}
        if "free_energy" in self.implemented_properties:
            results["free_energy"] = kept.get_potential_energy(force_consistent=True)
        if "stress" in self.implemented_properties:
            stress = stress_or_none(kept)
            results |= {} if stress is None else {"stress": stress}
        return results


def stress_or_none(atoms: Atoms, **keywords: bool) -> Float[np.ndarray, " 6"] | None:
    """Stress in eV/Å³, Voigt; None where the cell spans no volume or the calculator gives none.

    Args:
        atoms: with any calculator of ASE.
        keywords: as ``Atoms.get_stress`` has them.
    """
    if atoms.cell.rank < 3:  # the convention of ASE's calculators, whatever directions are periodic
        return None
    try:
        return np.asarray(atoms.get_stress(**keywords))
    except PropertyNotImplementedError:
        return None


def parse_peer(text: str, *, patient: bool = True) -> Peer:
    """The peer of a text; its calculator is made once as a check.

    Args:
        text: ``[NAME=]module:factory[:argument]``, or a file instead of the module; the name is that of the
            argument or the factory by default.
        patient: wrap the calculator in ``Patient``, which supports any atoms at the cost of a copy.

    Raises:
        ConfigError: not found, or not a factory of a calculator.
    """
    label, target = _split(text)
    place, factory, *rest = parts = target.split(":") if ":" in target else ["", ""]
    if not all(parts) or len(parts) > 3 or text.startswith("="):
        raise ConfigError(
            f"peer: expected [NAME=]module:factory[:argument] or [NAME=]file.py:factory[:argument], got {text!r}"
        )
    argument = "".join(rest)
    function = _find(place, factory)

    def make() -> Any:
        return function(argument) if argument else function()

    try:
        calculator = make()
    except (Exception, SystemExit) as error:  # a foreign factory may raise anything
        raise ConfigError(
            f"peer {text!r}: expected {factory} to make a calculator, got {type(error).__name__} ({error})"
        ) from None
    if not hasattr(calculator, "get_potential_energy"):
        raise ConfigError(f"peer {text!r}: expected an ASE calculator, got {type(calculator).__name__}")
    content = Path(place).read_bytes() if Path(place).is_file() else b""
    identity = f"{target} {hashlib.sha256(content).hexdigest()[:12]}"
    return Peer(name=label or argument or factory, make=(lambda: Patient(make)) if patient else make, identity=identity)


def anywhere(text: str) -> str:
    """The text of a peer with the absolute path of its file, if it has one, for processes in other folders.

    >>> anywhere("snap=/home/peers.py:make"), anywhere("ase.calculators.emt:EMT")
    ('snap=/home/peers.py:make', 'ase.calculators.emt:EMT')
    """
    label, target = _split(text)
    place, _, rest = target.partition(":")
    path = str(Path(place).absolute())
    if not place.endswith(".py") or ":" in path:
        return text
    if "=" in path:  # what stands before it would be taken for a name
        label = label or rest.rpartition(":")[2]
    return f"{label}{'=' if label else ''}{path}:{rest}"


def _split(text: str) -> tuple[str, str]:
    """Name and factory of a peer; behind a colon, = is part of the argument."""
    before, equals, after = text.partition("=")
    return (before, after) if equals and ":" not in before else ("", text)


def _find(place: str, factory: str) -> Any:
    try:
        if place.endswith(".py"):
            spec = spec_from_file_location(Path(place).stem, place)
            if spec is None or spec.loader is None:
                raise ImportError("no Python file")
            module = module_from_spec(spec)
            sys.modules.setdefault(spec.name, module)
            spec.loader.exec_module(module)
        else:
            module = import_module(place)
        return getattr(module, factory)
    except Exception as error:  # a foreign module may raise anything
        raise ConfigError(
            f"peer: expected to find {factory} in {place}, got {type(error).__name__} ({error})"
        ) from None
