"""What verbs work on: a structure, and a method that says what its energy is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase_voxpot.cli.refusals import refuse_seed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ase import Atoms

__all__ = ["Method", "Work", "find_method", "is_random", "open_atoms", "open_work"]

ALLOY = 3
"""Cubic cells along each edge of a random alloy: 54 atoms of bcc."""


@dataclass(frozen=True, slots=True)
class Method:
    """A calculator that is still to be made; the card of a model knows lattice constants."""

    name: str
    make: Callable[[], Any]
    card: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A material and who says what its energy is."""

    name: str  # of the structure, as it was given
    method: str  # of the calculator
    calculator: Any
    random: bool  # a shorthand of several elements, of which there are many decorations
    build: Callable[[int], Atoms]  # the structure; with another seed another decoration

    @property
    def title(self) -> str:
        """What is computed, and with what."""
        return f"{self.name} with {self.method}"

    @property
    def about(self) -> dict[str, str]:
        """The same, to stand beside figures in a file."""
        return {"structure": self.name, "method": self.method}

    def lattice(self) -> Atoms:
        """The structure; of a random alloy its lattice with one element on all sites."""
        atoms = self.build(0)
        if self.random:
            atoms.numbers[:] = atoms.numbers[0]
        return atoms


def find_method(
    model: str, calculator: str | None = None, *, device: str, dtype: str, uncertainty: bool = False
) -> Method:
    """A model by name or path, unless ``calculator`` is the ``module:factory`` or ``file.py:factory`` of another.

    Raises:
        VoxPotError: there is no such model or calculator.
    """
    from ase_voxpot.peers import parse_peer
    from ase_voxpot.weights import find_model, read_header

    if calculator is not None:
        peer = parse_peer(calculator)
        return Method(peer.name, peer.make)

    def make() -> Any:
        from ase_voxpot.calculator import VoxPotCalculator

        return VoxPotCalculator(model, device=device, dtype=dtype, uncertainty=uncertainty)  # type: ignore[arg-type]

    return Method(Path(model).stem, make, read_header(find_model(model))["card"])


def open_atoms(
    structure: str, method: Method, *, repeat: int | tuple[int, int, int], seed: int, lattice: float | None
) -> Atoms:
    """The structure that a file or a shorthand means, with its calculator.

    Args:
        structure: a file or a shorthand.
        method: says what its energy is.
        repeat: along all vectors alike, or along each.
        seed: shuffles the sites of a shorthand.
        lattice: Å, constant of a shorthand.

    Raises:
        VoxPotError: of the structure or of the calculator.
    """
    atoms = _decorated(structure, method, repeat, seed, lattice)
    atoms.calc = method.make()
    return atoms


def open_work(
    structure: str, method: Method, *, repeat: int | tuple[int, int, int] | None, seed: int, lattice: float | None
) -> Work:
    """A crystal and a calculator, both seen to be there; arguments as of ``open_atoms``.

    With ``repeat`` None a random alloy is repeated three times along each vector, and nothing else is.

    Raises:
        VoxPotError: of the structure or of the calculator.
    """
    from ase_voxpot.errors import ConfigError, StructureError

    random = is_random(structure)
    times = (ALLOY if random else 1) if repeat is None else repeat
    atoms = _decorated(structure, method, times, seed, lattice)
    if not (atoms.pbc.all() and len(atoms)):
        raise StructureError(f"{structure}: expected a crystal periodic in three directions, got pbc {atoms.pbc}")
    atoms.calc = calculator = method.make()
    atoms.get_potential_energy()  # refuses what has no energy before any work
    if "stress" not in getattr(calculator, "implemented_properties", ()):
        raise ConfigError(f"calculator: expected one with energy, forces and stress, got {method.name} without stress")
    return Work(
        name=structure,
        method=method.name,
        calculator=calculator,
        random=random,
        build=lambda further: _decorated(structure, method, times, seed + further, lattice),
    )


def is_random(structure: str) -> bool:
    """Whether this is a shorthand of several elements, of which there are many decorations.

    >>> is_random("bcc:MoTaW"), is_random("bcc:W"), is_random("MoTaW.cif")
    (True, False, False)
    """
    from ase_voxpot.structures import is_shorthand

    return is_shorthand(structure) and sum(map(str.isupper, structure)) > 1


def _decorated(
    structure: str, method: Method, repeat: int | tuple[int, int, int], seed: int, lattice: float | None
) -> Atoms:
    import numpy as np

    from ase_voxpot.structures import open_structure

    refuse_seed(seed)
    rng = np.random.default_rng(seed)
    return open_structure(structure, repeat=repeat, rng=rng, constant=lattice, card=method.card)
