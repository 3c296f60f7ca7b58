"""Input of the verbs: a structure and the calculator of its energy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from ase_voxpot.cli.refusals import refuse_seed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms

    from ase_voxpot.methods import Method
    from ase_voxpot.structures import Decoration

__all__ = [
    "Work",
    "decoration_of",
    "find_method",
    "is_random",
    "note",
    "note_vacuum",
    "open_atoms",
    "open_work",
]

ALLOY = 3
"""Cubic cells along each edge of a random alloy: 54 atoms of bcc."""
WIDE = 9.0
"""Å, least width of a decorated structure without ``--repeat``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A material and the method for its energy."""

    name: str  # of the structure, as it was given
    method: str  # of the calculator
    calculator: Any
    random: bool  # a shorthand of several elements or a file to be decorated
    build: Callable[[int], Atoms]  # the structure; with another seed another decoration
    lattice: Callable[[], Atoms]  # with its full symmetry: a random alloy has one element on all equivalent sites

    @property
    def title(self) -> str:
        """What is computed, and with what."""
        return f"{self.name} with {self.method}"

    @property
    def about(self) -> dict[str, str]:
        """The same as a mapping, for JSON files."""
        return {"structure": self.name, "method": self.method}


def note(sentence: str) -> None:
    """Print a choice that was made to stderr."""
    typer.echo(f"voxpot: note: {sentence}", err=True)


def note_vacuum(atoms: Atoms) -> None:
    """Print a warning for a vacuum layer in a cell that is relaxed: under pressure it closes."""
    from ase_voxpot.structures import EMPTY, empty_layer

    if atoms.pbc.all() and atoms.cell.rank == 3 and empty_layer(atoms) > EMPTY:
        note(
            f"the cell has an empty layer of {empty_layer(atoms):.1f} Å, which counts as part of its volume: a "
            "changing cell closes it, and stresses are too small by its share; a slab is relaxed with its cell held"
        )


def decoration_of(decorate: bool, vacant: bool) -> Decoration | None:
    """The decoration described by the options --decorate and --vacant.

    Raises:
        ConfigError: the second without the first.
    """
    from ase_voxpot.errors import ConfigError
    from ase_voxpot.structures import Decoration

    if vacant and not decorate:
        raise ConfigError("vacant: belongs to partially occupied sites that are filled at random, add --decorate")
    return Decoration(vacancies=vacant) if decorate else None


def find_method(
    model: str, calculator: str | None = None, *, device: str, dtype: str, uncertainty: bool = False
) -> Method:
    """A model by name or path, unless ``calculator`` is the ``module:factory`` or ``file.py:factory`` of another.

    Raises:
        VoxPotError: there is no such model or calculator.
    """
    from ase_voxpot.methods import Method

    if calculator is not None:
        method = Method(text=calculator, own=False)
        method.name  # noqa: B018 - raises if there is no such calculator
    else:
        method = Method(text=model, device=device, dtype=dtype, uncertainty=uncertainty)
        method.card  # noqa: B018 - raises if there is no such model
    return method


def open_atoms(
    structure: str,
    method: Method,
    *,
    repeat: int | tuple[int, int, int],
    seed: int,
    lattice: float | None,
    decoration: Decoration | None = None,
) -> Atoms:
    """The structure of a file or a shorthand, with its calculator; constraints of a file are kept.

    Args:
        structure: a file or a shorthand.
        method: its calculator.
        repeat: along all vectors alike, or along each.
        seed: shuffles the sites of a shorthand or of a decoration.
        lattice: Å, constant of a shorthand.
        decoration: of a file with partially occupied sites.

    Raises:
        VoxPotError: of the structure or of the calculator.
    """
    atoms = _built(structure, method, repeat, seed, lattice, decoration, note)
    if atoms.constraints:
        note(f"{_held(atoms)} of {len(atoms)} atoms are held by constraints of {structure}")
    atoms.calc = method.make()
    return atoms


def open_work(
    structure: str,
    method: Method,
    *,
    repeat: int | tuple[int, int, int] | None,
    seed: int,
    lattice: float | None,
    decoration: Decoration | None = None,
    width: float = WIDE,
) -> Work:
    """A crystal and a calculator, both checked; arguments as of ``open_atoms``.

    With ``repeat`` None a random alloy is repeated three times along each vector, a file that is decorated until it
    is ``width`` Å wide, and nothing else is.  Constraints of a file are removed.

    Raises:
        VoxPotError: of the structure or of the calculator.
    """
    from ase_voxpot.errors import ConfigError
    from ase_voxpot.structures import average_structure

    random = is_random(structure) or decoration is not None
    times = _times(structure, width, decoration) if repeat is None else repeat

    def build(further: int, say: Callable[[str], None] = lambda sentence: None) -> Atoms:
        atoms = _built(structure, method, times, seed + further, lattice, decoration, say)
        if atoms.constraints:
            say(f"the constraints of {structure} ({_held(atoms)} of {len(atoms)} atoms) are left out: all atoms move")
            atoms.set_constraint()
        return atoms

    def average() -> Atoms:
        if decoration:
            return average_structure(structure)
        atoms = build(0)
        if random:
            atoms.numbers[:] = atoms.numbers[0]
        return atoms

    notes: list[str] = []
    atoms = build(0, notes.append)
    _refuse_no_crystal(structure, atoms)
    atoms.calc = calculator = method.make()
    atoms.get_potential_energy()  # raises before any work if the structure has no energy
    if "stress" not in getattr(calculator, "implemented_properties", ()):
        raise ConfigError(f"calculator: expected one with energy, forces and stress, got {method.name} without stress")
    for sentence in notes:
        note(sentence)
    return Work(name=structure, method=method.name, calculator=calculator, random=random, build=build, lattice=average)


def _refuse_no_crystal(structure: str, atoms: Atoms) -> None:
    from ase_voxpot.errors import StructureError
    from ase_voxpot.structures import EMPTY, empty_layer

    if not atoms.pbc.all():
        raise StructureError(f"{structure}: expected a crystal periodic in three directions, got pbc {atoms.pbc}")
    gap = empty_layer(atoms)
    if gap > EMPTY:
        raise StructureError(
            f"{structure}: expected a crystal, got an empty layer of {gap:.1f} Å; a slab, or a molecule in a box, has "
            "no such properties (voxpot relax and md take it)"
        )


def _times(structure: str, width: float, decoration: Decoration | None) -> int:
    """Default number of repeats of a structure."""
    import numpy as np

    from ase_voxpot.structures import average_structure

    if decoration is None:
        return ALLOY if is_random(structure) else 1
    heights = 1 / np.linalg.norm(average_structure(structure).cell.reciprocal(), axis=1)
    return max(1, int(np.ceil(width / heights.min() - 1e-9)))


def _held(atoms: Atoms) -> int:
    """Number of constrained atoms."""
    return len({int(i) for held in atoms.constraints for i in getattr(held, "index", ())})


def is_random(structure: str) -> bool:
    """Whether this is a shorthand of several elements, of which there are many decorations.

    >>> is_random("bcc:MoTaW"), is_random("bcc:W"), is_random("MoTaW.cif")
    (True, False, False)
    """
    from ase_voxpot.structures import is_shorthand

    return is_shorthand(structure) and sum(map(str.isupper, structure)) > 1


def _built(
    structure: str,
    method: Method,
    repeat: int | tuple[int, int, int],
    seed: int,
    lattice: float | None,
    decoration: Decoration | None,
    say: Callable[[str], None],
) -> Atoms:
    import numpy as np

    from ase_voxpot.structures import open_structure

    refuse_seed(seed)
    return open_structure(
        structure,
        repeat=repeat,
        rng=np.random.default_rng(seed),
        constant=lattice,
        card=method.card,
        decoration=decoration,
        note=say,
    )
