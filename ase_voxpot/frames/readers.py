"""Readers of structures on top of ASE's, which correct or refuse files that ASE's readers misread without a warning.

CIF             occupancies, and blocks that cannot be read: see ``frames.cif``
POSCAR          elements that are guessed from a title (VASP 4); flags of selective dynamics other than T and F
res             occupancies; symmetry, which ASE does not apply
cell (CASTEP)   mixtures
LAMMPS          types without elements, which ASE takes for H, He, Li; energies of dumps: see ``frames.lammps``
OUTCAR, vasprun.xml, XDATCAR
                versions that ASE's readers shift or refuse, steps of force fields, stars: see ``vasp``
db, json        key-value pairs and data, as ``info``; an SQLite file of others, to which ASE adds its tables
DeePMD-kit      folders: see ``frames.deepmd``

All other files are read by ASE alone.
"""

from __future__ import annotations

import io
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import atomic_numbers

from ase_voxpot.errors import DataError, VoxPotError
from ase_voxpot.frames.cif import read_cif
from ase_voxpot.frames.deepmd import read_system
from ase_voxpot.frames.disorder import ARRAYS, share_of
from ase_voxpot.frames.lammps import is_data, read_data, read_dump
from ase_voxpot.vasp.atoms import with_refused
from ase_voxpot.vasp.outcar import read_outcar
from ase_voxpot.vasp.reading import reader_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ase import Atoms

    from ase_voxpot.vasp.frames import Run

__all__ = ["read_structures"]

COMPRESSED = (".gz", ".bz2", ".xz")
HEAD = 4096
"""Bytes at the beginning of a file, by which data files of LAMMPS are known."""
OUTPUTS = ("vasp-out", "vasp-xml", "vasp-xdatcar")
"""Formats of VASP, by their names in ASE."""


def read_structures(path: Path, index: str) -> list[Atoms | VoxPotError]:
    """Structures of a file, or an error where one of several cannot be used.

    Args:
        path: in any format that ASE knows, compressed or not; or a system of DeePMD-kit.
        index: which, as a slice.

    Raises:
        DataError: the file is ambiguous or would be misread by ASE.
        Exception: any error of ASE's reader.
    """
    from ase.io import read
    from ase.io.formats import filetype, open_with_compression

    if path.is_dir():
        return list(read_system(path)[0][_slice(index)])
    with open_with_compression(str(path), "rb") as file:
        kind = "lammps-data" if is_data(file.read(HEAD)) else filetype(str(path))
    if kind in OUTPUTS and (reader := reader_of(path)) is not None:
        return _read_outputs(path, reader)[_slice(index)]
    if kind in OWN:
        with open_with_compression(str(path), "rb") as file:
            return OWN[kind](file.read())[_slice(index)]
    if kind in ("db", "json"):
        return _read_database(path, kind)[_slice(index)]
    if kind == "extxyz" and path.suffix in COMPRESSED:
        # The reader of ASE seeks back and forth, which in a compressed file takes a minute per thousand frames.
        with open_with_compression(str(path), "rt") as file:
            return list(read(io.StringIO(file.read()), index, format="extxyz"))
    return list(read(path, index, do_not_split_by_at_sign=True))


def _read_outputs(path: Path, reader: Callable[[Path], list[Run]]) -> list[Atoms | VoxPotError]:
    """Ionic steps of VASP, with constraints from where ASE takes them, too."""
    from ase.io.vasp_parsers.vasp_outcar_parsers import read_constraints_from_file

    try:
        found: list[Atoms | VoxPotError] = [*with_refused(reader(path))]
    except DataError as error:
        raise DataError(str(error).removeprefix(f"{path}: ")) from None
    if reader is read_outcar:
        held: Any = None
        try:
            held = read_constraints_from_file(path.parent)
        except Exception:  # a file named POSCAR in another format
            held = None
        for atoms in found if held else []:
            if not isinstance(atoms, VoxPotError) and max(i for c in held for i in c.get_indices()) < len(atoms):
                atoms.set_constraint(held)
    return found


def _slice(text: str) -> slice:
    """The slice of a text such as ``:5``."""
    return slice(*(int(part) if part else None for part in text.split(":")))


