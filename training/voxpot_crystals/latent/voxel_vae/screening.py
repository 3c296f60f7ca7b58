"""Screening of generated crystals: validity, uniqueness and novelty.

Crystals are compared by pymatgen's StructureMatcher with common tolerances (stol 0.5, angle 10°,
ltol 0.3), in pairs of one reduced formula.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ConfigError, StructureError, VoxPotError
from voxpot_crystals.latent.voxel_vae.validity import composition_fault, structure_fault
from voxpot_crystals.structures.checks import formula_of
from voxpot_crystals.structures.symmetry import ask_spglib

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator
    from jaxtyping import Bool
    from rich.table import Table

__all__ = ["REASONS", "Screened", "faults", "relax", "screen", "symmetrised"]

REASONS = (
    "atoms too close",
    "no volume",
    "no atoms at finite positions",
    "charges cannot balance",
    "repeated",
    "known",
)
"""Reasons of the refusal of a crystal, in order of precedence."""


@dataclass(frozen=True, slots=True)
class Screened:
    """Results for every crystal, in the order of the input."""

    structure: Bool[np.ndarray, " crystal"]  # valid positions and cell
    composition: Bool[np.ndarray, " crystal"]  # valid formula
    unique: Bool[np.ndarray, " crystal"]  # the first of equal crystals; true without a valid structure
    novel: Bool[np.ndarray, " crystal"]  # not in the training set; likewise
    reasons: tuple[str, ...]  # empty where a crystal passed

    @property
    def passed(self) -> Bool[np.ndarray, " crystal"]:
        """Valid, unique and novel."""
        return self.structure & self.composition & self.unique & self.novel

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of crystals that passed, and that failed by reason."""
        tally = {reason: self.reasons.count(reason) for reason in REASONS}
        return {"crystals": len(self.reasons), "passed": self.reasons.count(""), **tally}

    def table(self) -> Table:
        """The counts, to be printed."""
        from rich.table import Table

        table = Table("", "crystals", "share")
        total = max(len(self.reasons), 1)
        for name, count in self.counts.items():
            if count or name in ("crystals", "passed"):
                table.add_row(name, str(count), f"{100 * count / total:.1f} %")
        return table


def screen(crystals: Sequence[Atoms], train: Sequence[Atoms]) -> Screened:
    """Test every crystal.

    Args:
        crystals: generated.
        train: training crystals of the generator.

    Raises:
        ConfigError: pymatgen is not installed.
        UnknownElementError: an element beyond fermium.
    """
    from rich.progress import track

    absurd = [structure_fault(a) for a in crystals]
    charges = [composition_fault(a) for a in crystals]
    same = _matcher()
    wanted = [formula_of(a) for a in crystals]
    asked = set(wanted)
    shelf: dict[str, list[Any]] = defaultdict(list)
    for atoms in train:
        formula = formula_of(atoms)
        if formula in asked:
            shelf[formula].append(_structure(atoms))
    seen: dict[str, list[Any]] = defaultdict(list)
    unique, novel = np.ones((2, len(crystals)), bool)
    for k, atoms in enumerate(track(crystals, description="screening", disable=len(crystals) < 200, transient=True)):
        if absurd[k]:
            continue  # invalid: no comparison
        structure, formula = _structure(atoms), wanted[k]
        unique[k] = not any(same.fit(structure, other) for other in seen[formula])
        novel[k] = not any(same.fit(structure, other) for other in shelf[formula])
        if unique[k]:
            seen[formula].append(structure)
    reasons = [
        fault or charge or ("" if u else "repeated") or ("" if n else "known")
        for fault, charge, u, n in zip(absurd, charges, unique, novel, strict=True)
    ]
    return Screened(
        np.array([not f for f in absurd], bool), np.array([not c for c in charges], bool), unique, novel, tuple(reasons)
    )


def faults(crystals: Sequence[Atoms], known: Sequence[Atoms] = ()) -> list[str]:
    """Reason of the refusal of each crystal, one of ``REASONS``; empty where it passes.

    Repeats and known crystals are found where pymatgen is installed; without it they pass.
    """
    if find_spec("pymatgen") is None:
        return [structure_fault(a) or composition_fault(a) for a in crystals]
    return list(screen(crystals, known).reasons)


def _matcher() -> Any:
    try:
        from pymatgen.analysis.structure_matcher import StructureMatcher
    except ImportError:
        raise ConfigError("screening needs pymatgen, which is not installed: pip install pymatgen") from None
    return StructureMatcher(stol=0.5, angle_tol=10, ltol=0.3)


def _structure(atoms: Atoms) -> Any:
    from pymatgen.core.structure import Structure

    return Structure(atoms.cell[:], atoms.numbers, atoms.positions, coords_are_cartesian=True)


def symmetrised(atoms: Atoms, symprec: float = 0.1) -> Atoms:
    """The crystal symmetrised within a tolerance, in spglib's primitive standard cell.

    Args:
        atoms: any crystal; not changed.
        symprec: tolerance in Å.

    Returns:
        The idealised crystal, its space group in ``info["spacegroup"]``; a copy where none is found or where
        moving would change the formula.

    Raises:
        StructureError: no valid structure.
    """
    import spglib
    from ase import Atoms as Made

    fault = structure_fault(atoms)
    if fault:
        raise StructureError(f"expected a crystal to bring to its symmetry, got {fault}")
    cell = (atoms.cell[:], atoms.get_scaled_positions(), atoms.numbers)
    group = ask_spglib(spglib.get_spacegroup, cell, symprec=symprec)
    found = ask_spglib(spglib.standardize_cell, cell, to_primitive=True, no_idealize=False, symprec=symprec)
    if found is None or group is None:
        return atoms.copy()
    lattice, positions, numbers = found
    ideal = Made(numbers, cell=lattice, scaled_positions=positions, pbc=True, info=dict(atoms.info))
    if formula_of(ideal) != formula_of(atoms) or structure_fault(ideal):
        return atoms.copy()
    ideal.info["spacegroup"] = group
    return ideal


def relax(
    atoms: Atoms, calculator: BaseCalculator, *, fmax: float = 0.05, steps: int = 300
) -> tuple[Atoms | None, bool, str]:
    """Relax atoms and cell with any calculator of ASE.

    Args:
        atoms: not changed.
        calculator: any.
        fmax: eV/Å, and the equivalent for the cell.
        steps: largest number of steps.

    Returns:
        The relaxed crystal, whether ``fmax`` was reached, and the reason of a failure of the
        calculator or the relaxation.

    Raises:
        ConfigError: invalid bounds.
    """
    from ase.calculators.calculator import CalculatorError

    from ase_voxpot.md.relaxation import relax as descend

    moved = atoms.copy()
    moved.calc = calculator
    try:
        _, reached = descend(moved, free="cell", fmax=fmax, steps=steps)
    except ConfigError:
        raise
    except (VoxPotError, CalculatorError, NotImplementedError, KeyError, np.linalg.LinAlgError) as error:
        return None, False, f"{type(error).__name__}: {error}"
    return moved, reached, ""
