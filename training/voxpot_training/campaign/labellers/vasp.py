"""Labels by VASP: one folder for every frame, whose results are read whenever they are there.

A folder holds INCAR, KPOINTS, POSCAR and POTCAR of a set of pymatgen (``MPStaticSet``: one electronic minimum), with
the user's POTCARs (``PMG_VASP_PSP_DIR``), and ``order.json``, the places of its atoms in the frame.  With a command,
VASP is run in it; without one its results are read at a later start, when it has been run by other means, on a cluster
say.  Results that are refused are renamed, so that the folder waits for another run.
"""

from __future__ import annotations

import json
import os
import shlex
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ConfigError, DataError
from ase_voxpot.extras import require
from ase_voxpot.frames.labelled import read_computed
from ase_voxpot.storage.files import draft_of
from ase_voxpot.tasks.supervised import LATE, NOT_FOUND, run_supervised
from ase_voxpot.validation.settings import functional_of
from ase_voxpot.vasp.reading import read_vasp
from voxpot_training.campaign.labellers.outcome import Label, LabellerError, Waiting, label_in

if TYPE_CHECKING:
    from pathlib import Path

    from ase import Atoms

    from voxpot_training.campaign.config import LabellerConfig

__all__ = ["VaspLabeller"]

RESULTS = ("vasprun.xml", "vasprun.xml.gz", "OUTCAR", "OUTCAR.gz")
"""Files of results, the first that is there is read."""
GROWING = 120.0
"""s since a file was last written, before which a broken one is taken to be written still."""


class VaspLabeller:
    """Writes folders for VASP and reads their results."""

    def __init__(self, config: LabellerConfig) -> None:
        """Look up the input set.

        Raises:
            ConfigError: there is no such set, or no folder of POTCARs.
            MissingPackageError: pymatgen is not installed.
        """
        sets = require("pymatgen.io.vasp.sets", "labeller vasp")
        self.name = "vasp"
        self._config = config
        found = getattr(sets, config.set, None)
        if not (isinstance(found, type) and issubclass(found, sets.VaspInputSet)):
            raise ConfigError(
                f"labeller.set: expected a class of pymatgen.io.vasp.sets such as MPStaticSet, got {config.set!r}"
            )
        self._set: Any = found
        if config.potcars and not _potcars():
            raise ConfigError(
                "labeller vasp: expected the folder of your POTCARs in PMG_VASP_PSP_DIR (pmg config -p SOURCE TARGET "
                "makes it), got none; potcars = false writes POTCAR.spec, with their names, in place of them"
            )

    def label(self, atoms: Atoms, folder: Path) -> Label | Waiting:
        """As ``Labeller``; the files of VASP stay in ``folder``."""
        if not (folder / "order.json").is_file():
            self._write(atoms, folder)
        began = time.monotonic()
        if self._config.command and self._results(folder) is None:
            self._run(folder)
        results = self._results(folder)
        if results is None:
            return Waiting(str(folder))
        try:
            return self._read(results, atoms, folder, seconds=round(time.monotonic() - began, 3))
        except LabellerError:
            for name in RESULTS:  # so that VASP can be run again
                if (folder / name).is_file():
                    (folder / name).replace(folder / f"{name}.refused")
            raise

    def cost(self, atoms: Atoms) -> float:
        """As ``Labeller``: the cube of the atoms over their k-points; 300 s for ten unless it is known."""
        return (300.0 if self._config.seconds is None else self._config.seconds) * (len(atoms) / 10) ** 2

    def check(self) -> None:
        """Everything was looked at when this was made."""

    def close(self) -> None:
        """Nothing stays between frames."""

    def _write(self, atoms: Atoms, folder: Path) -> None:
        """The input, atoms of an element together."""
        from pymatgen.core.structure import Structure

        order = np.argsort(atoms.numbers, kind="stable")
        structure = Structure(
            atoms.cell.array, atoms.numbers[order].tolist(), atoms.positions[order], coords_are_cartesian=True
        )
        folder.mkdir(parents=True, exist_ok=True)
        settings = {name.upper(): _value(text) for name, text in self._config.settings.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pymatgen, on what its sets assume
            try:
                made = self._set(structure, user_incar_settings=settings, sort_structure=False)
                made.write_input(str(folder), potcar_spec=not self._config.potcars)
            except Exception as error:  # of many kinds: POTCARs that are missing, settings that do not fit
                raise LabellerError(
                    f"{self._config.set} cannot write its input: {' '.join(f'{error}'.split())[:300]}"
                ) from None
        with draft_of(folder / "order.json") as draft:
            draft.write_text(json.dumps(order.tolist()) + "\n", encoding="utf-8")

    def _run(self, folder: Path) -> None:
        words = shlex.split(self._config.command)
        ended = run_supervised(words, limit=self._config.limit, folder=folder.resolve())
        if ended.status == LATE:
            for file in RESULTS:  # half written
                (folder / file).unlink(missing_ok=True)
            raise LabellerError(f"no label after {self._config.limit:g} s: the time limit")
        if ended.status == NOT_FOUND:
            raise LabellerError(f"{words[0]}: no such program")
        if self._results(folder) is None:
            told = " ".join(ended.output.split())[-200:] or "it wrote nothing"
            raise LabellerError(f"VASP left no results (exit status {ended.status}): {told}")

    @staticmethod
    def _results(folder: Path) -> Path | None:
        return next((folder / name for name in RESULTS if (folder / name).is_file()), None)

    def _read(self, results: Path, atoms: Atoms, folder: Path, *, seconds: float) -> Label | Waiting:
        try:
            computed = read_computed(results)
            runs = read_vasp(results)
            if not computed or not computed[0] or not runs:
                raise DataError("no ionic step in it")
        except DataError as error:
            if not self._config.command and time.time() - results.stat().st_mtime < GROWING:
                return Waiting(str(folder))  # VASP still writes it
            raise LabellerError(f"{results.name} cannot be read: {error}") from None
        frames = computed[0]
        if len(frames) != 1:
            raise LabellerError(f"expected one ionic step, got {len(frames)}: use a set without relaxation")
        functional = functional_of(runs[0].settings)
        wanted = self._config.functional
        if wanted and functional and functional != wanted:
            raise LabellerError(f"expected labels by {wanted}, got {functional}")
        order = np.array(json.loads((folder / "order.json").read_text(encoding="utf-8")))
        label = label_in(frames[0], atoms[order], seconds=seconds)
        back = np.argsort(order)
        facts = {"code": "VASP", **({"functional": functional} if functional else {})}
        return Label(
            energy=label.energy,
            forces=label.forces[back],
            stress=label.stress,
            seconds=label.seconds,
            facts=label.facts | facts,
        )


def _value(text: str) -> str | int | float | bool:
    """A value of INCAR as pymatgen takes it: numbers as numbers, .TRUE. and .FALSE. as booleans."""
    truth = {".true.": True, ".false.": False, "true": True, "false": False}
    if text.lower() in truth:
        return truth[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _potcars() -> bool:
    """Whether pymatgen knows where POTCARs are."""
    from pymatgen.core import SETTINGS

    return bool(os.environ.get("PMG_VASP_PSP_DIR") or SETTINGS.get("PMG_VASP_PSP_DIR"))