def _read_database(path: Path, kind: str) -> list[Atoms | VoxPotError]:
    """Rows of an ASE database, with key-value pairs and data in ``info``.

    Raises:
        DataError: an SQLite file that is not of ASE, which would make it one.
    """
    from ase.db import connect

    if kind == "db":
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as file:
            tables = {name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "systems" not in tables:
            seen = ", ".join(sorted(tables)[:5]) or "none"
            raise DataError(f"expected a database of ase.db, with a table of systems, got one with the tables {seen}")
    found: list[Atoms | VoxPotError] = []
    with connect(str(path), type=kind, serial=True) as rows:
        for row in rows.select():
            atoms = row.toatoms()
            atoms.info |= {**row.key_value_pairs, **row.data}
            found.append(atoms)
    return found


def _read_poscar(data: bytes) -> list[Atoms | VoxPotError]:
    from ase.io.vasp import read_vasp

    lines = data.decode("latin-1").splitlines()
    _check_elements(lines)
    start = next((k for k in (6, 7) if lines[k : k + 1] and lines[k].strip()[:1] in ("S", "s")), None)
    if start is not None:
        lines = [*lines[: start + 2], *map(_plain_flags, lines[start + 2 :])]
    return [read_vasp(io.StringIO("\n".join(lines) + "\n"))]


def _check_elements(lines: list[str]) -> None:
    """Refuse a file of VASP 4 whose elements ASE would guess from words of its title.

    Raises:
        DataError: the title is not a list of as many elements as there are numbers.
    """
    counts = lines[5].split("!")[0].split() if len(lines) > 5 else []
    if not (counts and all(word.isdigit() for word in counts)):
        return
    names = lines[0].split()
    if len(names) != len(counts) or not all(name in atomic_numbers and name != "X" for name in names):
        raise DataError(
            f"expected the elements in line 6, as VASP 5 writes them, or as the whole title, got numbers of atoms "
            f"({' '.join(counts)}) and the title {lines[0].strip()!r}; add a line with the elements before the numbers"
        )


def _plain_flags(line: str) -> str:
    """``.FALSE.`` and ``f`` as F, ``.TRUE.`` and ``t`` as T: ASE recognises F alone."""
    words = line.split()
    flags = [word.strip(".").upper()[:1] for word in words[3:6]]
    if len(flags) < 3 or not set(flags) <= {"T", "F"}:
        return line
    return " ".join([*words[:3], *flags, *words[6:]])


def _read_res(data: bytes) -> list[Atoms | VoxPotError]:
    from ase.io.res import Res

    text = data.decode("latin-1")
    if re.search(r"^SYMM\s", text, re.MULTILINE) or re.search(r"^LATT\s+(?!-1\b)", text, re.MULTILINE):
        raise DataError(
            "expected a file without symmetry (LATT -1 and no SYMM), as AIRSS writes it, got one with symmetry, which "
            "is not applied here; convert it to CIF"
        )
    atoms: Atoms = Res.from_string(text).atoms
    sites = re.split(r"^SFAC.*$", text, maxsplit=1, flags=re.MULTILINE)[-1]
    rows = re.findall(r"^\s*\w+\s+\d+\s+\S+\s+\S+\s+\S+\s+(-?[\d.]+)", sites, re.MULTILINE)
    if len(rows) == len(atoms):
        shares = np.array([share_of(row) for row in rows])
        shares[shares > 10] -= 10  # SHELX adds 10 to what is not refined
        if (shares != 1).any():
            atoms.arrays[ARRAYS[0]] = shares
    return [atoms]


def _read_castep(data: bytes) -> list[Atoms | VoxPotError]:
    from ase.io.castep import read_castep_cell

    text = data.decode("latin-1")
    if re.search(r"\bMIXTURE\b", text, re.IGNORECASE):
        raise DataError("expected one atom on every site, got a mixture of atoms; write an ordered cell")
    return [read_castep_cell(io.StringIO(text))]


def _refuse_binary_dump(data: bytes) -> list[Atoms | VoxPotError]:
    raise DataError("expected a dump with elements, got a binary one, which holds types alone; dump text with elements")


OWN: dict[str, Callable[[bytes], list[Atoms | VoxPotError]]] = {
    "cif": read_cif,
    "vasp": _read_poscar,
    "res": _read_res,
    "castep-cell": _read_castep,
    "lammps-dump-text": read_dump,
    "lammps-data": read_data,
    "lammps-dump-binary": _refuse_binary_dump,
}
"""Readers of formats with additional checks."""
