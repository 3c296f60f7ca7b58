"""``voxpot select``: choose frames to label with DFT, by uncertainty."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ase_voxpot.cli.options import Device, Dtype, Json, Model, Strict
from ase_voxpot.cli.refusals import check_targets, tell_refused
from ase_voxpot.plotting.screen import console, progress_bar, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase_voxpot.selection import Selection

__all__ = ["select"]

SHOWN = 25
"""Picks in the table."""


def select(
    frames: Annotated[
        Path, typer.Argument(help="Structures in any format of ASE, labelled or not.", show_default=False)
    ],
    number: Annotated[int, typer.Option("--number", "-n", help="Largest number of picks.")] = 20,
    output: Annotated[Path, typer.Option("--output", "-o", help="Extended XYZ file for the picked frames.")] = Path(
        "picked.extxyz"
    ),
    min_uncertainty: Annotated[
        float | None,
        typer.Option(help="meV/atom, least uncertainty of a pick. The model's error in training by default."),
    ] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw the choice here; beside OUTPUT by default.")] = None,
    json: Json = None,
    strict: Strict = False,
    model: Model = "motaw",
    device: Device = "auto",
    dtype: Dtype = "float32",
) -> None:
    """Pick the frames whose DFT labels would reduce the uncertainty of a model most.

    The most uncertain frame comes first; then the most uncertain one given a label of the first, and so on, so
    that near copies are not picked. Stored energies and forces are not written to OUTPUT: they may be those of
    the model itself. Frames that the model cannot evaluate, such as those with an unknown element, are named
    on stderr and in the JSON file (refused), and the exit status is 1; with --strict the first of them ends
    the command with exit status 2, and so does a file that has no others.

    voxpot select md.extxyz --number 20 --output picked.extxyz
    voxpot select pool.extxyz.gz -n 100 --min-uncertainty 5 --json picked.json
    """
    from dataclasses import asdict

    import numpy as np
    from ase.io import write

    from ase_voxpot.frames.labels import read_each
    from ase_voxpot.plotting.figures import draw_selection
    from ase_voxpot.selection import select as choose
    from ase_voxpot.storage.files import draft_of, write_json
    from ase_voxpot.weights import load_potential

    picture = plot or output.with_suffix(".png")
    check_targets(output, json, plot=picture)
    potential = load_potential(model, device=device, dtype=dtype)  # type: ignore[arg-type]
    structures = read_each(frames)
    least = None if min_uncertainty is None else min_uncertainty / 1000
    with progress_bar() as bar:
        task = bar.add_task("frames", total=len(structures))
        found = choose(
            potential, structures, count=number, least=least, strict=strict, observe=lambda: bar.advance(task)
        )
    least = potential.known_uncertainty().calibration.noise if least is None else least
    if json is not None:
        picks = [asdict(p) for p in found.picks]
        write_json(json, {"model": model, "frames": len(structures), "picks": picks, "refused": found.refused})
    worst = [1000 * np.nanmax(found.before), 1000 * np.nanmax(found.after)]
    if not found.picks:
        console().print(
            f"all {len(structures) - len(found.refused)} frames are known to {worst[0]:.2f} meV/atom or better, "
            f"and only what is worse than {1000 * least:.2f} is worth a label: nothing picked, nothing written"
        )
        tell_refused(found.refused, len(structures), "looked at")
        return
    with draft_of(output) as draft:
        write(draft, [_bare(structures[p.frame], p.frame, p.uncertainty) for p in found.picks], format="extxyz")
    draw_selection(picture, found, least, title=f"{len(found.picks)} of {len(structures)} frames of {frames.name}")
    _print(found, structures, title=f"Picked from {frames} for {model}")
    console().print(f"the least certain frame: {worst[0]:.2f} meV/atom now, {worst[1]:.2f} with these labels")
    if len(found.picks) < number:
        console().print(f"no more than {len(found.picks)}: the rest would be known to {1000 * least:.2f} meV/atom")
    console().print(f"wrote {output}, {picture}", soft_wrap=True)
    tell_refused(found.refused, len(structures), "looked at")


def _bare(atoms: Any, number: int, uncertainty: float) -> Any:
    """A copy without stored results, with its number in the file and its uncertainty."""
    copy = atoms.copy()
    copy.info |= {"selected_frame": number, "selected_uncertainty": uncertainty}
    return copy


def _print(found: Selection, structures: Sequence[Any], *, title: str) -> None:
    heads = ("pick", "frame", "atoms", "formula", "σ\nmeV/atom", "σ after\nearlier picks", "least certain\natom, meV")
    rows = table(title, *heads, "extra-\npolation")
    for k, pick in enumerate(found.picks[:SHOWN]):
        atoms = structures[pick.frame]
        rows.add_row(
            str(k + 1),
            str(pick.frame),
            str(len(atoms)),
            atoms.get_chemical_formula(),
            f"{1000 * pick.uncertainty:.2f}",
            f"{1000 * pick.gain:.2f}",
            f"{1000 * pick.atom:.1f}",
            f"{pick.extrapolation:.2f}",
        )
    console().print(rows)
    if len(found.picks) > SHOWN:
        console().print(f"and {len(found.picks) - SHOWN} more")
