"""Structures by file name or by name: ``cell.vasp``, ``bcc:MoTaW``, ``fcc:Ni3Al``.

A shorthand is a lattice and a formula.  It stands for a cubic cell, repeated, whose
sites are shared out by the formula and shuffled: the random alloy.  Its lattice constant
is the mean of those of the elements (Vegard's law), taken from what a model's card says
under ``lattice``, else from the reference states in ASE at equal volume per atom.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ConfigError, DataError
from ase_voxpot.labels import read_frames

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ase import Atoms

__all__ = ["is_shorthand", "open_structure", "random_alloy", "share_out"]

SITES = {"bcc": 2, "fcc": 4}
"""Sites of the cubic cell, for every lattice that a shorthand can name."""
SHORTHAND = re.compile(r"([a-z]+):([A-Za-z0-9]+)")
KEPT = ("numbers", "positions", "momenta", "masses", "tags", "initial_magmoms", "initial_charges")


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
) -> Atoms:
    """The structure that ``source`` names, repeated along its three vectors.

    Args:
        source: a file, whose last frame counts and loses its labels, or a shorthand.
        repeat: how often, in all directions alike or in each.
        rng: shuffles the sites of a shorthand.
        constant: Å, lattice constant of a shorthand; Vegard's law without it.
        card: of the model, where ``lattice`` may hold its own lattice constants.

    Raises:
        DataError: the file cannot be read.
        ConfigError: the shorthand, the constant or the number of repeats make no sense.
    """
    if np.min(repeat) < 1:
        raise ConfigError(f"repeat: expected a whole number from 1 on, got {repeat}")
    if is_shorthand(source):
        return random_alloy(source, repeat=repeat, rng=rng, constant=constant, card=card)
    if constant is not None:
        raise ConfigError("lattice: a constant can be given for a shorthand such as bcc:MoTaW, not for a file")
    atoms = read_frames(source, "-1:")[0]
    atoms.calc = None
    atoms.info.clear()
    for name in set(atoms.arrays) - set(KEPT):
        del atoms.arrays[name]
    if np.max(repeat) > 1 and not atoms.pbc.all():
        raise DataError(f"{source}: expected a cell periodic in three directions to repeat, got pbc {atoms.pbc}")
    return atoms.repeat(repeat) if np.max(repeat) > 1 else atoms


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
