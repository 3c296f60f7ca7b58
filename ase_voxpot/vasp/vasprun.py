"""vasprun.xml, ionic step by ionic step.

The readers of pymatgen and ASE build the whole tree, including eigenvalues.  This reader parses a stream,
needs memory for the frames only, accepts truncated and concatenated files, and refuses document types, so
that no entity is expanded.

VASP writes energies twice.  Those at the end of a step hold PSTRESS times the volume, and
an energy(sigma->0) that several versions get wrong; those of the last electronic step lack
van der Waals corrections.  Therefore, as in ASE,

    free = e_fr_energy(end) - PSTRESS V,    zero = free + (e_0_energy - e_fr_energy)(last electronic step)

Steps have no numbers here.  A step that was computed with DFT is a ``calculation``; one of a machine-learned force
field (ML_LMLFF) stands between these without that element, or has no electronic steps in it, so that both are counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.parsers import expat

import numpy as np
from ase.units import GPa

from ase_voxpot.errors import DataError
from ase_voxpot.vasp.building import build
from ase_voxpot.vasp.elements import symbol_of
from ase_voxpot.vasp.fortran import Overflow, numbers
from ase_voxpot.vasp.frames import Frame, Run
from ase_voxpot.vasp.opening import Stream
from ase_voxpot.vasp.progress import Calculations
from ase_voxpot.vasp.reasons import Seen, no_steps

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KBAR", "read_vasprun", "voigt"]

KBAR = 0.1 * GPa
"""eV/Å³ in a kilobar."""
BEGIN = b"<?xml"
DEEPEST = 64
LONGEST = 10_000
"""Longest number, vector or name in characters."""


def voigt(kilobar: np.ndarray) -> np.ndarray:
    """ASE's stress (eV/Å³, Voigt) from VASP's, which is in kB and positive under compression.

    >>> voigt(np.diag([1.0, 2.0, 3.0]))[:3] / GPa
    array([-0.1, -0.2, -0.3])
    """
    full = -KBAR * (kilobar + kilobar.T) / 2
    return full[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def read_vasprun(path: Path) -> list[Run]:
    """The runs in a file: one, or as many as were concatenated.

    Raises:
        DataError: no complete ionic step, or numbers that make no sense.
    """
    stream = Stream(path)
    documents: list[_Document] = []
    held = b""
    for chunk in stream.chunks():
        first, *more = (held + chunk).split(BEGIN)
        if documents:
            held = _feed(documents[-1], first, last=not more)
        elif first.strip() or not more:
            documents.append(_Document(str(path)))
            held = _feed(documents[-1], first, last=not more)
        for number, part in enumerate(more, 1):
            documents.append(_Document(str(path)))
            held = _feed(documents[-1], BEGIN + part, last=number == len(more))
    if documents:
        documents[-1].feed(held)
    for document in documents:
        document.steps.finish()
    runs = [d.run(document=k, of=len(documents)) for k, d in enumerate(documents, 1) if d.steps.frames]
    if not runs:
        raise DataError((documents or [_Document(str(path))])[-1].nothing())
    return runs


def _feed(document: _Document, data: bytes, *, last: bool) -> bytes:
    """Feed all but what may be the beginning of ``BEGIN``, which is returned."""
    keep = len(BEGIN) - 1 if last else 0
    document.feed(data[: len(data) - keep])
    return data[len(data) - keep :] if keep else b""


class _Document:
    """Parser state of one document."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.settings: dict[str, str] = {}
        self.symbols: list[str] = []
        self.masses: dict[str, float] = {}
        self.steps = Calculations(source, self.settings)
        self.open = False
        """Whether an ionic step has begun and not ended."""
        self.stopped = False
        self._path: list[tuple[str, str]] = []
        self._text: list[str] = []
        self._row: list[str] = []
        self._titles: list[str] = []
        self._selective: list[str] = []
        self._arrays: dict[str, list[list[float]]] = {}
        self._stars: dict[str, None] = {}
        self._energy: dict[str, float] = {}
        self._scf: list[dict[str, float]] = []
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse_type
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        self._parser = parser

    def feed(self, data: bytes) -> None:
        """Parse bytes up to invalid XML; complete steps before it are kept."""
        if self.stopped:
            return
        try:
            self._parser.Parse(data, False)
        except expat.ExpatError:
            self.stopped = True

    @property
    def cut(self) -> bool:
        """Whether the job did not come to its end."""
        return self.stopped or self.open or bool(self._path)

    def nothing(self) -> str:
        """Why there is no frame."""
        seen = Seen(
            learned=self.steps.learned,
            bare=len(self.steps.bare),
            spoiled=self.steps.spoiled,
            loops=(self.steps.last + self.open, len(self._scf) if self.open else 0),
            finished=not self.cut,
        )
        return no_steps(self.source, seen, self.settings, kind="vasprun.xml")

    def run(self, *, document: int, of: int) -> Run:
        settings = self.settings | {"POTCAR": "; ".join(self._titles)}
        notes = []
        whose = f"{self.source}{f' (part {document} of {of})' if of > 1 else ''}"
        if self.cut:
            count = len(self.steps.frames)
            notes.append(f"{whose} was cut off by a killed job: its {count} complete ionic steps are used")
        if _float(settings.get("PSTRESS", "0")):
            notes.append(f"{whose}: PSTRESS times the volume was taken off the energies, which VASP adds")
        moving = settings.get("IBRION", "0").strip() == "0"
        tick = (_float(settings.get("POTIM", "0")) or None) if moving else None
        doubt = None if tick is None else self.steps.doubt(self._masses(), tick, cut=self.cut)
        return build(
            self.steps.frames,
            source=self.source,
            kind="vasprun.xml",
            symbols=self.symbols,
            settings=settings,
            masses=self.masses,
            tick=tick,
            last=self.steps.last,
            irregular=doubt is not None,
            left_out=self.steps.left_out,
            fixed=self._fixed(),
            notes=[*notes, *self.steps.notes(whose), *([] if doubt is None else [f"{whose}: {doubt}"])],
        )

    def _fixed(self) -> np.ndarray | None:
        """Along which lattice vectors atoms are held."""
        flags = [[word.strip(".").upper().startswith("F") for word in row.split()] for row in self._selective]
        known = len(flags) == len(self.symbols) and all(len(f) == 3 for f in flags)
        return np.array(flags) if flags and known else None

    def _masses(self) -> np.ndarray:
        """Amu."""
        return np.array([self.masses.get(s, np.nan) for s in self.symbols])

    def _refuse_type(self, *_: object) -> None:
        raise DataError(f"{self.source}: expected the XML of VASP, got a document type, which could hide anything")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._path) >= DEEPEST:
            raise DataError(f"{self.source}: expected the XML of VASP, got more than {DEEPEST} elements in each other")
        name = attributes.get("name", "").strip()
        self._path.append((tag, name))
        self._text.clear()
        if tag == "calculation":
            self.open = True
            self._reset()
        elif tag == "scstep" and self.open:
            self._scf.append({})
        elif tag == "structure" and not name and len(self._path) == 2:
            self._reset()
        elif tag in ("rc", "set"):
            self._row = []

    def _reset(self) -> None:
        self._arrays, self._stars, self._energy, self._scf = {}, {}, {}, []

    def _end(self, tag: str) -> None:
        _, name = self._path.pop()
        text = self._text[0] if len(self._text) == 1 else "".join(self._text)
        self._text.clear()
        if len(text) > LONGEST:
            raise DataError(f"{self.source}: expected numbers and names, got {len(text)} characters in <{tag}>")
        if tag == "v":
            self._vector(text)
        elif tag == "i":
            self._item(name, text)
        elif tag == "c":
            self._row.append(text.strip())
        elif tag == "rc":
            self._entry()
        elif tag == "calculation":
            self._finish()
        elif tag == "structure" and not name and len(self._path) == 1:
            self.steps.learn(self._array("positions"))

    def _vector(self, text: str) -> None:
        """A row of one of the arrays of an ionic step; eigenvalues are no such rows."""
        tag, name = self._path[-1]
        if name == "selective" and self._path[1:2] == [("structure", "initialpos")]:
            self._selective.append(text)
        if tag != "varray" or name not in ("basis", "positions", "forces", "stress"):
            return
        if not self.open and self._path[1:2] != [("structure", "")]:
            return
        if name in ("forces", "stress") and self._path[-2][0] != "calculation":
            return
        self._arrays.setdefault(name, []).append(self._numbers(text, name))

    def _numbers(self, text: str, name: str) -> list[float]:
        try:
            found = numbers(text)
        except Overflow:
            self._stars["cell" if name == "basis" else name] = None
            return [np.nan] * 3
        except ValueError:
            raise DataError(
                f"{self.source}: {self.steps.name()}: expected numbers, got {text.strip()[:60]!r}"
            ) from None
        if len(found) != 3:
            raise DataError(f"{self.source}: {self.steps.name()}: expected three numbers, got {len(found)}")
        return found

    def _item(self, name: str, text: str) -> None:
        above = [tag for tag, _ in self._path]
        if above[-2:] == ["calculation", "energy"]:
            if "*" in text and name.startswith("e_"):
                self._stars["energy"] = None
            self._energy[name] = _float(text)
        elif above[-2:] == ["scstep", "energy"]:
            self._scf[-1][name] = _float(text)
        elif "incar" in above or "parameters" in above:
            self.settings.setdefault(name, text.strip())

    def _entry(self) -> None:
        """A row of the tables of atoms and of their types."""
        table = next((name for tag, name in reversed(self._path) if tag == "array"), "")
        if self._path[:2] != [("modeling", ""), ("atominfo", "")] or not self._row:
            return
        if table == "atoms":
            self.symbols.append(symbol_of(self._row[0]))
        elif table == "atomtypes" and len(self._row) >= 5:
            self.masses[symbol_of(self._row[1])] = _float(self._row[2])
            self._titles.append(self._row[4])

    def _array(self, name: str) -> np.ndarray | None:
        return np.array(self._arrays[name]) if name in self._arrays else None

    def _finish(self) -> None:
        self.open = False
        positions, cell, stress = self._array("positions"), self._array("basis"), self._array("stress")
        if positions is None or cell is None:
            self.steps.skip()
            return
        if cell.shape != (3, 3) or (stress is not None and stress.shape != (3, 3)):
            raise DataError(f"{self.source}: {self.steps.name()}: expected 3 x 3 numbers as cell and stress")
        frame = Frame(
            cell=cell,
            fractional=positions,
            energies=self._energies(abs(float(np.linalg.det(cell))) if np.isfinite(cell).all() else np.nan),
            forces=self._array("forces"),
            stress=None if stress is None else voigt(stress),
            temperature=self._temperature(),
        )
        self.steps.take(frame, self._scf, self._stars, energies=bool(self._energy))

    def _energies(self, volume: float) -> dict[str, float]:
        if "e_fr_energy" not in self._energy:
            return {}
        free = self._energy["e_fr_energy"] - _float(self.settings.get("PSTRESS", "0")) * KBAR * volume
        scf = self._scf[-1] if self._scf else {}
        last = scf if {"e_fr_energy", "e_0_energy"} <= set(scf) else self._energy
        if "e_0_energy" not in last:
            return {"free": free}
        return {"free": free, "zero": free + last["e_0_energy"] - last["e_fr_energy"]}

    def _temperature(self) -> float | None:
        """From the kinetic energy of the ions, whose centre of mass rests."""
        kinetic = self._energy.get("kinetic", np.nan)
        freedom = 3 * len(self.symbols) - 3
        return None if not np.isfinite(kinetic) or freedom <= 0 else 2 * kinetic / (freedom * 8.617333262e-5)


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
