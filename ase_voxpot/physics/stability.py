"""Stability of molecular dynamics at high temperature.

A spurious minimum of the energy surface shows as atoms at short distance, as energy below that of
the crystal, or as a rise of the temperature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import units

from ase_voxpot.md.integrators import BUILD, Plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["Endurance", "endure"]

CLOSEST = 1.0
"""Å; shorter distances are unphysical (refractory metals at 5000 K: about 1.7 Å)."""
DEEPEST = 0.2
"""eV/atom below the initial crystal that is unphysical."""
HOTTEST = 3.0
"""Multiple of the target temperature that is unphysical."""
INTERVAL = 10
"""Steps between checks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endurance:
    """Length of a run, the reason of its end, and samples."""

    stable: bool
    reason: str  # reason of the end
    time: float  # ps
    closest: float  # Å, least distance of all
    temperature: float  # K, mean of the second half
    times: Float[np.ndarray, " sample"]  # ps
    temperatures: Float[np.ndarray, " sample"]  # K
    energies: Float[np.ndarray, " sample"]  # eV/atom, potential
    distances: Float[np.ndarray, " sample"]  # Å, least


def endure(
    crystal: Atoms,
    calculator: Any,
    *,
    temperature: float = 4000.0,
    steps: int = 10_000,
    timestep: float = 2.0,
    seed: int = 0,
    observe: Callable[[int], None] = lambda step: None,
) -> Endurance:
    """Langevin dynamics at constant volume, ended when it becomes unphysical.

    Args:
        crystal: initial structure, periodic.
        calculator: any.
        temperature: K.
        steps: number of steps.
        timestep: fs.
        seed: of momenta and noise.
        observe: called with the step at every check.
    """
    atoms = crystal.copy()
    atoms.calc = calculator
    plan = Plan(ensemble="nvt", temperature=temperature, timestep=timestep, steps=steps, seed=seed)
    rng = np.random.default_rng(seed)
    spread = np.sqrt(atoms.get_masses() * units.kB * temperature)
    atoms.set_momenta(rng.normal(size=(len(atoms), 3)) * spread[:, None])
    floor = atoms.get_potential_energy() / len(atoms) - DEEPEST
    dynamics = BUILD[plan.ensemble](atoms, plan, rng, 0.0)
    rows = []
    reason = "ran to its end"
    for step in range(INTERVAL, steps + 1, INTERVAL):
        try:
            dynamics.run(INTERVAL)
            row = (step * timestep / 1000, *_look(atoms))
        except Exception as error:  # a calculator may raise anything when positions diverge
            reason = f"{type(error).__name__}: {error}"
            break
        rows.append(row)
        observe(step)
        verdict = _verdict(row, floor, HOTTEST * temperature)
        if verdict:
            reason = verdict
            break
    table = np.array(rows or [(0.0, np.nan, np.nan, np.nan)])
    return Endurance(
        stable=reason == "ran to its end",
        reason=reason,
        time=float(table[-1, 0]),
        closest=float(table[:, 3].min()),
        temperature=float(table[len(table) // 2 :, 1].mean()),
        times=table[:, 0],
        temperatures=table[:, 1],
        energies=table[:, 2],
        distances=table[:, 3],
    )


def _look(atoms: Atoms) -> tuple[float, float, float]:
    """Temperature in K, energy in eV/atom and least distance in Å."""
    from ase.neighborlist import neighbor_list

    distances = neighbor_list("d", atoms, 3.0)
    closest = float(distances.min()) if len(distances) else 3.0
    return float(atoms.get_temperature()), float(atoms.get_potential_energy()) / len(atoms), closest


def _verdict(row: tuple[float, ...], floor: float, limit: float) -> str:
    """The reason to stop, or an empty text."""
    _, temperature, energy, closest = row
    if not np.isfinite(row).all():
        return "numbers that are not finite"
    if closest < CLOSEST:
        return f"two atoms came to {closest:.2f} Å"
    if energy < floor:
        return f"the energy fell {floor + DEEPEST - energy:.2f} eV/atom below that of the crystal"
    if temperature > limit:
        return f"the temperature rose to {temperature:.0f} K"
    return ""
