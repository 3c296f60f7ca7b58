"""Crystals at rest, and cells wide enough to compute in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from ase.units import GPa

from ase_voxpot.errors import DivergenceError
from ase_voxpot.relaxation import relax
from ase_voxpot.structures import random_alloy

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["WIDTH", "at_rest", "element", "energy_per_atom", "relaxed", "scaled", "wide"]

WIDTH = 9.0
"""Å between opposite faces of a cell, beyond twice the usual cutoffs of metals less a little."""
STEPS = 1000
"""Steps after which a relaxation has failed."""


def wide(atoms: Atoms, width: float = WIDTH, *, axes: tuple[int, ...] = (0, 1, 2)) -> Atoms:
    """The cell repeated until it is ``width`` Å wide along ``axes``.

    >>> from ase.build import bulk
    >>> len(wide(bulk("W", "bcc", a=3.19, cubic=True)))
    54
    """
    heights = 1 / np.linalg.norm(atoms.cell.reciprocal(), axis=1)
    repeat = [int(np.ceil(width / heights[k] - 1e-9)) if k in axes else 1 for k in range(3)]
    return atoms.repeat(repeat)


def scaled(atoms: Atoms, factor: float) -> Atoms:
    """The structure with all lengths times ``factor``."""
    out = atoms.copy()
    out.set_cell(atoms.cell[:] * factor, scale_atoms=True)
    return out


def energy_per_atom(atoms: Atoms, calculator: Any) -> float:
    """Energy as the structure stands, eV/atom."""
    copy = atoms.copy()
    copy.calc = calculator
    return float(copy.get_potential_energy()) / len(copy)


def relaxed(atoms: Atoms, calculator: Any, *, free: Literal["atoms", "cell"] = "atoms", fmax: float = 0.005) -> Atoms:
    """A copy with its calculator, moved downhill until no force exceeds ``fmax`` eV/Å.

    Raises:
        DivergenceError: the atoms ran away, or found no rest.
    """
    out = atoms.copy()
    out.calc = calculator
    _, reached = relax(out, free=free, fmax=fmax, steps=STEPS)
    if not reached:
        raise DivergenceError(f"{out.get_chemical_formula()} did not relax to {fmax} eV/Å within {STEPS} steps")
    return out


def element(symbol: str, lattice: str = "bcc") -> Atoms:
    """Cubic cell of an element at the volume of ASE's reference state.

    Raises:
        ConfigError: ASE knows no crystal of it.
    """
    return random_alloy(f"{lattice}:{symbol}", rng=np.random.default_rng(0))


def at_rest(crystal: Atoms, calculator: Any, *, span: float = 0.12) -> Atoms:
    """The crystal scaled to where its pressure vanishes; atoms stay on their sites.

    Args:
        crystal: a cubic cell near equilibrium; the cell that comes back is of its size.
        calculator: with stress.
        span: look for it up to so much longer or shorter.

    Raises:
        DivergenceError: there is no such volume.
    """
    from scipy.optimize import brentq

    cell = wide(crystal)

    def pressure(factor: float) -> float:
        trial = scaled(cell, factor)
        trial.calc = calculator
        return float(-trial.get_stress()[:3].mean() / GPa)

    for reach in (span / 4, span):
        if pressure(1 - reach) > 0 > pressure(1 + reach):
            return scaled(crystal, brentq(pressure, 1 - reach, 1 + reach, xtol=1e-7))
    raise DivergenceError(
        f"{crystal.get_chemical_formula()}: no volume without pressure within {100 * span:.0f} % of the length given"
    )
