"""Frames like those of the paper: one near-random bcc alloy of 54 atoms at seven temperatures.

    python -m voxpot_training.wholecell.generate make frames
    python -m voxpot_training.wholecell.generate make frames --calculator peers.py:make:snap
    python -m voxpot_training.wholecell.generate gather frames --run 300=md300.extxyz --run 900=md900.extxyz

``make`` can be interrupted and restarted: after every segment the arrays are written, then the state of the
dynamics, and a repeated segment is identical to the last bit if the calculator is deterministic; kernels that Numba
has just compiled round forces differently from those read from its cache, by some 1e-7 eV/Å, after which
trajectories diverge. ``gather`` reads trajectories of other programs, such as dumps of LAMMPS.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from ase_voxpot.cli.options import renamed
from ase_voxpot.errors import ConfigError, DataError, DivergenceError, VoxPotError
from ase_voxpot.plotting.screen import console, progress_bar
from ase_voxpot.storage.files import draft_of
from voxpot_training.wholecell.frames import create, from_atoms, load, save
from voxpot_training.wholecell.nose_hoover import Chain, NoseHoover, start
from voxpot_training.wholecell.recipe import Recipe, calculator_of, decorate

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms

    from voxpot_training.wholecell.frames import FrameSet

__all__ = ["generate"]


def generate(folder: Path, recipe: Recipe, *, observe: Callable[[int], None] = lambda frames: None) -> FrameSet:
    """Make all frames of ``recipe`` that are missing in ``folder``.

    Args:
        folder: of the frames.
        recipe: parameters of the frames.
        observe: called with the number of frames that are there, after every segment.

    Raises:
        DataError: the folder holds frames of another recipe.
        DivergenceError: the dynamics diverged.
        VoxPotError: of the structure or the calculator.
    """
    from ase_voxpot.structures import open_structure

    calculator, card, identity = calculator_of(recipe.calculator)
    rng = np.random.default_rng(recipe.seed)
    atoms = open_structure(recipe.structure, repeat=recipe.repeat, rng=rng, constant=recipe.lattice, card=card)
    atoms, order = decorate(atoms, rng)
    per_run = recipe.frames // len(recipe.temperatures)
    about = asdict(recipe) | {"calculator": identity, "warren_cowley": round(order, 6)}
    about.pop("segment")
    store = create(folder, atoms.numbers, atoms.cell.array, recipe.temperatures, per_run, about)
    atoms.calc = calculator
    for run in range(len(recipe.temperatures)):
        _make_run(folder, recipe, atoms.copy(), calculator, store, run, observe)
    return load(folder)


def _make_run(
    folder: Path,
    recipe: Recipe,
    atoms: Atoms,
    calculator: Any,
    store: FrameSet,
    run: int,
    observe: Callable[[int], None],
) -> None:
    path, temperature = folder / f"run{run}.npz", recipe.temperatures[run]
    atoms.calc = calculator
    if path.is_file():
        done, chain = _recall(path)
    else:
        done, chain = 0, start(atoms, temperature, np.random.default_rng([recipe.seed, run]))
    first = run * store.per_run
    observe(first + done)
    while done < store.per_run:
        # new neighbour lists, so that a restarted run is identical to an uninterrupted one
        getattr(calculator, "forget", lambda: None)()
        dynamics = NoseHoover(atoms, chain, temperature=temperature, timestep=recipe.timestep, period=recipe.period)
        if done == 0:
            dynamics.run(recipe.settle)
        stop = min(done + recipe.segment, store.per_run)
        for frame in range(first + done, first + stop):
            dynamics.run(recipe.stride)
            store.positions[frame] = chain.positions
            store.forces[frame] = dynamics.forces
            store.energies[frame] = atoms.get_potential_energy()
        _refuse_diverged(store, first + done, first + stop, temperature)
        for array in (store.positions, store.forces, store.energies):
            array.flush()  # type: ignore[attr-defined]
        done = stop
        _remember(path, done, chain)  # after the frames: those beyond this state are made again
        observe(first + done)


def _refuse_diverged(store: FrameSet, start: int, stop: int, temperature: float) -> None:
    if not np.isfinite(store.forces[start:stop]).all() or np.abs(store.forces[start:stop]).max() > 1000:
        raise DivergenceError(
            f"the run at {temperature:g} K diverged before frame {stop}; take a shorter timestep or another calculator"
        )


def _remember(path: Path, done: int, chain: Chain) -> None:
    arrays = {name: getattr(chain, name) for name in chain.__slots__}
    with draft_of(path) as draft:
        np.savez(draft, done=np.array(done), **arrays)


def _recall(path: Path) -> tuple[int, Chain]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return int(file["done"]), Chain(*(file[name] for name in Chain.__slots__))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: expected the state of a run, got something else ({error}); remove it") from None


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.command(context_settings=renamed(frames="number"))
def make(
    folder: Annotated[Path, typer.Argument(help="Folder of the frames; existing ones are kept.")],
    calculator: Annotated[
        str, typer.Option(help="A shipped model, a weight file, or module:factory of an ASE calculator.")
    ] = "motaw",
    number: Annotated[int, typer.Option("--number", "-n", help="Frames in all.")] = 70_000,
    timestep: Annotated[float, typer.Option(help="fs.")] = 2.0,
    stride: Annotated[int, typer.Option(help="Steps from frame to frame.")] = 5,
    lattice: Annotated[float | None, typer.Option(help="Å; of the model's card without it.")] = None,
    seed: Annotated[int, typer.Option(help="Of decoration and velocities.")] = 0,
) -> None:
    """Molecular dynamics of bcc MoTaW, 54 atoms, at 100 to 1500 K.

    python -m voxpot_training.wholecell.generate make frames --number 7000
    """
    recipe = Recipe(calculator=calculator, frames=number, timestep=timestep, stride=stride, lattice=lattice, seed=seed)
    with progress_bar() as bar:
        task = bar.add_task("frames", total=recipe.frames)
        _report(generate(folder, recipe, observe=lambda done: bar.update(task, completed=done)), folder)


@app.command()
def gather(
    folder: Annotated[Path, typer.Argument(help="Folder of the frames.")],
    run: Annotated[list[str], typer.Option(help="TEMPERATURE=FILE, once per run, with energies and forces.")],
) -> None:
    """Frames of trajectories that ASE reads, of LAMMPS or VASP say.

    python -m voxpot_training.wholecell.generate gather frames --run 300=md300.extxyz --run 900=md900.extxyz
    """
    from ase_voxpot.frames.labelled import read_labelled

    runs, temperatures = [], []
    for text in run:
        kelvin, equals, file = text.partition("=")
        try:
            temperatures.append(float(kelvin))
        except ValueError:
            equals = ""
        if not equals:
            raise ConfigError(f"run: expected TEMPERATURE=FILE such as 300=md.extxyz, got {text!r}")
        found = read_labelled(file)
        for sentence in (*found.origins, *found.notes):
            typer.echo(f"{file}: {sentence}", err=True)
        runs.append(found.frames)
    _report(save(from_atoms(runs, temperatures), folder), folder)


def _report(found: FrameSet, folder: Path) -> None:
    rms = [float(np.sqrt((found.forces[found.run == r] ** 2).mean())) for r in range(len(found.temperatures))]
    result = ", ".join(f"{t:g} K {f:.2f}" for t, f in zip(found.temperatures, rms, strict=True))
    console().print(f"{len(found):,} frames of {len(found.numbers)} atoms in {folder}; RMS force in eV/Å: {result}")


def main() -> None:
    """Run the command line; errors are printed as one sentence, with exit status 2."""
    import sys

    try:
        app(standalone_mode=True)
    except VoxPotError as error:
        sys.stderr.write(f"voxpot: {error}\n")
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
