"""Enumeration of ordered structures on a lattice.

All supercells of the primitive cell (Hermite normal forms, Hart & Forcade, Phys. Rev. B 77, 224115 (2008)) under all
decorations; repeats are left out by colour refinement over the first shells of neighbours, and supercells of
smaller structures by spglib.  Lengths are in units of the cubic edge, or of a for hcp.
"""

from __future__ import annotations

import hashlib
import itertools
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from ase.build import bulk, niggli_reduce
from ase.neighborlist import neighbor_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from jaxtyping import Float, Int

__all__ = [
    "distinct_forms",
    "fingerprint",
    "hermite_forms",
    "ordered",
    "primitive_cell",
    "shell_radii",
    "shells",
    "supercell",
]

SHELLS = 5
"""Shells of neighbours that tell decorations apart."""


def hermite_forms(size: int) -> Iterator[Int[np.ndarray, "3 3"]]:
    """All integer matrices in Hermite normal form whose determinant is ``size``; rows are vectors of supercells.

    >>> [len(list(hermite_forms(n))) for n in (1, 2, 3, 4)]
    [1, 7, 13, 35]
    """
    for a in (n for n in range(1, size + 1) if size % n == 0):
        for c in (n for n in range(1, size // a + 1) if (size // a) % n == 0):
            f = size // (a * c)
            for b, d, e in itertools.product(range(c), range(f), range(f)):
                yield np.array([[a, b, d], [0, c, e], [0, 0, f]])


def distinct_forms(primitive: Atoms, size: int) -> list[Int[np.ndarray, "3 3"]]:
    """Of ``hermite_forms``, the first of those that symmetry makes one another.

    Args:
        primitive: as of ``primitive_cell``.
        size: the determinant.

    >>> [len(distinct_forms(primitive_cell("bcc"), n)) for n in (1, 2, 3, 4, 5, 6)]
    [1, 2, 3, 7, 5, 10]
    """
    import spglib

    cell = (primitive.cell.array, primitive.get_scaled_positions(), primitive.numbers)
    turns = np.unique(_ask(spglib.get_symmetry, cell)["rotations"], axis=0)
    kept: list[Int[np.ndarray, "3 3"]] = []
    for form in hermite_forms(size):
        turned = form @ turns.swapaxes(1, 2)  # of fractions, which are columns, to rows
        over = (turned @ np.linalg.inv(other) for other in kept)
        if not any((np.abs(o - o.round()) < 1e-6).all((1, 2)).any() for o in over):
            kept.append(form)
    return kept


def _ask(question: Callable[..., Any], cell: tuple[Any, ...]) -> Any:
    """The answer of a function of spglib."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it announces exceptions in place of None
        return question(cell, symprec=1e-4)


def primitive_cell(lattice: str, ratio: float = 1.633) -> Atoms:
    """The primitive cell of a lattice of ASE, edge 1, with placeholders for atoms.

    Args:
        lattice: bcc, fcc, hcp, sc or diamond.
        ratio: c/a of hcp.
    """
    cell: Atoms = bulk("X", lattice, a=1.0, c=ratio) if lattice == "hcp" else bulk("X", lattice, a=1.0)
    return cell


def supercell(primitive: Atoms, form: Int[np.ndarray, "3 3"]) -> Atoms:
    """Niggli-reduced cell and positions of the supercell that ``form`` makes of the primitive cell."""
    size = round(abs(np.linalg.det(form)))
    grid = np.array(list(itertools.product(range(-size, size + 1), repeat=3)))
    inside = grid @ np.linalg.inv(form)
    first = np.all((inside > -1e-9) & (inside < 1 - 1e-9), axis=1)
    corners = grid[first] @ primitive.cell.array
    positions = (corners[:, None] + primitive.positions[None]).reshape(-1, 3)
    atoms = Atoms(["X"] * len(positions), positions=positions, cell=form @ primitive.cell.array, pbc=True)
    niggli_reduce(atoms)
    return atoms


@cache
def _radii(lattice: str, ratio: float) -> tuple[float, ...]:
    distances = np.sort(neighbor_list("d", primitive_cell(lattice, ratio), 2.2))
    found = [float(distances[0])]
    for distance in distances:
        if distance > found[-1] + 1e-3:
            found.append(float(distance))
    return tuple(found[:SHELLS])


def shell_radii(lattice: str, ratio: float = 1.633) -> Float[np.ndarray, " shell"]:
    """Distances of the first shells of neighbours.

    >>> shell_radii("bcc").round(4).tolist()
    [0.866, 1.0, 1.4142, 1.6583, 1.7321]
    """
    return np.array(_radii(lattice, ratio))


def shells(atoms: Atoms, radii: Float[np.ndarray, " shell"]) -> tuple[Any, Any, Any]:
    """Pairs of the first shells: atoms, neighbours, number of the shell."""
    i, j, d = neighbor_list("ijd", atoms, float(radii[-1]) + 0.07)
    return i, j, np.abs(d[:, None] - radii).argmin(axis=1)


def fingerprint(symbols: Sequence[str], pairs: tuple[Any, Any, Any]) -> str:
    """A hash that related structures share: colours of sites, refined by their neighbours' colours.

    Args:
        symbols: of the sites.
        pairs: as ``shells`` gives them.
    """
    colours = list(symbols)
    for _ in range(4):
        around: list[list[tuple[int, str]]] = [[] for _ in colours]
        for a, b, s in zip(*pairs, strict=True):
            around[a].append((int(s), colours[b]))
        colours = [
            hashlib.blake2b(repr((c, sorted(n))).encode(), digest_size=8).hexdigest()
            for c, n in zip(colours, around, strict=True)
        ]
    counts = sorted((c, colours.count(c)) for c in set(colours))
    share = np.gcd.reduce([n for _, n in counts])
    return hashlib.blake2b(repr([(c, n // share) for c, n in counts]).encode(), digest_size=6).hexdigest()


def ordered(
    elements: Sequence[str],
    size: int,
    *,
    lattice: str = "bcc",
    ratio: float = 1.633,
    kinds: int | None = None,
    known: Sequence[str] = (),
) -> Iterator[tuple[str, Atoms]]:
    """Ordered structures of ``size`` primitive cells, each once, with their fingerprints.

    Args:
        elements: to put on the sites.
        size: primitive cells of a structure.
        lattice: as ``primitive_cell``.
        ratio: c/a of hcp.
        kinds: how many elements a structure holds; any number from two on by default.
        known: fingerprints of structures to leave out.
    """
    import spglib

    seen = set(known)
    primitive, radii = primitive_cell(lattice, ratio), shell_radii(lattice, ratio)
    for form in distinct_forms(primitive, size):
        atoms = supercell(primitive, form)
        pairs = shells(atoms, radii)
        for symbols in itertools.product(elements, repeat=len(atoms)):
            present = len(set(symbols))
            if present < 2 or present != (kinds or present):
                continue
            # a translation brings any site of a lattice to the first one, and the first of equal decorations counts
            if len(primitive) == 1 and any(elements.index(s) < elements.index(symbols[0]) for s in symbols):
                continue
            name = fingerprint(symbols, pairs)
            if name in seen:
                continue
            seen.add(name)
            answer = atoms.copy()
            answer.symbols[:] = symbols
            cell = (answer.cell.array, answer.get_scaled_positions(), answer.numbers)
            found = _ask(spglib.find_primitive, cell)
            if found is not None and len(found[2]) == len(answer):  # no supercell of a smaller structure
                yield name, answer
