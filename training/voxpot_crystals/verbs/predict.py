"""``voxpot predict``: a property of crystals, from a model of their structure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ase_voxpot.cli.options import Crystals, Scheduler, Strict, Workers
from ase_voxpot.cli.refusals import check_targets, refuse_all, tell_refused
from ase_voxpot.cli.workers import run_parts
from ase_voxpot.plotting.screen import console, progress, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms

    from ase_voxpot.errors import VoxPotError
    from voxpot_crystals.regression.predict import Predictions, Predictor

__all__ = ["predict", "predicted", "predictions"]

PORTION = 64
"""Crystals that are predicted together, by whatever number of workers: sums depend on it in their last bits."""


def predict(
    frames: Crystals,
    model: Annotated[
        str, typer.Option("--model", "-m", help="Name of a shipped property model, or path of a model file.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV with the columns id, prediction, uncertainty.")
    ] = None,
    key: Annotated[
        str, typer.Option(help="Key of the true values in info, if known; that of the training by default.")
    ] = "",
    strict: Strict = False,
    workers: Workers = 1,
    scheduler: Scheduler = None,
) -> None:
    """Predict a property of every crystal of a file, with its uncertainty.

    One row per frame, in the order of the file, id from 0; on the screen without --output. Frames that carry the true
    value are scored. A crystal that the model does not support, such as one with partially occupied sites, has an
    empty prediction and a reason in the fourth column; the others are predicted, and the exit status is 1. With
    --strict the first such crystal ends the command with its number and exit status 2, and so does a file that has no
    others. Several workers take portions of the crystals; the numbers are those of one process.

    voxpot predict perovskites.extxyz --model hirshfeld-abo3 --output lattice.csv
    voxpot predict POSCAR --model cgcnn-formation
    voxpot predict many.extxyz.gz --model cgcnn-formation --output many.csv --workers 4
    """
    from ase_voxpot.frames.labels import read_each
    from ase_voxpot.storage.files import draft_of
    from voxpot_crystals.regression.predict import load_predictor

    check_targets(output)
    predictor = load_predictor(model)
    found = read_each(frames)
    with progress("crystals", len(found)) as step:
        result = predictions(predictor, model, found, strict=strict, workers=workers, scheduler=scheduler, observe=step)
    refuse_all(result.refused, len(found), frames)
    text = _as_csv(result)
    score = predictor.score(found, result, key)
    if output is None:
        typer.echo(text, nl=False)
    else:
        with draft_of(output) as draft:
            draft.write_text(text, encoding="utf-8")
        _report(predictor, result, score, f"{model} on {frames}", output)
    tell_refused(result.refused, len(found), "predicted")


def predictions(
    predictor: Predictor,
    model: str,
    found: Sequence[Atoms | VoxPotError],
    *,
    strict: bool = False,
    workers: int,
    scheduler: str | None,
    observe: Callable[[], None],
) -> Predictions:
    """Predictions for all crystals, portion by portion, by ``predictor`` or by workers that load the model.

    Args:
        predictor: the model.
        model: its shipped name or path.
        found: crystals, or errors of those that could not be read.
        strict: raise for the first invalid one.
        workers: processes of this machine.
        scheduler: of Dask, in place of workers.
        observe: called after every crystal.
    """
    from voxpot_crystals.regression.predict import joined

    def here(_: str, some: Sequence[Any], first: int, strict: bool, *, observe: Callable[[], None]) -> Predictions:
        return predictor.predict_each(some, strict=strict, first=first, observe=observe)

    parts = [(model, found[k : k + PORTION], k, strict) for k in range(0, len(found), PORTION)]
    steps = [len(some) for _, some, *_ in parts]
    function = here if workers == 1 and scheduler is None else predicted
    made = run_parts(function, parts, workers=workers, scheduler=scheduler, observe=observe, steps=steps)
    return joined(made, steps)


def predicted(
    model: str,
    found: Sequence[Atoms | VoxPotError],
    first: int,
    strict: bool,
    *,
    observe: Callable[[], None] = lambda: None,
) -> Predictions:
    """Predictions for a portion of the crystals.

    Args:
        model: shipped name or path.
        found: crystals, or errors of those that could not be read.
        first: number of the first of them, for messages.
        strict: raise for the first invalid one.
        observe: called after every crystal.
    """
    from voxpot_crystals.regression.predict import load_predictor

    return load_predictor(model).predict_each(found, strict=strict, first=first, observe=observe)


def _as_csv(result: Any) -> str:
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("id", "prediction", "uncertainty", *(["reason"] if result.refused else [])))
    for k, (v, s) in enumerate(zip(result.value, result.sigma, strict=True)):
        if k in result.refused:
            writer.writerow((k, "", "", result.refused[k]))
        else:
            writer.writerow((k, f"{v:.6g}", f"{s:.6g}", *([""] if result.refused else [])))
    return text.getvalue()


def _report(predictor: Any, result: Any, score: Any, title: str, output: Path) -> None:
    """Print the output file and the errors."""
    target = predictor.card.get("target", {})
    count = len(result.value) - len(result.refused)
    typer.echo(f"wrote {output}: {count} predictions of {target.get('name') or target.get('key', 'a property')}")
    if score is not None:
        figures, trust = score
        rows = table(f"{title}, in {target.get('unit', '')}", "crystals", "MAE", "RMSE", "r²", "within 1 σ")
        numbers = (figures.mae, figures.rmse, figures.r2, trust.within_68)
        rows.add_row(str(figures.crystals), *(f"{v:.4f}" for v in numbers))
        console().print(rows)
