"""Callbacks of ``fix external``: checks of the LAMMPS instance, and the evaluation of a step."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from lammps_plugin.errors import DeckError, explain
from lammps_plugin.exclusions import Exclusions

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BLIND", "EXCHANGES", "External", "cell_of", "end_process", "refuse_unfit"]

BLIND = ("sgcmc", "numdiff", "numdiff/virial", "sgcmc/kk", "bond/swap", "pair")
"""Fixes that ask the pair style, whose answer would be zero."""
SETTERS: tuple[str, ...] = (
    "setforce",
    "setforce/spin",
    "aveforce",
    "lineforce",
    "planeforce",
    "freeze",
    "enforce2d",
    "store/force",
)
SETTERS += ("shake", "rattle", "filter/corotate", "pafi", "neb", "neb/spin", "pimd", "pimd/langevin", "pimd/nvt")
"""Fixes that change or use forces, and must follow this one."""
EXCHANGES = {"gcmc": "FixGCMC:gcmc_exclusion_group:", "widom": "FixWidom:widom_exclusion_group:"}
"""Fixes that need ``full_energy``, and the names of the groups that they make."""
FIX = re.compile(r"^Fix\[\s*\d+\]:\s*(\S+),\s*style = (\S+),", re.MULTILINE)
"""One line of ``info fixes``."""


class External(ABC):
    """The callback of one ``fix external``."""

    def __init__(
        self, lmp: Any, fix: str, elements: Sequence[str], *, energy: bool, exclusions: Exclusions | None = None
    ) -> None:
        """Check the settings of LAMMPS and register the callback of the fix.

        Args:
            lmp: a ``lammps`` object.
            fix: name of a fix of style ``external pf/callback 1 1``.
            elements: of the atom types, in order.
            energy: whether energies and virials are computed.
            exclusions: settings of ``neigh_modify``, if known.

        Raises:
            DeckError: as ``refuse_unfit``.
        """
        self.lmp, self.fix = lmp, fix
        self._exclusions = exclusions or Exclusions(lmp)
        refuse_unfit(lmp, fix, elements)
        self._exchanges = {name: style for name, style in styles_of_fixes(lmp).items() if style in EXCHANGES}
        result = "yes" if energy else "no"
        lmp.command(f"fix_modify {fix} energy {result} virial {result}")
        lmp.set_fix_external_callback(fix, self, None)

    def __call__(self, caller: Any, step: int, count: int, tag: np.ndarray, x: np.ndarray, f: np.ndarray) -> None:
        """Evaluate one step; an exception ends the process, as LAMMPS would ignore it."""
        try:
            if self.starting:
                self._refuse_single_energies()
                self._refuse_bonds()
            shown = np.flatnonzero(~self._exclusions.hidden(count)) if count else np.zeros(0, int)
            forces = self.answer(shown, count, np.array(tag)[shown], np.array(x).reshape(-1, 3)[shown])
            if count:
                f[:] = 0
                f[shown] = forces
        except BaseException as error:
            if hasattr(self.lmp, "flush_buffers"):  # not in releases as old as 29 Sep 2021
                self.lmp.flush_buffers()
            end_process(f"voxpot: fix external, step {step}: {explain(error)}")

    @property
    def starting(self) -> bool:
        """Whether a run begins, or none is on, as in ``dynamical_matrix``: commands may have changed things."""
        return not self.lmp.is_running or bool(self.lmp.get_thermo("elapsed") == 0)

    def _refuse_single_energies(self) -> None:
        for name, style in self._exchanges.items():
            if self.lmp.has_id("fix", name) and not self.lmp.has_id("group", EXCHANGES[style] + name):
                raise DeckError(f"fix {name} ({style}) asks the pair style alone; add 'full_energy' to it")

    def _refuse_bonds(self) -> None:
        special = self.lmp.extract_global("special_lj")
        if self.lmp.extract_global("nbonds") and special and any(special[k] != 1 for k in (1, 2, 3)):
            raise DeckError("bonded atoms must see each other too; set 'special_bonds lj/coul 1.0 1.0 1.0'")

    @abstractmethod
    def answer(self, shown: np.ndarray, count: int, tag: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Forces of the atoms that are not excluded.

        Args:
            shown: their numbers in LAMMPS; other atoms are excluded and have no energy.
            count: number of atoms in LAMMPS.
            tag: their ids.
            x: positions, Å.

        Returns:
            eV/Å, one row for each of ``shown``.
        """


def end_process(sentence: str) -> NoReturn:
    """Print a sentence and end the process: LAMMPS would continue after an exception."""
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()
    os._exit(1)


def refuse_unfit(lmp: Any, fix: str, elements: Sequence[str]) -> None:
    """Check the settings of LAMMPS and of ``fix``.

    Raises:
        DeckError: other units, several ranks, no such fix, one that ignores it, or another number of
            elements than of atom types.
    """
    units, ranks, types = (
        lmp.extract_global("units"),
        lmp.extract_setting("world_size"),
        lmp.extract_setting("ntypes"),
    )
    if units != "metal":
        raise DeckError(f"expected 'units metal' (eV, Å), got 'units {units}'")
    if ranks != 1:
        raise DeckError(f"fix external serves one MPI rank, got {ranks}; use pair_style voxpot for several")
    if types != len(elements):
        raise DeckError(f"expected one element for each of the {types} atom types, got {' '.join(elements)}")
    styles = styles_of_fixes(lmp)
    if styles.get(fix) != "external":
        raise DeckError(
            f"expected 'fix {fix} all external pf/callback 1 1' before, got {styles.get(fix, 'none of this name')}"
        )
    early = [f"{name} ({styles[name]})" for name in list(styles)[: list(styles).index(fix)] if styles[name] in SETTERS]
    if early:
        raise DeckError(
            f"fix {', '.join(early)} acts on the forces that it finds, and comes before those of the model; say it "
            "after pair_coeff, or after fix external"
        )
    blind = [f"{name} ({style})" for name, style in styles.items() if style in BLIND]
    if blind:
        raise DeckError(
            f"fix {', '.join(blind)} asks the pair style alone and would not see this one; use pair_style voxpot"
        )


def cell_of(lmp: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lower corner and rows of the cell in Å, and which of them are periodic: the third not in two dimensions."""
    low, high, xy, yz, xz, periodic, _ = lmp.extract_box()
    if lmp.extract_setting("dimension") == 2:
        periodic = [periodic[0], periodic[1], 0]
    edges = np.subtract(high, low)
    return np.array(low), np.array([[edges[0], 0, 0], [xy, edges[1], 0], [xz, yz, edges[2]]]), np.array(periodic, bool)


def styles_of_fixes(lmp: Any) -> dict[str, str]:
    """Names and styles of all fixes; from the report of LAMMPS."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "fixes"
        lmp.command(f"info fixes out overwrite {report}")
        return dict(FIX.findall(report.read_text()))
