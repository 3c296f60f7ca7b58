"""Ordered compounds on a lattice, enumerated, relaxed with a potential, with their formation energies.

    python -m voxpot_training.campaign.compounds bcc_compounds.extxyz.gz --elements Nb,Mo,Ta,W --model nbmotaw

Atoms and cells are relaxed; compounds that have not come to rest are left out and counted.  ``formation_energy`` in
``info``, eV/atom, is against the elements at rest in the same potential (``ase_voxpot.properties.formation``).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from ase_voxpot.cli.options import Scheduler, Seed, Workers
from ase_voxpot.cli.workers import run_parts
from ase_voxpot.errors import ConfigError, VoxPotError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms

    from ase_voxpot.methods import Method

__all__ = ["compounds", "drawn", "enumerated", "relaxed"]

PORTION = 32
"""Compounds that are relaxed with one calculator."""
FMAX, STEPS = 0.01, 200
"""eV/Å, also of V·stress/N; largest number of steps."""
DIGITS = 4
"""Of positions and cells, Å; energies are rounded to one more."""

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def enumerated(constants: dict[str, float], *, lattice: str, most: int, longest: float) -> list[Atoms]:
    """Compounds of two or more elements, each once, at the mean of the lattice constants of their elements.

    Args:
        constants: Å, by element.
        lattice: one with one atom in its primitive cell, such as bcc.
        most: atoms of a cell.
        longest: Å, largest edge of a reduced cell.
    """
    from voxpot_training.campaign.ordered import ordered

    found = []
    for size in range(2, most + 1):
        for _, atoms in ordered(tuple(constants), size, lattice=lattice):
            edge = float(np.mean([constants[s] for s in atoms.get_chemical_symbols()]))
            atoms.set_cell(edge * atoms.cell.array, scale_atoms=True)
            if atoms.cell.lengths().max() <= longest:
                found.append(atoms)
    return found


def drawn(found: Sequence[Atoms], number: int | None, seed: int) -> list[Atoms]:
    """Some of them at random, in their order; all without a number."""
    chosen = np.random.default_rng(seed).permutation(len(found))[:number]
    return [found[k] for k in sorted(chosen.tolist())]


def relaxed(
    method: Method, rest: dict[str, float], some: Sequence[Atoms], *, observe: Callable[[], None] = lambda: None
) -> list[Atoms]:
    """Those of some compounds that come to rest, with their formation energy.

    Args:
        method: of the potential.
        rest: energies of the elements, eV/atom.
        some: compounds; not changed.
        observe: called after every compound.
    """
    from ase.filters import UnitCellFilter
    from ase.optimize import LBFGS

    from ase_voxpot.properties.formation import formation_energy

    calculator, found = method.make(), []
    for atoms in some:
        moved = atoms.copy()
        moved.calc = calculator
        # in cells of a few atoms FrechetCellFilter takes ten times as long as the potential, with its logarithms
        with LBFGS(UnitCellFilter(moved), logfile=None) as dynamics:  # type: ignore[arg-type]
            reached = dynamics.run(fmax=FMAX, steps=STEPS)
        formed = formation_energy(moved, float(moved.get_potential_energy()), rest)
        moved.calc = None
        moved.wrap()
        moved.set_cell(moved.cell.array.round(DIGITS))
        moved.positions = moved.positions.round(DIGITS)
        moved.info = {"formation_energy": round(formed, DIGITS + 1)}
        found += [moved] if reached else []
        observe()
    return found


@app.command()
def compounds(
    output: Annotated[Path, typer.Argument(help="Extended XYZ file.", show_default=False)],
    elements: Annotated[str, typer.Option(help="Elements of the potential, with commas.")] = "Nb,Mo,Ta,W",
    model: Annotated[str, typer.Option("--model", "-m", help="Name or path of a potential.")] = "nbmotaw",
    lattice: Annotated[str, typer.Option(help="One with one atom in its primitive cell.")] = "bcc",
    most: Annotated[int, typer.Option("--atoms", help="Largest number of atoms.", min=2)] = 6,
    longest: Annotated[float, typer.Option(help="Largest edge, Å.")] = 8.2,
    number: Annotated[
        int | None, typer.Option("--number", "-n", help="Compounds drawn at random; all by default.", min=1)
    ] = None,
    seed: Seed = 0,
    workers: Workers = 1,
    scheduler: Scheduler = None,
) -> None:
    """Enumerate ordered compounds, relax them with a potential and write them with their formation energies.

    Example: python -m voxpot_training.campaign.compounds bcc_compounds.extxyz.gz --number 2500
    """
    from ase_voxpot.methods import Method
    from ase_voxpot.plotting.screen import progress
    from ase_voxpot.properties.formation import elements_at_rest
    from ase_voxpot.storage.files import draft_of
    from voxpot_training.campaign.explore import write_structures

    try:
        method = Method(text=model)
        constants, rest = _constants(method, lattice, elements), elements_at_rest(method)
        everything = enumerated(constants, lattice=lattice, most=most, longest=longest)
        some = drawn(everything, number, seed)
        parts = [(method, rest, some[k : k + PORTION]) for k in range(0, len(some), PORTION)]
        steps = [len(portion) for *_, portion in parts]
        with progress("relaxing", len(some)) as step:
            portions = run_parts(relaxed, parts, workers=workers, scheduler=scheduler, observe=step, steps=steps)
            found = [atoms for portion in portions for atoms in portion]
        with draft_of(output) as draft:
            write_structures(draft, found)
    except VoxPotError as error:
        sys.stderr.write(f"{error}\n")
        raise typer.Exit(2) from None
    left = len(some) - len(found)
    typer.echo(f"wrote {output}: {len(found)} of {len(everything)} compounds; {left} did not come to rest")


def _constants(method: Method, lattice: str, elements: str) -> dict[str, float]:
    """Å, by element, of the card of the potential."""
    known: dict[str, float] = ((method.card or {}).get("lattice") or {}).get(lattice, {})
    symbols = [s.strip() for s in elements.split(",")]
    if foreign := [s for s in symbols if s not in known]:
        raise ConfigError(
            f"elements: expected some of {', '.join(known) or 'none'}, which {method.name} names in {lattice}; "
            f"got {', '.join(foreign)}"
        )
    return {s: known[s] for s in symbols}


if __name__ == "__main__":
    app()
