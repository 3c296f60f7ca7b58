"""``voxpot predict``: a property of crystals, from a model of their structure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ase_voxpot.cli.family import training_module
from ase_voxpot.cli.options import Crystals
from ase_voxpot.cli.refusals import check_targets
from ase_voxpot.screen import console, table

__all__ = ["predict"]


def predict(
    frames: Crystals,
    model: Annotated[
        str, typer.Option("--model", "-m", help="Name of a shipped property model, or path of a model file.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="CSV with the columns id, prediction, uncertainty.")
    ] = None,
    key: Annotated[str, typer.Option(help="Where the truth stands in info, if it is known; else as trained.")] = "",
) -> None:
    """Predict a property of every crystal of a file, with its uncertainty.

    One row per frame, in the order of the file, id from 0; on the screen without --output.
    Frames that carry the true value are scored. A frame that the model cannot take stops it all, by number.

    voxpot predict perovskites.extxyz --model hirshfeld-abo3 --output lattice.csv
    voxpot predict POSCAR --model cgcnn-formation
    """
    import csv
    import io

    from ase_voxpot.files import draft_of
    from ase_voxpot.labels import read_frames

    training = training_module("regression.predict", verb="predict")
    check_targets(output)
    predictor = training.load_predictor(model)
    crystals = read_frames(frames)
    value, sigma = predictor.predict(crystals)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("id", "prediction", "uncertainty"))
    writer.writerows((k, f"{v:.6g}", f"{s:.6g}") for k, (v, s) in enumerate(zip(value, sigma, strict=True)))
    found = predictor.score(crystals, value, sigma, key=key)
    if output is None:
        typer.echo(text.getvalue(), nl=False)
        return
    with draft_of(output) as draft:
        draft.write_text(text.getvalue(), encoding="utf-8")
    target = predictor.card.get("target", {})
    typer.echo(
        f"wrote {output}: {len(crystals)} predictions of {target.get('name') or target.get('key', 'a property')}"
    )
    if found is not None:
        figures, trust = found
        rows = table(f"{model} on {frames}, in {target.get('unit', '')}", "crystals", "MAE", "RMSE", "r²", "within 1 σ")
        numbers = (figures.mae, figures.rmse, figures.r2, trust.within_68)
        rows.add_row(str(figures.crystals), *(f"{v:.4f}" for v in numbers))
        console().print(rows)
