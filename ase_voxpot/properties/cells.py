"""Relaxed crystals, and supercells of a least width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from ase.units import GPa

from ase_voxpot.errors import DivergenceError
from ase_voxpot.md.relaxation import relax
from ase_voxpot.structures import random_alloy

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["WIDTH", "at_rest", "compact", "element", "energy_per_atom", "relaxed", "scaled", "to_rest", "wide"]

WIDTH = 9.0
"""Å, least width of cells, about twice usual cutoffs."""
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


def compact(atoms: Atoms) -> Atoms:
    """The same crystal with the shortest vectors that span its lattice, in a right-handed order.

    Phonopy refuses left-handed cells, and a skewed cell repeated along its vectors is narrow.

    >>> from ase.build import bulk, make_supercell
    >>> skewed = make_supercell(bulk("W", "bcc", a=3.19), [[1, 0, 0], [2, 1, 0], [0, 3, 1]])
    >>> compact(skewed).cell.lengths().round(2).tolist()
    [2.76, 2.76, 2.76]
    """
    from ase.geometry import minkowski_reduce

    out = atoms.copy()
    cell = atoms.cell[:]
    short = np.asarray(minkowski_reduce(cell)[0])
    if np.linalg.norm(short, axis=1).sum() < np.linalg.norm(cell, axis=1).sum() * (1 - 1e-9):
        cell = short
    out.set_cell(cell[[1, 0, 2]] if np.linalg.det(cell) < 0 else cell)
    return out


def scaled(atoms: Atoms, factor: float) -> Atoms:
    """The structure with all lengths times ``factor``."""
    out = atoms.copy()
    out.set_cell(atoms.cell[:] * factor, scale_atoms=True)
    return out


def energy_per_atom(atoms: Atoms, calculator: Any) -> float:
    """Energy of the structure without relaxation, eV/atom."""
    copy = atoms.copy()
    copy.calc = calculator
    return float(copy.get_potential_energy()) / len(copy)


def relaxed(atoms: Atoms, calculator: Any, *, free: Literal["atoms", "cell"] = "atoms", fmax: float = 0.005) -> Atoms:
    """A copy with its calculator, relaxed until no force exceeds ``fmax`` eV/Å.

    Raises:
        DivergenceError: the relaxation diverged or did not converge.
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
        ConfigError: ASE has no reference crystal of it.
    """
    return random_alloy(f"{lattice}:{symbol}", rng=np.random.default_rng(0))


def at_rest(crystal: Atoms, calculator: Any, *, span: float = 0.12) -> Atoms:
    """The crystal scaled to zero pressure; fractional coordinates are kept.

    Args:
        crystal: a cubic cell near equilibrium; the result has the same number of atoms.
        calculator: with stress.
        span: largest relative change of length.

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


def to_rest(crystal: Atoms, calculator: Any, *, fmax: float = 0.005) -> Atoms:
    """The crystal with cell and ions relaxed.

    If the volume is the only degree of freedom, as for cubic elements, ``at_rest`` is used; otherwise atoms and cell
    are relaxed.

    Args:
        crystal: near equilibrium; not changed.
        calculator: with stress.
        fmax: eV/Å, and the bound on V·stress/N.

    Raises:
        DivergenceError: the relaxation did not converge.
    """
    if len(set(crystal.numbers)) == 1:
        rest = at_rest(crystal, calculator)
        trial = wide(rest)
        trial.calc = calculator
        uneven = trial.get_stress() - np.array([1, 1, 1, 0, 0, 0]) * trial.get_stress()[:3].mean()
        force = np.linalg.norm(trial.get_forces(), axis=1).max()
        if max(force, np.abs(uneven).max() * trial.get_volume() / len(trial)) <= fmax:
            return rest
    return relaxed(crystal, calculator, free="cell", fmax=fmax)
