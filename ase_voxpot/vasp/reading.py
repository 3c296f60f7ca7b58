"""Detection of VASP files by their content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ase_voxpot.vasp.opening import Stream
from ase_voxpot.vasp.outcar import read_outcar
from ase_voxpot.vasp.vasprun import read_vasprun
from ase_voxpot.vasp.xdatcar import read_xdatcar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ase_voxpot.vasp.frames import Run

__all__ = ["read_vasp", "reader_of"]

OTHERS = {".xyz", ".extxyz", ".traj", ".db", ".json", ".cif"}
"""Suffixes of files that are not of VASP."""
COMPRESSED = {".gz", ".bz2", ".xz"}


def reader_of(path: Path) -> Callable[[Path], list[Run]] | None:
    """The reader of a file, None if it is not a VASP file.

    Raises:
        DataError: no file, or a damaged one.
    """
    beginning = Stream(path).beginning()
    text = beginning.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    suffixes = [s for s in path.suffixes if s not in COMPRESSED]
    if suffixes and suffixes[-1] in OTHERS:
        return None
    name = path.name.upper()
    if b"<modeling" in beginning or (text.startswith(b"<") and name.startswith("VASPRUN")):
        return read_vasprun
    if text.startswith(b"vasp.") or name.startswith("OUTCAR"):
        return read_outcar
    if name.startswith("XDATCAR") or b"irect configuration" in beginning:
        return read_xdatcar
    return None


def read_vasp(path: Path) -> list[Run] | None:
    """The runs in a vasprun.xml or an OUTCAR; None if the file is neither.

    Raises:
        DataError: it is one, and cannot be read.
    """
    reader = reader_of(path)
    return None if reader is None or reader is read_xdatcar else reader(path)
