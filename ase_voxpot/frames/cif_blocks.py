"""Corrections of CIF blocks before ASE builds a crystal from one.

symbols     FE is iron (ASE takes it for fluorine), ``0.8Nb + 0.2Zr`` are two elements on one site
thirds      0.333 and 0.667, which symmetry would map to three atoms 0.01 Å apart
symmetry    given by a Hall symbol, or with the choice of an origin (``F d -3 m :2``), which ASE does not support;
            contradictions, and magnetic groups, are refused
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import atomic_numbers

from ase_voxpot.errors import DataError
from ase_voxpot.frames.disorder import share_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["formula_of", "mended"]

TYPE, LABEL, OCCUPANCY = "_atom_site_type_symbol", "_atom_site_label", "_atom_site_occupancy"
OPERATIONS = ("_space_group_symop_operation_xyz", "_space_group_symop.operation_xyz", "_symmetry_equiv_pos_as_xyz")
NUMBER = ("_space_group_it_number", "_space_group.it_number", "_symmetry_int_tables_number")
NAME = ("_space_group_name_h-m_alt", "_symmetry_space_group_name_h-m")
HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
ELEMENT = re.compile(r"([A-Z][a-z]?)\s*([0-9]*\.?[0-9]*)")
MIXTURE = re.compile(r"\s*([0-9.]+(?:\([0-9]*\))?)\s*([A-Z][a-z]?)[0-9]*[+-]?\s*")
THIRDS = [Fraction(k, 6) for k in (1, 2, 4, 5)]
ROUNDED = 6e-4
"""Tolerance of thirds written with three decimals."""
SETTINGS = 530
"""Of space groups, in the tables of spglib."""


def formula_of(block: Mapping[str, Any]) -> dict[str, float]:
    """Numbers of atoms in the formula of a block; empty of what is none."""
    text = block.get("_chemical_formula_sum")
    if not isinstance(text, str) or ELEMENT.sub("", text).strip(" '\"\n"):
        return {}
    out: dict[str, float] = {}
    for symbol, number in ELEMENT.findall(text):
        symbol = "H" if symbol == "D" else symbol
        out[symbol] = out.get(symbol, 0.0) + float(number or 1)
    return out


def mended(block: Any) -> Any:
    """A block with symbols, coordinates and symmetry as ASE understands them.

    Raises:
        DataError: elements or symmetry are ambiguous.
    """
    tags = dict(block)
    _mend_symbols(tags, formula_of(block))
    for axis in "xyz":
        name = f"_atom_site_fract_{axis}"
        if name in tags:
            tags[name] = _list(tags[name])
            tags[name] = [_third(value) for value in tags[name]]
    _mend_symmetry(tags)
    return type(block)(block.name, tags)


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _third(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    near = min(THIRDS, key=lambda third: abs(value % 1 - third))
    return float(near) + np.floor(value) if abs(value % 1 - near) < ROUNDED else value


def _mend_symbols(tags: dict[str, Any], formula: Mapping[str, float]) -> None:
    """One element in every row of the sites; a row for each element of a mixture."""
    name = TYPE if TYPE in tags else LABEL
    if name not in tags:
        return
    rows = [_elements(str(text), formula, label=name == LABEL) for text in _list(tags[name])]
    columns = {k: _list(v) for k, v in tags.items() if k.startswith("_atom_site_") and "_aniso_" not in k}
    columns = {k: v for k, v in columns.items() if len(v) == len(rows)}
    whole = columns.get(OCCUPANCY, [1.0] * len(rows))
    for key, values in columns.items():
        tags[key] = [value for value, row in zip(values, rows, strict=True) for _ in row]
    tags[TYPE] = [symbol for row in rows for symbol, _ in row]
    if OCCUPANCY in columns or any(len(row) > 1 for row in rows):
        tags[OCCUPANCY] = [
            value if share is None else share_of(value) * share
            for value, row in zip(whole, rows, strict=True)
            for _, share in row
        ]


def _elements(text: str, formula: Mapping[str, float], *, label: bool) -> list[tuple[str, float | None]]:
    """Elements of a site, with their shares where these stand beside them."""
    if "+" in text.strip("+") and MIXTURE.match(text):
        parts = [MIXTURE.fullmatch(part) for part in re.split(r"\s\+\s|(?<=[a-z])\+(?=[0-9.])", text)]
        if all(parts):
            return [(part[2], share_of(part[1])) for part in parts if part]
    if not label and len(set(re.findall(r"[A-Z][a-z]?", text))) > 1 and text[:2].capitalize() not in atomic_numbers:
        raise DataError(f"expected one element in {TYPE}, got {text!r}; write a row for each atom")
    return [(_element(text, formula, label=label), None)]


def _element(text: str, formula: Mapping[str, float], *, label: bool) -> str:
    """The element that a symbol or a label begins with; other text is left to ASE to refuse."""
    found = re.match(r"([A-Za-z]{1,2})", text.strip())
    if found is None or text.strip()[:1].islower():
        return text
    two, one = found[1].capitalize(), found[1][0]
    if len(found[1]) < 2 or found[1][1].islower() or two not in atomic_numbers:
        return one if len(found[1]) > 1 and found[1][1].isupper() and one in atomic_numbers else text
    if one not in atomic_numbers or not label:
        return two
    if (one in formula) != (two in formula):
        return one if one in formula else two
    raise DataError(
        f"expected a label whose element is clear, got {text!r}, which may be {one} or {two}; "
        f"add a column {TYPE}, or write {two} in small letters"
    )


def _mend_symmetry(tags: dict[str, Any]) -> None:
    if any("magn_operation" in name for name in tags):
        raise DataError("expected a space group, got magnetic symmetry, which is not applied; write all atoms in P 1")
    name, number, hall = (next((tags[k] for k in keys if k in tags), None) for keys in (NAME, NUMBER, HALL))
    if any(key in tags for key in OPERATIONS):
        if name is None and number is None:
            tags[NUMBER[0]] = 1  # required by ASE, which applies the operations
        return
    symbol, choice = _split(str(name or ""))
    if hall is not None or choice:
        kind = _setting("hall_symbol", str(hall)) if hall is not None else _setting("international", symbol, choice)
        for key in (*NAME, *NUMBER):
            tags.pop(key, None)
        tags |= {NUMBER[0]: kind.number, OPERATIONS[0]: _operations(kind)}
    _refuse_contradiction(symbol, number)


def _split(name: str) -> tuple[str, str]:
    """Symbol and choice of a setting: ``F d -3 m :2``, or ``F d -3 m Z`` as ICSD has it."""
    found = re.fullmatch(r"(.+?)\s*(?::\s*(\w+)|\s([SZ]))\s*", name)
    if found is None:
        return name.strip(), ""
    return found[1].strip(), found[2] or {"S": "1", "Z": "2"}[found[3]]


def _refuse_contradiction(symbol: str, number: Any) -> None:
    if not symbol or number is None:
        return
    known = [kind.number for kind in _settings() if _squeezed(kind.international_short) == _squeezed(symbol)]
    if known and int(number) not in known:
        raise DataError(f"expected one space group, got {symbol!r} and number {number}, which is another; remove one")


def _setting(field: str, text: str, choice: str | None = None) -> Any:
    """A setting of a space group by name.

    Raises:
        DataError: an unknown name.
    """
    for kind in _settings():
        if _squeezed(getattr(kind, field)) == _squeezed(text) and choice in (None, kind.choice):
            return kind
    asked = text if choice is None else f"{text} :{choice}"
    raise DataError(f"expected a space group of the International Tables, got {asked!r}; list the symmetry operations")


def _operations(kind: Any) -> list[str]:
    """Symmetry operations of a setting, as CIF writes them."""
    import spglib

    found: Any = spglib.get_symmetry_from_database(kind.hall_number)
    pairs = zip(found["rotations"].tolist(), found["translations"].tolist(), strict=True)
    return [",".join(map(_written, turn, shift)) for turn, shift in pairs]


@cache
def _settings() -> list[Any]:
    import spglib

    return [spglib.get_spacegroup_type(number) for number in range(1, SETTINGS + 1)]


def _squeezed(text: str) -> str:
    return re.sub(r"[\s_]", "", text).lower()


def _written(row: list[int], shift: float) -> str:
    terms = "".join(f"{'+' if c > 0 else '-'}{axis}" for c, axis in zip(row, "xyz", strict=True) if c)
    part = Fraction(shift).limit_denominator(24)
    return f"{terms}+{part}" if part else terms
