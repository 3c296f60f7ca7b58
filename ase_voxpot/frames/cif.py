"""A reader of CIF on top of ASE's, with checks of symmetry, occupancies and formulas.

Of rows that symmetry maps to one site, ASE keeps one and drops the others, unless their coordinates are identical
text; a row of the same element on one site (Fe2+ and Fe3+) replaces the one before; and blocks without a valid
structure are skipped.  Here blocks are corrected first (``frames.cif_blocks``), shares are added up site by site, a
structure is compared with the formula of its block, and a block that cannot be used gives an error in its place.
"""

from __future__ import annotations

import io
import warnings
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import DataError, VoxPotError
from ase_voxpot.frames.cif_blocks import formula_of, mended
from ase_voxpot.frames.disorder import INFO, KINDS, share_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase import Atoms

__all__ = ["read_cif"]

SAME_SITE = 1e-3
"""Fractional; as in ASE."""


def read_cif(data: bytes) -> list[Atoms | VoxPotError]:
    """The structure of every block that has atoms, or why there is none.

    Sites with less or more than one whole atom are recorded in ``info["occupancy"]`` alone, as by ASE;
    ``frames.disorder`` refuses or decorates them.
    """
    from ase.io.cif import parse_cif

    found: list[Atoms | VoxPotError] = []
    for block in parse_cif(io.BytesIO(data)):
        if any(name.startswith("_atom_site_") and ("fract" in name or "cartn" in name) for name in block):
            found.append(_structure(block))
    return found


def _structure(block: Any) -> Atoms | VoxPotError:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # equal sites are added up here, formulas are checked
            block = mended(block)
            atoms: Atoms = block.get_atoms()
            rows = block.get_unsymmetrized_structure()
        shares = _shares(block, atoms, rows)
        if all(_is_whole(site) for site in shares.values()):  # else ASE writes the formula of the first elements alone
            _check_formula(block, _counts(atoms, shares))
    except DataError as error:
        return DataError(f"block {block.name!r}: {error}")
    except Exception as error:  # any error of ASE's parser
        reason = " ".join(str(error).split())[:160]
        return DataError(
            f"block {block.name!r}: expected a crystal that ASE can build, got {type(error).__name__} ({reason})"
        )
    return _told(atoms, shares)


def _shares(block: Any, atoms: Atoms, rows: Atoms) -> dict[int, dict[str, float]]:
    """Shares of the elements by kind of site."""
    given = block.get("_atom_site_occupancy")
    values = [1.0] * len(rows) if given is None else [share_of(v) for v in np.atleast_1d(np.array(given, object))]
    kinds = atoms.arrays.get(KINDS, np.arange(len(atoms)))
    places = atoms.get_scaled_positions(wrap=False) if atoms.cell.rank == 3 else None
    own = rows.get_scaled_positions(wrap=False) if atoms.cell.rank == 3 else None
    out: dict[int, dict[str, float]] = defaultdict(dict)
    for row, (symbol, share) in enumerate(zip(rows.get_chemical_symbols(), values, strict=True)):
        kind = row if places is None or own is None else _kind_at(own[row], places, kinds)
        before = out[kind].get(symbol, 0.0)
        # a whole atom that is listed twice is one; parts, as of two charges of an element, add up
        out[kind][symbol] = max(before, share) if max(before, share) >= 1 else before + share
    return dict(out)


def _is_whole(site: Mapping[str, float]) -> bool:
    return [v for v in site.values() if v > 0] == [1.0]


def _kind_at(place: np.ndarray, places: np.ndarray, kinds: np.ndarray) -> int:
    away = places - place
    away -= np.rint(away)
    return int(kinds[np.abs(away).max(axis=1).argmin()])


def _counts(atoms: Atoms, shares: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
    """How many atoms of every element the sites of the cell hold."""
    kinds, sites = np.unique(atoms.arrays.get(KINDS, np.arange(len(atoms))), return_counts=True)
    counts: dict[str, float] = defaultdict(float)
    for kind, number in zip(kinds.tolist(), sites.tolist(), strict=True):
        for symbol, share in shares.get(kind, {}).items():
            counts[symbol] += number * share
    return counts


def _check_formula(block: Any, counts: Mapping[str, float]) -> None:
    """Raise if a structure differs from its formula: atoms are missing, or symmetry was misread."""
    formula, units = formula_of(block), block.get("_cell_formula_units_z")
    if not formula:
        return
    scale = sum(counts.values()) / sum(formula.values())
    cells = float(units) if isinstance(units, int | float) and units > 0 else scale
    wrong = [
        f"{symbol} {counts.get(symbol, 0.0):.4g} instead of {cells * formula.get(symbol, 0.0):.4g}"
        for symbol in sorted({*formula, *counts})
        if abs(counts.get(symbol, 0.0) - cells * formula.get(symbol, 0.0))
        > 0.03 * cells * formula.get(symbol, 0.0) + 0.06 * cells
    ]
    if wrong:
        per = f", {cells:g} times in the cell" if cells != scale else ""
        text = " ".join(str(block.get("_chemical_formula_sum")).split())
        raise DataError(
            f"expected the atoms of its formula {text}{per}, got sites that hold {', '.join(wrong)}: "
            "atoms are missing, or the space group is meant in another setting; complete or correct the file"
        )


def _told(atoms: Atoms, shares: Mapping[int, Mapping[str, float]]) -> Atoms:
    """The atoms, the most frequent element on every site, with the shares of sites that are not whole."""
    atoms.info.pop(INFO, None)
    if all(map(_is_whole, shares.values())):
        return atoms
    present = {kind: {s: v for s, v in site.items() if v > 0} or dict(site) for kind, site in shares.items()}
    kinds: Sequence[int] = atoms.arrays.get(KINDS, np.arange(len(atoms))).tolist()
    atoms.info[INFO] = {str(kind): present[kind] for kind in sorted(set(kinds)) if kind in present}
    atoms.symbols = [max(present[kind], key=present[kind].__getitem__) for kind in kinds]
    return atoms
