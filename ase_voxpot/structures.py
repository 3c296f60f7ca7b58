"""Structures by file name or by name: ``cell.vasp``, ``bcc:MoTaW``, ``fcc:Ni3Al``.

A shorthand is a lattice and a formula: a repeated cubic cell with the elements of the formula on random sites.  A file
with partially occupied sites can be decorated in the same way.  The lattice constant of a shorthand is the mean of
those of the elements (Vegard's law), taken from ``lattice`` in a model's card, else from the reference states in ASE
at equal volume per atom.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from ase_voxpot.errors import ConfigError, DataError, OverlapError, StructureError, VoxPotError
from ase_voxpot.frames.disorder import decorate, partial_sites, refuse_disorder
from ase_voxpot.frames.labels import read_each
from ase_voxpot.neighbours.verlet import VerletList

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "EMPTY",
    "Decoration",
    "average_structure",
    "empty_layer",
    "is_shorthand",
    "open_structure",
    "random_alloy",
    "share_out",
]

SITES = {"bcc": 2, "fcc": 4}
"""Sites of the cubic cell, for every lattice that a shorthand can name."""
SHORTHAND = re.compile(r"([a-z]+):([A-Za-z0-9]+)")
OVERLAP = 0.5
"""Å; closer atoms overlap."""
EMPTY = 8.0
"""Å; structures with a wider gap are slabs or molecules, not crystals."""
KEPT = ("numbers", "positions", "momenta", "masses", "tags", "initial_magmoms", "initial_charges")


@dataclass(frozen=True, slots=True)
class Decoration:
    """How partially occupied sites are filled."""

    vacancies: bool = False  # leave partially occupied sites empty in proportion


def is_shorthand(text: str) -> bool:
    """Whether ``text`` is a lattice and a formula, not the name of a file.

    >>> is_shorthand("bcc:MoTaW"), is_shorthand("cell.vasp")
    (True, False)
    """
    return SHORTHAND.fullmatch(text) is not None


def open_structure(
    source: str,
    *,
    repeat: int | tuple[int, int, int] = 1,
    rng: np.random.Generator,
    constant: float | None = None,
    card: Mapping[str, Any] | None = None,
    decoration: Decoration | None = None,
    note: Callable[[str], None] = lambda sentence: None,
) -> Atoms:
    """The structure that ``source`` names, repeated along its three vectors.

    Args:
        source: a file, of which the last frame is used without labels, or a shorthand.
        repeat: how often, in all directions alike or in each.
        rng: shuffles the sites of a shorthand, or of a decoration.
        constant: Å, lattice constant of a shorthand; Vegard's law without it.
        card: of the model, where ``lattice`` may hold its own lattice constants.
        decoration: how to fill partially occupied sites of a file, which are refused without it.
        note: called with a sentence about a choice: which of several frames, which composition.

    Raises:
        DataError: the file cannot be read.
        ConfigError: invalid shorthand, constant, decoration or number of repeats.
        StructureError: no atoms, no finite positions, or atoms that overlap; ``OccupancyError`` partially occupied
            sites without a decoration, or that cannot be decorated.
    """
    if np.min(repeat) < 1:
        raise ConfigError(f"repeat: expected a whole number from 1 on, got {repeat}")
    if is_shorthand(source) and decoration is None:
        return random_alloy(source, repeat=repeat, rng=rng, constant=constant, card=card)
    if is_shorthand(source):
        raise ConfigError(f"decorate: expected a file with partially occupied sites, got {source}; leave it out")
    if constant is not None:
        raise ConfigError("lattice: a constant can be given for a shorthand such as bcc:MoTaW, not for a file")
    atoms = _last_frame(source, disorder=decoration is not None, note=note)
    again = bool(np.max(repeat) > 1)
    if again and not atoms.pbc.all():
        raise DataError(f"{source}: expected a cell periodic in three directions to repeat, got pbc {atoms.pbc}")
    if decoration is not None:
        atoms = _decorated(source, atoms, repeat, rng, decoration, note)
    else:
        atoms = atoms.repeat(repeat) if again else atoms
    _refuse_overlap(source, atoms)
    atoms.info.clear()
    for name in set(atoms.arrays) - set(KEPT):
        del atoms.arrays[name]
    return atoms


def empty_layer(atoms: Atoms) -> float:
    """Å, the widest gap between two planes of atoms along a vector of a periodic cell; of a slab, its vacuum.

    >>> from ase.build import bulk, fcc111
    >>> slab = fcc111("Cu", (1, 1, 3), vacuum=6.0)
    >>> slab.pbc = True
    >>> round(empty_layer(slab), 1), round(empty_layer(bulk("Cu", cubic=True)), 1)
    (12.0, 1.8)
    """
    heights = 1 / np.linalg.norm(atoms.cell.reciprocal(), axis=1)
    places = np.sort(atoms.get_scaled_positions(wrap=False) % 1.0, axis=0)
    gaps = np.diff(places, axis=0, append=places[:1] + 1).max(axis=0)
    return float((gaps * heights)[atoms.pbc].max(initial=0.0))


def average_structure(source: str) -> Atoms:
    """A file with partially occupied sites before its decoration: atoms of one element are on sites of one kind.

    Its symmetry is that of the crystal; the elements are arbitrary.

    Raises:
        DataError: the file cannot be read.
    """
    atoms = _last_frame(source, disorder=True, note=lambda sentence: None)
    sites = partial_sites(atoms)
    kinds = [-int(number) for number in atoms.numbers]
    for number, site in enumerate(sites):
        for row in site.rows:
            kinds[row] = number
    names = sorted(set(kinds))
    return Atoms([1 + names.index(kind) for kind in kinds], positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)


def _last_frame(source: str, *, disorder: bool, note: Callable[[str], None]) -> Atoms:
    """The last frame of a file, without labels."""
    found = read_each(source, "-2:")
    atoms = found[-1]
    try:
        if isinstance(atoms, VoxPotError):
            raise atoms
        if not disorder:
            refuse_disorder(atoms)
    except VoxPotError as error:
        raise type(error)(f"{source}: {error}") from None
    if len(found) > 1:
        note(f"{source} holds several structures; the last one, {atoms.get_chemical_formula()}, is taken")
    atoms.calc = None
    return atoms


def _decorated(
    source: str,
    atoms: Atoms,
    repeat: int | tuple[int, int, int],
    rng: np.random.Generator,
    decoration: Decoration,
    note: Callable[[str], None],
) -> Atoms:
    sites = partial_sites(atoms)
    if not sites:
        raise ConfigError(f"decorate: expected a file with partially occupied sites, got {source}; leave it out")
    out = decorate(atoms, repeat=repeat, rng=rng, vacancies=decoration.vacancies)
    told = ", ".join(f"{symbol} {count}" for symbol, count in out.symbols.formula.count().items())
    held = "; ".join(" ".join(f"{s} {v:.4g}" for s, v in site.shares.items()) for site in sites)
    note(f"{source} is decorated at random, from sites with {held}: {told}")
    return out


def _refuse_overlap(source: str, atoms: Atoms) -> None:
    try:
        pairs = VerletList(OVERLAP).update(atoms)
    except StructureError as error:
        raise type(error)(f"{source}: {error}") from None
    if len(pairs):
        worst = int(np.linalg.norm(pairs.offset, axis=1).argmin())
        raise OverlapError(
            f"{source}: atoms {pairs.centre[worst]} and {pairs.neighbour[worst]} are "
            f"{np.linalg.norm(pairs.offset[worst]):.3f} Å apart, expected at least {OVERLAP} Å; remove one of them"
        )


def random_alloy(
    shorthand: str,
    *,
    repeat: int | tuple[int, int, int] = 1,
    rng: np.random.Generator,
    constant: float | None = None,
    card: Mapping[str, Any] | None = None,
) -> Atoms:
    """A random alloy from its shorthand; arguments and errors as ``open_structure``.

    >>> atoms = random_alloy("bcc:MoTaW", repeat=3, rng=np.random.default_rng(0))
    >>> len(atoms), sorted(atoms.symbols.formula.count().items())
    (54, [('Mo', 18), ('Ta', 18), ('W', 18)])
    """
    from ase.build import bulk
    from ase.formula import Formula

    match = SHORTHAND.fullmatch(shorthand)
    if match is None or match[1] not in SITES:
        raise ConfigError(f"structure: expected {' or '.join(SITES)}, a colon and a formula, got {shorthand!r}")
    lattice = match[1]
    try:
        parts = Formula(match[2], strict=True).count()
    except (ValueError, KeyError):
        raise ConfigError(f"structure: expected a chemical formula such as MoTaW, got {match[2]!r}") from None
    if not parts or not all(parts.values()):
        raise ConfigError(f"structure: expected a formula with elements, got {match[2]!r}")
    if constant is None:
        constant = _vegard(lattice, parts, card or {})
    if not (np.isfinite(constant) and 0.5 < constant < 50):
        raise ConfigError(f"lattice: expected a constant between 0.5 and 50 Å, got {constant}")
    atoms = bulk("X", lattice, a=constant, cubic=True).repeat(repeat)
    atoms.symbols = rng.permutation(share_out(parts, len(atoms)))
    return atoms


def share_out(parts: Mapping[str, int], sites: int) -> list[str]:
    """``sites`` symbols in the proportions of ``parts``, the largest remainders rounded up.

    >>> share_out({"Mo": 1, "W": 2}, 4)
    ['Mo', 'W', 'W', 'W']
    """
    total = sum(parts.values())
    counts = {s: sites * n // total for s, n in parts.items()}
    by_remainder = sorted(parts, key=lambda s: -(sites * parts[s] % total))
    for symbol in by_remainder[: sites - sum(counts.values())]:
        counts[symbol] += 1
    return [symbol for symbol, count in counts.items() for _ in range(count)]


def _vegard(lattice: str, parts: Mapping[str, int], card: Mapping[str, Any]) -> float:
    """Mean lattice constant in Å, weighted by the concentrations."""
    table = card.get("lattice")
    known = table.get(lattice, {}) if isinstance(table, dict) else {}
    total = sum(parts.values())
    return sum(n / total * (known.get(s) or _constant(lattice, s)) for s, n in parts.items())


def _constant(lattice: str, symbol: str) -> float:
    from ase.build import bulk

    try:
        reference = bulk(symbol)
    except (ValueError, KeyError, TypeError, RuntimeError, NotImplementedError):
        raise ConfigError(f"lattice: no reference crystal of {symbol} is known; give the constant in Å") from None
    return float((SITES[lattice] * reference.get_volume() / len(reference)) ** (1 / 3))
