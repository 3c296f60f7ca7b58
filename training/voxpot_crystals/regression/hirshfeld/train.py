"""What ``voxpot train`` runs for ``kind = "hirshfeld"``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import StructureError
from ase_voxpot.frames.labels import read_frames
from voxpot_crystals.regression.crystals import label_of
from voxpot_crystals.regression.hirshfeld.method import METHOD
from voxpot_crystals.regression.hirshfeld.pictures import draw_residuals
from voxpot_crystals.regression.perovskites import perovskite_of
from voxpot_crystals.regression.predict import load_predictor
from voxpot_crystals.regression.run import run as run_regression

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["draw_holdout_by_element", "run"]


def run(config: Path, *, out: Path | None = None, resume: bool = False, quick: bool = False) -> Path:
    """Train a network on fingerprints; see ``regression.run``.  Beside what that writes: ``residuals.png``."""
    model = run_regression(METHOD, config, out=out, resume=resume, quick=quick)
    draw_holdout_by_element(model)
    return model


def draw_holdout_by_element(model: Path) -> None:
    """Errors on the crystals beside a model that it was not trained on, by the elements on A and B."""
    predictor = load_predictor(model)
    if not predictor.card["crystals"]["held out"]:
        return
    frames, target = read_frames(model.with_name("holdout.extxyz")), predictor.card["target"]
    try:
        sites = [(who.a_site, who.b_site) for who in map(perovskite_of, frames)]
    except StructureError:  # other crystals have no A and B
        return
    truth = np.array([label_of(atoms, target["key"]) for atoms in frames])
    error = predictor.predict(frames)[0] - truth
    draw_residuals(model.with_name("residuals.png"), sites, error, unit=target["unit"])
