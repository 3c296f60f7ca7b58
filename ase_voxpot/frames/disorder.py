"""Partially occupied sites: detection, refusal, or random decoration.

Readers give such a site one atom and store the occupancies in places that calculators ignore:

    atoms.info["occupancy"]                      ``{kind: {symbol: share}}``, by ASE's reader of CIF,
    atoms.arrays["spacegroup_kinds"]             with the kind of every atom;
    atoms.arrays["occupancy"], ["occupancies"]   a share per atom (PDB, muSTEM, Prismatic)

A structure with several elements on one kind of site counts as decorated and is accepted.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import OccupancyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ase import Atoms
    from jaxtyping import Int

__all__ = ["AS_THEY_ARE", "Site", "decorate", "partial_sites", "refuse_disorder", "share_of", "tells_occupancy"]

INFO = "occupancy"
KINDS = "spacegroup_kinds"
ARRAYS = ("occupancy", "occupancies")
WHOLE = 1e-3
"""Tolerance of an occupancy of one."""
ROUNDING = 0.005
"""Tolerance of occupancies that are given to two decimals and sum to one."""
EXCLUSIVE = 1.2
"""Å; of sites closer than this at most one is occupied."""
REMEDY = (
    "fill them at random with --decorate and --repeat (voxpot relax, eos, md and others), "
    "or ase_voxpot.frames.disorder.decorate in Python"
)
AS_THEY_ARE = f"{REMEDY}; or delete atoms.info['occupancy'] if the atoms are right as they are"


@dataclass(frozen=True, slots=True)
class Site:
    """Atoms of one kind of site, and how much of which element is there."""

    rows: Int[np.ndarray, " atom"]
    shares: dict[str, float]

    @property
    def total(self) -> float:
        """Atoms on the site."""
        return sum(self.shares.values())

    @property
    def full(self) -> bool:
        """Whether there is one atom on it, of whatever element, within the rounding of the shares."""
        slack = ROUNDING * len(self.shares) + 1e-9 if len(self.shares) > 1 else WHOLE
        return abs(self.total - 1) <= slack

    @property
    def whole(self) -> bool:
        """Whether there is one atom of one element."""
        return len(self.shares) == 1 and self.full

    def __str__(self) -> str:
        """What it holds, for a sentence."""
        held = ", ".join(f"{symbol} {share:.4g}" for symbol, share in self.shares.items()) or "nothing"
        return f"{held} for atom {self.rows[0]}" if len(self.rows) else held


def tells_occupancy(atoms: Atoms) -> bool:
    """Whether a structure has entries that may be occupancies; fast enough for every step of dynamics."""
    return INFO in atoms.info or ARRAYS[0] in atoms.arrays or ARRAYS[1] in atoms.arrays


def refuse_disorder(atoms: Atoms, remedy: str = REMEDY) -> None:
    """Raise for structures with partially occupied sites.

    Raises:
        OccupancyError: a site holds less or more than one atom, or several elements.
    """
    if not tells_occupancy(atoms):
        return
    sites = partial_sites(atoms)
    if not sites:
        return
    crowded = [site for site in sites if site.total > 1 and not site.full]
    if crowded:
        raise OccupancyError(
            f"expected one atom on every site, got more on some: {crowded[0]}; correct the occupancies in the file"
        )
    more = f" (and {len(sites) - 1} other kinds)" if len(sites) > 1 else ""
    raise OccupancyError(
        "expected an ordered crystal, one whole atom on every site, got partially occupied ones: "
        f"{sites[0]}{more}; {remedy}"
    )


def partial_sites(atoms: Atoms) -> list[Site]:
    """Every kind of site without one whole atom of one element; sites of equal shares count as one kind.

    Raises:
        OccupancyError: an occupancy that is not a number.
    """
    if not tells_occupancy(atoms):
        return []
    groups: dict[frozenset[tuple[str, float]], tuple[dict[str, float], list[int]]] = {}
    for rows, shares in [*_by_kind(atoms), *_by_atom(atoms)]:
        groups.setdefault(frozenset(shares.items()), (shares, []))[1].extend(rows)
    sites = [Site(np.unique(np.array(rows, int)), shares) for shares, rows in groups.values()]
    return [site for site in sites if not (site.whole or _decorated(atoms, site))]


def _decorated(atoms: Atoms, site: Site) -> bool:
    """Whether a kind of site has different elements, which no reader produces."""
    found = {str(atoms.symbols[row]) for row in site.rows}
    return site.full and len(found) > 1 and found <= set(site.shares)


def _by_kind(atoms: Atoms) -> list[tuple[list[int], dict[str, float]]]:
    """Rows and shares in the entries of ASE's reader of CIF."""
    told = _table(atoms.info.get(INFO))
    if told and not any(isinstance(v, dict) for v in told.values()):  # {symbol: share} of all atoms
        told = {0: told}
    entries = {str(kind): _shares(entry) for kind, entry in told.items() if isinstance(entry, dict)}
    if KINDS in atoms.arrays:
        kinds = atoms.arrays[KINDS].astype(str)
        return [(np.flatnonzero(kinds == k).tolist(), s) for k, s in entries.items() if (kinds == k).any()]
    different: dict[frozenset[tuple[str, float]], dict[str, float]] = {}
    for shares in entries.values():
        different.setdefault(frozenset(shares.items()), shares)
    return [(_rows_like(atoms, shares, list(different.values())), shares) for shares in different.values()]


