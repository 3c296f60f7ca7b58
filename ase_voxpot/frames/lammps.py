"""Files of LAMMPS in ``units metal``: data files and dumps, read by ASE where they name elements, and dumps written.

Atom types alone do not tell which atoms they are: a dump needs the column ``element`` or ``mass``, a data file masses
or type labels that are elements.  Columns of fixes, computes and variables are kept in ``arrays`` under their names.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import atomic_masses, atomic_numbers

from ase_voxpot.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from ase_voxpot.errors import VoxPotError

__all__ = ["is_data", "read_data", "read_dump", "write_dump"]

NEAR = 0.15
"""Largest difference in u between a mass and that of the element which it stands for."""


def is_data(head: bytes) -> bool:
    """Whether a file that begins so is a data file."""
    count = re.search(rb"^[ \t]*\d+[ \t]+atoms[ \t\r]*(?:#.*)?$", head, re.MULTILINE)
    return count is not None and re.search(rb"\b(?:xlo[ \t]+xhi|avec)\b", head) is not None


def read_data(data: bytes) -> list[Atoms | VoxPotError]:
    """The structure of a data file, as ``write_data`` or ASE writes it.

    Raises:
        DataError: neither type labels nor masses tell the elements.
    """
    from ase.io.lammpsdata import read_lammps_data

    text = data.decode("latin-1")
    labels = _column(text, "Atom Type Labels")
    if not (labels and all(label in atomic_numbers for label in labels)):
        _check_masses(_column(text, "Masses"))
    return [read_lammps_data(io.StringIO(text))]


def _column(text: str, title: str) -> list[str]:
    """Second words of the rows of a section."""
    section = re.search(rf"^{title}\b[^\n]*\n\s*((?:[ \t]*\d+[ \t]+\S+[^\n]*\n?)*)", text, re.MULTILINE)
    return [row.split()[1] for row in section[1].splitlines()] if section else []


def _check_masses(masses: list[str]) -> None:
    """Refuse masses that are of no element, and files without.

    Raises:
        DataError: so.
    """
    for word in masses:
        mass = float(word)
        if not np.abs(atomic_masses[1:] - mass).min() < NEAR:
            raise DataError(
                f"expected masses of elements in u, got {word}: no element has it; set the mass of its type"
            )
    if not masses:
        raise DataError(
            "expected a data file with masses or type labels of elements, got types alone, which do not tell which "
            "atoms they are: add a section Masses"
        )


def read_dump(data: bytes) -> list[Atoms | VoxPotError]:
    """All frames of a text dump, with forces if they are columns; a dump has no energies.

    Raises:
        DataError: no column tells the elements.
    """
    from ase.io.lammpsrun import read_lammps_dump_text

    text = data.decode("latin-1")
    columns = re.search(r"^ITEM: ATOMS(.*)$", text, re.MULTILINE)
    if columns and not {"element", "mass"} & set(columns[1].split()):
        raise DataError(
            f"expected a dump with a column of elements, got {columns[1].strip()!r}; types alone do not tell which "
            "atoms they are: dump with the keyword element and dump_modify element"
        )
    units = re.search(r"^ITEM: UNITS\s+(\S+)", text, re.MULTILINE)
    if units and units[1] != "metal":
        raise DataError(f"expected a dump in units metal, got units {units[1]}; convert it")
    frames: list[Any] = list(read_lammps_dump_text(io.StringIO(text), index=slice(None)))
    for atoms in frames:
        if atoms.calc is not None:
            atoms.calc.results.pop("energy", None)  # of ASE's reader, which sets 0 beside forces
    return frames


def write_dump(path: str | Path, frames: Sequence[Atoms], species: Sequence[str]) -> None:
    """Frames as a text dump, which ``rerun`` and ``read_dump`` of LAMMPS, OVITO and VMD read.

    Cells are turned into the orientation that LAMMPS wants, and vectors with them.  Velocities are columns if there are
    any, stored forces too, and numbers of atoms in ``arrays`` by their names, such as ``energies_uncertainty``.

    Args:
        path: of the file, which is replaced.
        frames: periodic structures.
        species: elements of the atom types, in order, as in ``pair_coeff``.

    Raises:
        DataError: an element that is not among ``species``, or a cell that spans no volume.
    """
    with Path(path).open("w", encoding="utf-8") as file:
        for number, atoms in enumerate(frames):
            foreign = sorted(set(atoms.symbols) - set(species))
            if foreign or atoms.cell.rank < 3:
                got = f"{', '.join(foreign)}" if foreign else "a cell without a volume"
                raise DataError(f"frame {number}: expected elements among {', '.join(species)} in a cell, got {got}")
            file.write(_frame(atoms, species, int(atoms.info.get("step", number))))


def _frame(atoms: Atoms, species: Sequence[str], step: int) -> str:
    """One frame of a dump."""
    from ase.calculators.lammps import Prism, convert

    prism: Any = Prism(atoms.cell.array, pbc=atoms.pbc)
    xhi, yhi, zhi, xy, xz, yz = prism.get_lammps_prism()
    columns: dict[str, Any] = {
        "id": np.arange(1, len(atoms) + 1),
        "type": [species.index(symbol) + 1 for symbol in atoms.symbols],
        "element": list(atoms.symbols),
    }
    vectors = {"x y z": prism.vector_to_lammps(atoms.positions)}
    if atoms.has("momenta"):
        vectors["vx vy vz"] = convert(prism.vector_to_lammps(atoms.get_velocities()), "velocity", "ASE", "metal")
    if atoms.calc is not None and "forces" in atoms.calc.results:
        vectors["fx fy fz"] = prism.vector_to_lammps(atoms.calc.results["forces"])
    for names, values in vectors.items():
        columns |= dict(zip(names.split(), values.T, strict=True))
    known = {"numbers", "masses", "tags", *columns}
    columns |= {k: v for k, v in atoms.arrays.items() if v.ndim == 1 and v.dtype.kind in "fi" and k not in known}
    flags = " ".join("pp" if periodic else "ff" for periodic in atoms.pbc)
    rows: list[tuple[float, ...]] = [(0.0, xhi), (0.0, yhi), (0.0, zhi)]
    if prism.is_skewed():  # the box that holds the tilted one, as LAMMPS writes it
        low, high = min(0.0, xy, xz, xy + xz), max(0.0, xy, xz, xy + xz)
        rows = [(low, xhi + high, xy), (min(0.0, yz), yhi + max(0.0, yz), xz), (0.0, zhi, yz)]
        flags = f"xy xz yz {flags}"
    lines = ["ITEM: TIMESTEP", str(step), "ITEM: NUMBER OF ATOMS", str(len(atoms))]
    lines += [f"ITEM: BOX BOUNDS {flags}", *(" ".join(f"{float(v)!r}" for v in row) for row in rows)]
    lines += [f"ITEM: ATOMS {' '.join(columns)}"]
    words = [[repr(v) if isinstance(v, float) else str(v) for v in np.asarray(c).tolist()] for c in columns.values()]
    return "\n".join([*lines, *(" ".join(row) for row in zip(*words, strict=True))]) + "\n"
