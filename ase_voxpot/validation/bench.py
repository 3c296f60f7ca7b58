"""Timing of a validation: ``python -m ase_voxpot.validation.bench``.

The run is molecular dynamics of a random 54-atom alloy with the model itself,
written as a vasprun.xml.  All of ``voxpot validate`` is timed, from
reading to the last picture, including the dynamics of the model.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from ase import units

if TYPE_CHECKING:
    from ase import Atoms

    from ase_voxpot.potential import Potential

__all__ = ["labelled_run", "main"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
TIMESTEP = 3.0
"""fs."""
TEMPERATURE = 1500.0
"""K."""


def labelled_run(potential: Potential, frames: int, *, structure: str, repeat: int, seed: int) -> list[Atoms]:
    """Dynamics with a model, with results in ``info`` for ``write_vasprun``.

    Args:
        potential: the model.
        frames: of the run, one per step.
        structure: a random alloy.
        repeat: cubic cells along each edge.
        seed: of decoration, momenta and noise.
    """
    from ase_voxpot.calculator import VoxPotCalculator
    from ase_voxpot.md.integrators import BUILD, Plan
    from ase_voxpot.structures import random_alloy

    rng = np.random.default_rng(seed)
    atoms = random_alloy(structure, repeat=repeat, rng=rng)
    atoms.calc = VoxPotCalculator(potential)
    spread = np.sqrt(atoms.get_masses() * units.kB * TEMPERATURE)[:, None]
    atoms.set_momenta(rng.normal(size=(len(atoms), 3)) * spread)
    plan = Plan(ensemble="nvt", temperature=TEMPERATURE, timestep=TIMESTEP)
    dynamics = BUILD["nvt"](atoms, plan, rng, 0.0)
    dynamics.run(100)
    out = []
    for _ in range(frames):
        dynamics.run(1)
        frame = atoms.copy()
        frame.info = {
            "energy": atoms.get_potential_energy(),
            "forces": atoms.get_forces(),
            "stress": atoms.get_stress(),
            "kinetic": atoms.get_kinetic_energy(),
        }
        out.append(frame)
    return out


@app.command()
def main(
    number: Annotated[int, typer.Option("--number", "-n", help="Frames of the run.")] = 1000,
    repeat: Annotated[int, typer.Option(help="Cubic cells along each edge; 3 are 54 atoms of bcc.")] = 3,
    structure: Annotated[str, typer.Option(help="A random alloy.")] = "bcc:MoTaW",
    model: Annotated[str, typer.Option("--model", "-m", help="Name or file.")] = "motaw",
    seed: Annotated[int, typer.Option(help="Seed of random numbers.")] = 0,
) -> None:
    """Time the validation of a generated run; threads follow OMP_NUM_THREADS."""
    from ase_voxpot.validation import read_run, validate, write_report
    from ase_voxpot.validation.writing import write_vasprun
    from ase_voxpot.weights import find_model, load_potential, read_header

    potential = load_potential(model)  # compiles, if it has to, while the run is made
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "vasprun.xml"
        made = labelled_run(potential, number, structure=structure, repeat=repeat, seed=seed)
        write_vasprun(place, made, timestep=TIMESTEP, temperature=TEMPERATURE)
        size = place.stat().st_size / 1e6
        clocks = [(time.perf_counter(), time.process_time())]

        def tick() -> None:
            clocks.append((time.perf_counter(), time.process_time()))

        run = read_run([place])
        tick()
        found = validate(potential, run, model=model, card=read_header(find_model(model))["card"], seed=seed)
        tick()
        write_report(found, Path(name) / "report")
        tick()
    typer.echo(f"{number} frames x {len(run.symbols)} atoms ({size:.0f} MB of vasprun.xml) with {model}")
    typer.echo(f"{'':<24}wall s   CPU s")
    parts = ("reading", "frames and dynamics", "report and pictures")
    for label, before, after in zip(parts, clocks, clocks[1:], strict=False):
        typer.echo(f"{label:<24}{after[0] - before[0]:6.1f}  {after[1] - before[1]:6.1f}")
    typer.echo(f"{'all':<24}{clocks[-1][0] - clocks[0][0]:6.1f}  {clocks[-1][1] - clocks[0][1]:6.1f}")


if __name__ == "__main__":
    app()