def _rows_like(atoms: Atoms, shares: Mapping[str, float], entries: list[dict[str, float]]) -> list[int]:
    """Atoms of a site in a file without kinds: those of its first element; none if ambiguous."""
    if len(entries) == 1:
        return list(range(len(atoms)))
    first = [max(e, key=e.__getitem__) for e in entries if e]
    own = max(shares, key=shares.__getitem__) if shares else ""
    if first.count(own) != 1:
        return []
    return [int(row) for row in np.flatnonzero(atoms.symbols == own)]


def _by_atom(atoms: Atoms) -> list[tuple[list[int], dict[str, float]]]:
    """Rows and shares of occupancies per atom."""
    out = []
    for name in ARRAYS:
        values = atoms.arrays.get(name)
        if values is None or values.ndim != 1:
            continue
        shares = np.array([share_of(v) for v in values.tolist()])
        for row in np.flatnonzero(np.abs(shares - 1) > WHOLE):
            out.append(([int(row)], {str(atoms.symbols[row]): float(shares[row])}))
    return out


def _table(told: Any) -> dict[Any, Any]:
    """A dictionary, also one that was written as text; empty of anything else."""
    if isinstance(told, str) and told.lstrip().startswith("{"):
        try:
            told = json.loads(told)
        except ValueError:
            return {}
    return told if isinstance(told, dict) else {}


def _shares(entry: Mapping[Any, Any]) -> dict[str, float]:
    """Occupancies by symbol, zeros left out."""
    shares = {str(symbol): share_of(value) for symbol, value in entry.items()}
    return {s: v for s, v in shares.items() if v != 0} or ({next(iter(shares)): 0.0} if shares else {})


def share_of(value: Any) -> float:
    """A share; ``0.98(2)`` is 0.98, and the unknown values of CIF (``.``, ``?``) are 1, its default."""
    if value is None or (isinstance(value, str) and value.strip() in ("", ".", "?")):
        return 1.0
    try:
        number = float(re.sub(r"\(\d*\)$", "", value.strip()) if isinstance(value, str) else value)
    except (TypeError, ValueError):
        number = float("nan")
    if not (np.isfinite(number) and number >= 0):
        raise OccupancyError(f"expected an occupancy from 0 on, got {value!r}; correct it in the file")
    return number


