"""``voxpot predict``: a property of crystals, from a model of their structure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ase_voxpot.cli.options import Crystals, Strict
from ase_voxpot.cli.refusals import check_targets, refuse_all, tell_refused
from ase_voxpot.plotting.screen import console, progress_bar, table

__all__ = ["predict"]

FEW = 50
"""Largest number of crystals without a progress bar."""


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
) -> None:
    """Predict a property of every crystal of a file, with its uncertainty.

    One row per frame, in the order of the file, id from 0; on the screen without --output. Frames that carry the true
    value are scored. A crystal that the model does not support, such as one with partially occupied sites, has an
    empty prediction and a reason in the fourth column; the others are predicted, and the exit status is 1. With
    --strict the first such crystal ends the command with its number and exit status 2, and so does a file that has no
    others.

    voxpot predict perovskites.extxyz --model hirshfeld-abo3 --output lattice.csv
    voxpot predict POSCAR --model cgcnn-formation
    """
    from ase_voxpot.frames.labels import read_each
    from ase_voxpot.storage.files import draft_of
    from voxpot_crystals.regression.predict import load_predictor

    check_targets(output)
    predictor = load_predictor(model)
    found = read_each(frames)
    with progress_bar() as bar:
        shown = bar.track(found, description="crystals") if len(found) > FEW else found
        result = predictor.predict_each(shown, strict=strict)
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
