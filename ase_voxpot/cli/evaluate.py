"""``voxpot evaluate``: errors of a model on labelled frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from ase_voxpot.cli.options import Device, Dtype, Json, Model, Peers, Scheduler, Unconverged, Workers
from ase_voxpot.cli.refusals import check_targets, refuse_all, refuse_same_names, sift, tell_refused
from ase_voxpot.cli.workers import run_parts
from ase_voxpot.plotting.screen import console, progress, score_table, total_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ase import Atoms

    from ase_voxpot.methods import Method
    from ase_voxpot.potential import Potential
    from ase_voxpot.scoring import Prediction

__all__ = ["evaluate", "predicted"]

PORTION = 1024
"""Atoms of the frames that a peer predicts in one portion; those of a model are its batches."""


def evaluate(
    frames: Annotated[
        list[str],
        typer.Argument(
            help="Labelled structures in any format of ASE, systems of DeePMD-kit, or patterns.", show_default=False
        ),
    ],
    model: Model = "motaw",
    json: Json = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw predictions against labels here (PNG).")] = None,
    energy_key: Annotated[
        str, typer.Option(help="Energy in eV, in info or of the stored results; free_energy of these without it.")
    ] = "REF_energy",
    forces_key: Annotated[str, typer.Option(help="Forces in eV/Å, in arrays.")] = "REF_forces",
    stress_key: Annotated[str, typer.Option(help="Stress in eV/Å³, in info; may be missing.")] = "REF_stress",
    virial_key: Annotated[
        str,
        typer.Option(
            help="Virial in eV (six numbers: xx yy zz yz xz xy), where there is no stress; also: virial, virials."
        ),
    ] = "REF_virial",
    virial_sign: Annotated[
        int, typer.Option(help="Of stress × volume over virial: -1 as in GAP, GPUMD and nequip, or 1.")
    ] = -1,
    unconverged: Unconverged = False,
    peer: Peers = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    skip: Annotated[
        bool,
        typer.Option("--skip", help="Leave out frames that the model cannot take, name them, and end with status 1."),
    ] = False,
    device: Device = "auto",
    dtype: Dtype = "float32",
) -> None:
    """Score a model on labelled frames, per config_type and in total, other calculators beside it.

    Labels are read from the keys named, else from the results stored with the frames: the free energy, whose
    derivatives the forces are, if there is one. The output names the energy and the stress that were used.
    "offset" is the energy error after the best constant per element is taken off. A frame that the model cannot
    evaluate ends the command with its number and exit status 2, so that errors always refer to all frames; with
    --skip such frames are left out, and the remaining frames are renumbered. Several files, or a pattern such as
    'runs/*/OUTCAR', are scored together. Several workers take portions of the frames; the numbers are those of one
    process.

    voxpot evaluate test.extxyz.gz --model motaw --json scores.json
    voxpot evaluate vasprun.xml --plot parity.png
    voxpot evaluate runs/*/vasprun.xml.gz
    voxpot evaluate large.extxyz.gz --workers 4
    voxpot evaluate data.xyz --energy-key dft_energy --forces-key dft_forces
    voxpot evaluate test.extxyz.gz --peer snap=peers.py:make:snap
    """
    from ase_voxpot.frames.labelled import one_or_more, origins
    from ase_voxpot.frames.labels import LabelKeys, labels_of
    from ase_voxpot.methods import Method
    from ase_voxpot.scoring import score
    from ase_voxpot.storage.files import write_json
    from ase_voxpot.weights import load_potential

    check_targets(json, plot=plot)
    potential = load_potential(model, device=device, dtype=dtype)  # type: ignore[arg-type]
    peers = [Method(text=text, own=False) for text in peer or []]
    refuse_same_names([model, *(p.name for p in peers)])
    keys = LabelKeys(
        energy=energy_key, forces=forces_key, stress=stress_key, virial=virial_key, virial_sign=virial_sign
    )
    paths = [path for name in frames for path in one_or_more(name)]
    structures, places, refused, notes = _frames(paths, potential, skip=skip, unconverged=unconverged)
    labels = labels_of(structures, keys, places)
    result = origins([label.origin for label in labels], keys)
    predictions = _predictions(
        Method(text=model, device=device, dtype=dtype), structures, workers=workers, scheduler=scheduler, here=potential
    )
    scores = score(structures, labels, predictions)
    others = {
        method.name: score(structures, labels, _predictions(method, structures, workers=workers, scheduler=scheduler))
        for method in peers
    }
    if plot is not None:
        from ase_voxpot.plotting.figures import draw_parity

        draw_parity(plot, structures, labels, predictions, scores)
    if json is not None:
        beside = {"peers": [v.to_json(model=k) for k, v in others.items()]} if others else {}
        left = {"refused": refused} if refused else {}
        write_json(json, scores.to_json(model=model) | beside | left | {"labels": result, "notes": notes})
    for note in notes:
        typer.echo(f"voxpot: note: {note}", err=True)
    console().print(score_table(scores, title=f"{model} on {', '.join(frames[:3])}{' ...' if len(frames) > 3 else ''}"))
    for origin in result:
        console().print(origin, soft_wrap=True, markup=False, emoji=False)
    if others:
        console().print(total_table({model: scores, **others}, title="Side by side, all frames"))
    tell_refused(refused, len(structures) + len(refused), "scored")


def _frames(
    paths: list[Path], potential: Potential, *, skip: bool, unconverged: bool
) -> tuple[list[Atoms], list[str], dict[int, str], list[str]]:
    """Frames to score and their places, reasons for frames left out, and remarks on the files."""
    from ase_voxpot.frames.labelled import gather, only_converged
    from ase_voxpot.frames.labels import read_each, read_frames
    from ase_voxpot.scoring import refuse_unfit

    found = gather(paths, read_each if skip else read_frames)
    source = paths[0] if len(paths) == 1 else "the files"
    refused: dict[int, str] = {}
    if not skip:
        frames = cast("list[Atoms]", found.frames)
    else:

        def look(atoms: Atoms) -> Atoms:
            refuse_unfit(potential, atoms)
            return atoms

        kept, refused = sift(found.frames, look, strict=False)
        refuse_all(refused, len(found.frames), source)
        frames = list(kept.values())
        refused = {row: f"{found.places[row]}: {why}" if found.places else why for row, why in refused.items()}
    where = {id(atoms): place for atoms, place in zip(found.frames, found.places, strict=False)}
    frames, result = only_converged(frames, source, unconverged=unconverged)
    return frames, [where[id(atoms)] for atoms in frames if where], refused, [*found.notes, *result]


def _predictions(
    method: Method,
    frames: Sequence[Atoms],
    *,
    workers: int,
    scheduler: str | None,
    here: Potential | None = None,
) -> list[Prediction]:
    """Predictions for all frames, with a progress bar, ``here`` or by workers that take portions of them.

    A peer gets a new calculator for every portion, also in one process: a calculator may keep lists of neighbours,
    and with them the order of its sums.
    """
    from ase_voxpot.potential import portions
    from ase_voxpot.scoring import predict

    with progress("frames" if method.own else method.name, len(frames)) as step:
        if here is not None and workers == 1 and scheduler is None:
            return _watched(predict(here, frames), step)
        sizes = [len(atoms) for atoms in frames]
        cuts = portions(sizes) if method.own else portions(sizes, PORTION)
        parts = [(method, [atoms.copy() for atoms in frames[cut]], cut.start) for cut in cuts]
        steps = [len(some) for _, some, _ in parts]
        found = run_parts(predicted, parts, workers=workers, scheduler=scheduler, observe=step, steps=steps)
        return [prediction for some in found for prediction in some]


def predicted(
    method: Method, frames: Sequence[Atoms], first: int, *, observe: Callable[[], None] = lambda: None
) -> list[Prediction]:
    """Predictions for a portion of the frames by a new calculator.

    Args:
        method: of the energies.
        frames: the portion.
        first: number of its first frame, for messages.
        observe: called after every frame.
    """
    from ase_voxpot.scoring import predict, predict_with

    calculator = method.make()
    if method.own:
        return _watched(predict(calculator.potential, frames, first=first), observe)
    return _watched(predict_with(calculator, frames, first=first), observe)


def _watched(predictions: Iterable[Prediction], observe: Callable[[], None]) -> list[Prediction]:
    """All of them, with a call after each."""
    found = []
    for prediction in predictions:
        found.append(prediction)
        observe()
    return found