def decorate(
    atoms: Atoms, *, repeat: int | tuple[int, int, int] = 1, rng: np.random.Generator, vacancies: bool = False
) -> Atoms:
    """A copy with one whole atom on every site, elements in the proportions of the occupancies and shuffled.

    Every kind of site keeps its own composition, as nearly as whole numbers allow (largest remainders).

    Args:
        atoms: with occupancies, as ASE's reader of CIF leaves them.
        repeat: number of repeats, in all directions alike or in each.
        rng: shuffles the sites.
        vacancies: leave sites empty that are occupied less than once, as many as their share says.

    Raises:
        OccupancyError: sites that hold less than one atom without ``vacancies``, or more than one; too few sites for
            all elements; sites too close for two atoms.

    >>> from ase.build import bulk
    >>> crystal = bulk("Mo", cubic=True)
    >>> crystal.info["occupancy"] = {"0": {"Mo": 0.4, "Ta": 0.35, "W": 0.25}}
    >>> decorate(crystal, repeat=3, rng=np.random.default_rng(0)).get_chemical_formula()
    'Mo22Ta19W13'
    """
    sites = partial_sites(atoms)
    for site in sites:
        _check_shares(site, vacancies=vacancies)
    _refuse_exclusive(atoms, sites)
    group = np.full(len(atoms), -1)
    for number, site in enumerate(sites):
        group[site.rows] = number
    out = _bare(atoms)
    cells = np.prod(np.broadcast_to(repeat, 3))
    group = np.tile(group, cells)
    out = out.repeat(repeat)
    symbols = np.array(out.get_chemical_symbols(), dtype=object)
    for number, site in enumerate(sites):
        rows = np.flatnonzero(group == number)
        symbols[rows] = rng.permutation(np.array(_shared_out(site, len(rows)), dtype=object))
    there = np.array([symbol is not None for symbol in symbols], bool)
    changed = there & (symbols != np.array(out.get_chemical_symbols(), dtype=object))
    out.symbols[changed] = symbols[changed].tolist()
    if "masses" in out.arrays:
        out.set_masses([None if new else m for new, m in zip(changed, out.get_masses(), strict=True)])
    return out[there]


def _bare(atoms: Atoms) -> Atoms:
    """A copy without entries for occupancies and for the symmetry, which no longer holds."""
    out = atoms.copy()
    out.calc = None
    for name in (INFO, "spacegroup", "unit_cell"):
        out.info.pop(name, None)
    for name in (KINDS, *ARRAYS):
        out.arrays.pop(name, None)
    return out


def _check_shares(site: Site, *, vacancies: bool) -> None:
    if not len(site.rows):
        raise OccupancyError(
            f"the file does not tell which atoms sit on sites with {site}; give the CIF that it is from"
        )
    if site.total > 1 and not site.full:
        raise OccupancyError(f"expected one atom at most on every site, got {site}, which is {site.total:.4g} in all")
    if not site.full and not vacancies:
        raise OccupancyError(
            f"expected sites that are full, got {site}, which is {site.total:.4g} in all; "
            "leave the rest empty with --vacant (vacancies=True in Python), or correct the occupancies"
        )


def _refuse_exclusive(atoms: Atoms, sites: list[Site]) -> None:
    from ase.neighborlist import neighbor_list

    partial = {int(row) for site in sites if not site.full for row in site.rows}
    if not partial:
        return
    for i, j, d in zip(*neighbor_list("ijd", atoms, EXCLUSIVE), strict=True):
        if i in partial and j in partial:
            raise OccupancyError(
                f"sites {i} and {j} are {d:.2f} Å apart, so that atoms on one exclude atoms on the other, which no "
                "random decoration knows of; choose which are occupied by hand"
            )


def _shared_out(site: Site, sites: int) -> list[str | None]:
    """``sites`` symbols, None of a vacancy, in the proportions of the shares, the largest remainders rounded up."""
    shares: dict[str | None, float] = {symbol: share for symbol, share in site.shares.items()}
    if not site.full:
        shares[None] = 1 - site.total
    exact = {symbol: sites * share / sum(shares.values()) for symbol, share in shares.items()}
    counts = {symbol: int(np.floor(number + 1e-9)) for symbol, number in exact.items()}
    by_remainder = sorted(exact, key=lambda s: counts[s] - exact[s])
    for symbol in by_remainder[: sites - sum(counts.values())]:
        counts[symbol] += 1
    missing = [symbol for symbol, count in counts.items() if symbol is not None and not count and shares[symbol] > 0]
    if missing:
        raise OccupancyError(
            f"{sites} sites are too few for {site}: {', '.join(missing)} would be left out; repeat the cell further"
        )
    return [symbol for symbol, count in counts.items() for _ in range(count)]
