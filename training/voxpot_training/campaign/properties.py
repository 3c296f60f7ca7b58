"""Properties of perfect crystals by a calculator: constants at rest, moduli, vacancies; what fails has its reason.

Volumes and vacancies are those of cells at least ``cells.WIDTH`` wide, elastic constants those of the unit cell, whose
ions are relaxed: every calculator that labels can evaluate it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import VoxPotError
from ase_voxpot.physics.references import QUANTITIES, Quantity
from ase_voxpot.properties.cells import energy_per_atom, to_rest, wide
from ase_voxpot.properties.defects import vacancy
from ase_voxpot.properties.elastic import elastic_tensor
from ase_voxpot.properties.eos import equation_of_state
from ase_voxpot.properties.moduli import elasticity

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms

    from voxpot_training.campaign.crystals import Crystal

__all__ = ["EVALUATIONS", "SHOWN", "measured", "quantities_of"]

ENERGY = "energy"
"""eV/atom at rest; formation energies are made of it."""
SHOWN = {
    "a0": QUANTITIES["a0"],
    "c": Quantity(label="lattice constant c", unit="Å", digits=4),
    "formation": Quantity(label="formation energy", unit="meV/atom", digits=1),
    "B": QUANTITIES["B"],
    "C11": QUANTITIES["C11"],
    "C12": QUANTITIES["C12"],
    "C13": Quantity(label="C13", unit="GPa", digits=0),
    "C33": Quantity(label="C33", unit="GPa", digits=0),
    "C44": QUANTITIES["C44"],
    "C66": Quantity(label="C66", unit="GPa", digits=0),
    "E_vac": QUANTITIES["E_vac"],
}
"""Quantities in the order of a table."""
EVALUATIONS = 60
"""Of a wide cell, that all properties of a crystal take together, about."""


def quantities_of(crystal: Crystal) -> list[str]:
    """Names of the quantities of a crystal, of which ``formation`` needs the energies of its elements."""
    one = len(set(crystal.symbols)) == 1
    left_out = {"formation"} if one else {"E_vac"}
    left_out |= set() if crystal.uniaxial else {"c", "C13", "C33", "C66"}
    return [name for name in SHOWN if name not in left_out]


def measured(crystal: Crystal, calculator: Any) -> dict[str, dict[str, Any]]:
    """Properties of one crystal.

    Args:
        crystal: relaxed here.
        calculator: any, with stress.

    Returns:
        ``values`` by the names of ``quantities_of`` but ``formation``, and ``energy`` in eV/atom; ``reasons`` of those
        that could not be computed, by the same names.
    """
    values: dict[str, float] = {}
    reasons: dict[str, str] = {}
    wanted = [name for name in (ENERGY, *quantities_of(crystal)) if name != "formation"]

    def attempt(names: tuple[str, ...], compute: Callable[[], dict[str, float]]) -> None:
        """Keep what a computation gives for some names, or why it gives nothing."""
        try:
            found = compute()
            if not np.isfinite(list(found.values())).all():
                raise ValueError("a value is not finite")
            values.update({name: float(found[name]) for name in names if name in wanted})
        except Exception as error:  # a foreign calculator may raise anything
            kind = "" if isinstance(error, VoxPotError) else f"{type(error).__name__}: "
            reason = " ".join(f"{kind}{error}".split())
            reasons.update({name: reason for name in names if name in wanted})

    cell: list[Atoms] = []

    def rest() -> dict[str, float]:
        cell.append(to_rest(crystal.build(), calculator))
        a, b, c = cell[0].cell.lengths()
        a0 = (a + b) / 2 if crystal.uniaxial else (a + b + c) / 3
        return {ENERGY: energy_per_atom(cell[0], calculator), "a0": a0, "c": c}

    attempt((ENERGY, "a0", "c"), rest)
    if ENERGY in reasons:
        return {"values": values, "reasons": dict.fromkeys(wanted, reasons[ENERGY])}
    attempt(("B",), lambda: {"B": equation_of_state(cell[0], calculator).bulk_modulus})
    attempt(
        ("C11", "C12", "C13", "C33", "C44", "C66"),
        lambda: _constants(elastic_tensor(cell[0], calculator), uniaxial=crystal.uniaxial),
    )
    if "E_vac" in wanted:
        attempt(("E_vac",), lambda: {"E_vac": vacancy(wide(cell[0]), calculator).formation})
    return {"values": values, "reasons": reasons}


def _constants(tensor: Any, *, uniaxial: bool) -> dict[str, float]:
    """GPa, averages over the components of a tensor that the symmetry makes equal."""
    if not uniaxial:
        found = elasticity(tensor)
        return {"C11": found.c11, "C12": found.c12, "C44": found.c44}
    return {
        "C11": (tensor[0, 0] + tensor[1, 1]) / 2,
        "C12": tensor[0, 1],
        "C13": (tensor[0, 2] + tensor[1, 2]) / 2,
        "C33": tensor[2, 2],
        "C44": (tensor[3, 3] + tensor[4, 4]) / 2,
        "C66": tensor[5, 5],
    }
