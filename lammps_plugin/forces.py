"""Calculators with forces but no energy, such as a network over a whole cell, through ``fix external``.

In a deck the calculator is given in place of the model, as ``module:factory:argument``::

    pair_style voxpot
    pair_coeff * * voxpot_training.wholecell.calculator:make:wholecell.safetensors Mo Ta W

Its atoms are in the order of their ids and not wrapped into the cell, as in the training of such a
network.  Commands that need an energy or a virial are refused: LAMMPS would use zero.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from lammps_plugin.blind import IMMEDIATE
from lammps_plugin.errors import DeckError
from lammps_plugin.external import External, cell_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lammps_plugin.exclusions import Exclusions

__all__ = ["THERMO", "ForceBridge", "asks_for_energy", "asks_for_energy_at_once", "names_calculator"]

THERMO = "thermo_style custom step temp ke"
"""Thermo style without energies."""
ENERGIES = {"pe", "etotal", "enthalpy", "econserve", "press", "pxx", "pyy", "pzz", "pxy", "pxz", "pyz", "ecouple"}
NAMES = re.compile(r"\w+")
THERMO_COMPUTES = re.compile(r"\bc_thermo_(pe|press)\b")
STYLES = ("npt", "nph", "box/relax", "press", "swap", "gcmc", "widom", "sgcmc", "hmc", "numdiff")
"""Parts of the names of fixes that use energies or pressures."""
COMMANDS = ("minimize", "dynamical_matrix", "third_order", "neb", "tad", "prd")


def asks_for_energy_at_once(line: str) -> bool:
    """Whether an immediate variable of a line needs an energy or a virial.

    >>> asks_for_energy_at_once("print 'E = $(pe/2:%g)'"), asks_for_energy_at_once("print $(ke)")
    (True, False)
    """
    return any(asks_for_energy(["variable", "", "", inside]) for inside in IMMEDIATE.findall(line))


def names_calculator(words: Sequence[str]) -> bool:
    """Whether the words of ``pair_coeff`` name a calculator instead of a model.

    >>> names_calculator(["*", "*", "peers.py:make", "Mo", "Ta"]), names_calculator(["*", "*", "motaw", "Mo"])
    (True, False)
    """
    return len(words) > 3 and list(words[:2]) == ["*", "*"] and ":" in words[2]


def asks_for_energy(words: Sequence[str]) -> bool:
    """Whether a command needs an energy or a virial.

    >>> [asks_for_energy(line.split()) for line in ("run 5", "minimize 0 0 9 9", "thermo_style custom step pe")]
    [False, True, True]
    >>> [asks_for_energy(line.split()) for line in ("variable e equal pe/atoms", "variable e equal v_pe+ke")]
    [True, False]
    """
    verb, rest = words[0], words[1:]
    if any(THERMO_COMPUTES.search(word) for word in rest):
        return True
    if verb == "variable":
        return any(not ENERGIES.isdisjoint(NAMES.findall(word)) for word in rest[2:])
    if verb == "thermo_style":
        return rest[:1] != ["custom"] or not ENERGIES.isdisjoint(rest)
    if verb == "fix":
        return len(rest) > 2 and any(style in rest[2] for style in STYLES)
    if verb == "compute":
        return len(rest) > 2 and rest[2].split("/")[0] in ("pe", "pressure", "stress", "centroid", "heat")
    return verb in COMMANDS


class ForceBridge(External):
    """The callback of one ``fix external``, with forces of an ASE calculator."""

    def __init__(
        self, lmp: Any, fix: str, calculator: Any, elements: Sequence[str], *, exclusions: Exclusions | None = None
    ) -> None:
        """Check the settings of LAMMPS and register the callback of the fix.

        Args:
            lmp: a ``lammps`` object.
            fix: name of a fix of style ``external pf/callback 1 1``.
            calculator: of ASE.
            elements: of the atom types, in order.
            exclusions: settings of ``neigh_modify``.

        Raises:
            DeckError: other units, several ranks, no such fix, another number of elements than of types.
        """
        self._calculator, self._elements = calculator, np.array(elements)
        super().__init__(lmp, fix, elements, energy=False, exclusions=exclusions)

    def answer(self, shown: np.ndarray, count: int, tag: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Forces of the calculator, for atoms in the order of their ids."""
        from ase import Atoms

        if len(shown) == 0:
            return np.zeros((0, 3))
        low, cell, periodic = cell_of(self.lmp)
        order = np.argsort(tag)  # LAMMPS sorts its atoms anew from time to time
        types = np.array(self.lmp.numpy.extract_atom("type"))[shown]
        unwrapped = x - low + self._images(count)[shown] @ cell
        atoms = Atoms(self._elements[types[order] - 1], positions=unwrapped[order], cell=cell, pbc=periodic)
        atoms.calc = self._calculator
        forces = atoms.get_forces()
        if not np.isfinite(forces).all():
            raise DeckError("the calculator says NaN or infinity")
        out = np.empty_like(forces)
        out[order] = forces
        return out

    def _images(self, count: int) -> np.ndarray:
        """How often every atom has crossed the cell along each vector."""
        bits = 10 if self.lmp.extract_setting("imageint") == 4 else 21
        packed = np.array(self.lmp.numpy.extract_atom("image")[:count]).astype(np.int64)
        parts = [(packed >> (k * bits)) & ((1 << bits) - 1) for k in range(3)]
        return np.stack(parts, axis=1) - (1 << (bits - 1))
