"""``voxpot relax``: the nearest minimum of energy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ase_voxpot.cli.material import decoration_of, find_method, note_vacuum, open_atoms
from ase_voxpot.cli.options import (
    Decorate,
    Device,
    Dtype,
    Lattice,
    Model,
    Pressure,
    Repeat,
    Seed,
    Structure,
    Vacant,
)
from ase_voxpot.plotting.screen import console, table

if TYPE_CHECKING:
    from ase_voxpot.md.relaxation import Progress

__all__ = ["relax"]

UNFINISHED = 1
"""Exit status if forces exceed ``fmax``."""


def relax(
    structure: Structure,
    model: Model = "motaw",
    optimizer: Annotated[str, typer.Option(help="fire, bfgs or lbfgs.")] = "fire",
    fmax: Annotated[float, typer.Option(help="Largest force at the end, eV/Å.")] = 0.01,
    steps: Annotated[int, typer.Option(help="Largest number of steps (exit status 1 if reached).")] = 500,
    cell: Annotated[
        bool, typer.Option("--cell", help="Relax the cell, too; of a slab or wire along its periodic directions.")
    ] = False,
    pressure: Pressure = 0.0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the relaxed structure here, format by suffix.")
    ] = None,
    trajectory: Annotated[Path | None, typer.Option(help="Write every step here, .extxyz or .traj.")] = None,
    repeat: Repeat = 1,
    seed: Seed = 0,
    decorate: Decorate = False,
    vacant: Vacant = False,
    lattice: Lattice = None,
    device: Device = "auto",
    dtype: Dtype = "float32",
) -> None:
    """Relax atoms, and the cell if asked.

    voxpot relax POSCAR --fmax 0.005 -o CONTCAR.vasp
    voxpot relax bcc:MoTaW --repeat 3 --cell -o relaxed.extxyz
    voxpot relax slab.cif --optimizer lbfgs --trajectory path.traj
    """
    from ase_voxpot.errors import ConfigError
    from ase_voxpot.md.relaxation import relax as run

    if pressure and not cell:
        raise ConfigError("pressure: acts on a relaxing cell, add --cell")
    for target in (output, trajectory):
        _refuse_unwritable(target)
    method = find_method(model, device=device, dtype=dtype)
    atoms = open_atoms(
        structure, method, repeat=repeat, seed=seed, lattice=lattice, decoration=decoration_of(decorate, vacant)
    )
    if cell:
        note_vacuum(atoms)
    seen: list[Progress] = []
    frames: list[Any] = []

    def observe(progress: Progress) -> None:
        seen.append(progress)
        frames.append(_frame(atoms))

    last, reached = run(
        atoms,
        optimiser=optimizer,
        free="cell" if cell else "atoms",
        pressure=pressure,
        fmax=fmax,
        steps=steps,
        observe=observe,
    )
    _write(output, frames[-1:])
    _write(trajectory, frames)
    _print(seen, last, len(atoms), title=f"{optimizer} on {structure} with {model}")
    if not reached:
        typer.echo(f"voxpot: not relaxed to {fmax:g} eV/Å within {steps} steps", err=True)
        raise typer.Exit(UNFINISHED)


def _refuse_unwritable(path: Path | None) -> None:
    """Raise before the relaxation if the file cannot be written."""
    from ase.io.formats import UnknownFileTypeError, filetype, ioformats

    from ase_voxpot.errors import ConfigError
    from ase_voxpot.storage.files import make_parents

    if path is None:
        return
    make_parents(path)
    try:
        known = ioformats[filetype(str(path), read=False)].can_write
    except (UnknownFileTypeError, KeyError):
        known = False
    if not known:
        raise ConfigError(f"{path}: expected a name whose suffix is a format that ASE writes, such as .extxyz or .cif")


def _write(path: Path | None, frames: list[Any]) -> None:
    from ase.io import write

    from ase_voxpot.storage.files import draft_of

    if path is not None:
        with draft_of(path) as draft:
            write(draft, frames if len(frames) > 1 else frames[0])


def _frame(atoms: Any) -> Any:
    """A copy with its results."""
    from ase.calculators.singlepoint import SinglePointCalculator

    from ase_voxpot.peers import stress_or_none

    frame = atoms.copy()
    results = {name: atoms.calc.get_property(name, atoms) for name in ("energy", "forces")}
    frame.calc = SinglePointCalculator(frame, **results, stress=stress_or_none(atoms, apply_constraint=False))
    return frame


def _print(seen: list[Progress], last: Progress, atoms: int, *, title: str) -> None:
    """About twenty rows of the relaxation, and the final state."""
    rows = table(title, "step", "energy\neV", "energy\neV/atom", "max force\neV/Å", "max stress\nGPa")
    stride = max(1, len(seen) // 20)
    for progress in (*seen[:-1:stride], last):
        stress = "–" if progress.stress is None else f"{abs(progress.stress).max():.3f}"
        rows.add_row(
            str(progress.step),
            f"{progress.energy:.6f}",
            f"{progress.energy / atoms:.6f}",
            f"{progress.force:.5f}",
            stress,
        )
    out = console()
    out.print(rows)
    gained = 1000 * (last.energy - seen[0].energy) / atoms
    out.print(
        f"energy {seen[0].energy:.6f} → {last.energy:.6f} eV ({gained:+.3f} meV/atom), max force {last.force:.5f} eV/Å"
    )
    if last.stress is not None:
        out.print("stress xx yy zz yz xz xy (GPa): " + " ".join(f"{s:.4f}" for s in last.stress))
