"""Ionic steps of VASP as ``Atoms`` with stored results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ase import Atoms
    from jaxtyping import Bool

    from ase_voxpot.vasp.frames import Run

__all__ = ["UNCONVERGED", "atoms_of", "constraints_of", "with_refused"]

UNCONVERGED = "unconverged"
"""Set in ``info`` of a structure whose electronic loop ended without converging."""


def atoms_of(run: Run) -> Iterator[Atoms]:
    """The frames; ``energy`` is energy(sigma->0), ``free_energy`` that of the forces."""
    from ase.calculators.singlepoint import SinglePointCalculator

    held = constraints_of(run.fixed) if run.fixed is not None else []
    for k, atoms in enumerate(run.atoms()):
        results: dict[str, Any] = {}
        if run.energies:
            free = run.energies["free"][k]
            results = {"free_energy": float(free), "energy": float(run.energies.get("zero", run.energies["free"])[k])}
        if run.forces is not None:
            results["forces"] = run.forces[k]
        if run.stress is not None and np.isfinite(run.stress[k]).all():
            results["stress"] = run.stress[k]
        if results:
            atoms.calc = SinglePointCalculator(atoms, **results)
        if k in run.unconverged:
            atoms.info[UNCONVERGED] = True
        atoms.set_constraint(held)
        yield atoms


def constraints_of(fixed: Bool[np.ndarray, "atom 3"]) -> list[Any]:
    """Constraints of ASE for selective dynamics.

    Args:
        fixed: along which lattice vectors each atom is held.
    """
    from ase.constraints import FixAtoms, FixScaled

    whole = np.flatnonzero(fixed.all(axis=1))
    some = np.flatnonzero(fixed.any(axis=1) & ~fixed.all(axis=1))
    return ([FixAtoms(whole)] if len(whole) else []) + [FixScaled(int(i), fixed[i]) for i in some]


def with_refused(runs: list[Run]) -> list[Atoms | DataError]:
    """The frames of all runs, with an error in the place of every frame with overflowed numbers (stars)."""
    found: list[Atoms | DataError] = []
    for run in runs:
        frames: list[Atoms | DataError] = [*atoms_of(run)]
        for place, why in reversed(run.left_out):
            frames.insert(place, DataError(f"expected numbers, got stars, too large for their columns ({why})"))
        found += frames
    return found
