"""Training of a property model from a config, for ``voxpot train``.

The folder of a training holds

    row/, pair/, …/member-0/ …      checkpoints and logs, per split and member
    NAME.safetensors, NAME.md       the model, with its card inside, and the card as text
    NAME.json                       all figures: splits × (model, baselines)
    NAME.png, learning.png          predictions on the hold-out; learning curves
    holdout.extxyz                  the crystals held out, with their target, to be scored again
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import StructureError
from ase_voxpot.plotting import screen
from ase_voxpot.spec import decode
from ase_voxpot.storage.files import write_json
from voxpot_crystals.regression.calibration import Calibration
from voxpot_crystals.regression.card import card_as_data, card_as_markdown, trial_table, unit_of
from voxpot_crystals.regression.composition import BASELINES
from voxpot_crystals.regression.config import load_regression
from voxpot_crystals.regression.crystals import LEAST, load_crystals
from voxpot_crystals.regression.ensemble import train_ensemble
from voxpot_crystals.regression.grouping import folds, held_out, with_support
from voxpot_crystals.regression.pictures import draw_holdout, draw_learning
from voxpot_crystals.regression.predict import Predictor, save_predictor
from voxpot_crystals.regression.scores import Figures, figures_of, trust_of
from voxpot_crystals.regression.unknown_elements import UnknownElements
from voxpot_training.config import run_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from voxpot_crystals.regression.config import Grouping, RegressionConfig
    from voxpot_crystals.regression.crystals import Crystals
    from voxpot_crystals.regression.method import Method

__all__ = ["run"]

SMALLER = 3
"""Members of the ensembles that are trained for the report alone."""


@dataclass(frozen=True, slots=True)
class Trial:
    """An ensemble trained on one split and its predictions for the rest."""

    by: Grouping
    predictor: Predictor
    held: np.ndarray
    predicted: np.ndarray
    sigma: np.ndarray
    figures: dict[str, Figures]  # of the model, under its name, and of the baselines


def run(method: Method, config: Path, *, out: Path | None = None, resume: bool = False, quick: bool = False) -> Path:
    """Train the model of ``config`` and score it beside baselines on the composition.

    Args:
        method: features and network.
        config: a TOML file, see ``regression.config``.
        out: folder for everything that is written; ``runs/NAME`` by default.
        resume: continue from the checkpoints of the folder.
        quick: two members, a few epochs, one split.

    Returns:
        The model file.
    """
    settings = load_regression(Path(config), quick=quick)
    folder = run_folder(out, settings.name)
    crystals = load_crystals(settings, Path(config).parent)
    wanted = decode(method.spec, settings.model, where="model")
    crystals, items = _seen(method, wanted, crystals)
    spec = method.adapt(wanted, crystals.atoms)
    console = screen.console()
    left_out = "; ".join(f"{n} left out: {reason}" for reason, n in crystals.dropped.items())
    console.print(f"[bold]{settings.name}[/]: {len(crystals.atoms)} crystals{'; ' + left_out if left_out else ''}")
    folder.mkdir(parents=True, exist_ok=True)
    trials: list[Trial] = []
    for by in dict.fromkeys((settings.split.by, *settings.split.also)):
        shorter = trials and settings.split.holdout > 0
        members = min(SMALLER, settings.members) if shorter else settings.members
        part = replace(settings, members=members)
        trials.append(_try(method, spec, part, crystals, items, folder / by, by=by, resume=resume))
    console.print(trial_table(settings, {t.by: t.figures for t in trials}))
    return _finish(settings, crystals, trials, folder)


def _seen(method: Method, wanted: Any, crystals: Crystals) -> tuple[Crystals, Sequence[Any]]:
    """The crystals that the method supports, and their features; others are left out and counted.

    Raises:
        StructureError: too few are supported.
    """
    spec = method.adapt(wanted, crystals.atoms)
    try:
        return crystals, method.prepare(crystals.atoms, spec)
    except StructureError as error:
        first = error
    kept = [row for row, crystal in enumerate(crystals.atoms) if _can_be_seen(method, spec, crystal)]
    if len(kept) < LEAST:
        raise first
    dropped = crystals.dropped | {f"that the model cannot see, the first {first}": len(crystals.atoms) - len(kept)}
    fewer = replace(
        crystals,
        atoms=[crystals.atoms[k] for k in kept],
        target=crystals.target[kept],
        dropped=dropped,
        support=crystals.support[kept],
    )
    return _seen(method, wanted, fewer)


def _can_be_seen(method: Method, spec: Any, crystal: Atoms) -> bool:
    try:
        method.prepare([crystal], spec)
    except StructureError:
        return False
    return True


def _try(
    method: Method,
    spec: Any,
    config: RegressionConfig,
    crystals: Crystals,
    items: Sequence[Any],
    folder: Path,
    *,
    by: Grouping,
    resume: bool,
) -> Trial:
    own, rng = np.flatnonzero(~crystals.support), np.random.default_rng(config.split.seed)
    kept, held = (own[rows] for rows in held_out([crystals.atoms[k] for k in own], by, config.split.holdout, rng))
    kept = with_support(crystals.atoms, crystals.support, kept, held, by)
    train = [crystals.atoms[k] for k in kept]
    calibration = Calibration.of(train, crystals.target[kept], config.offset, config.ridge)
    ensemble = train_ensemble(
        method,
        spec,
        config,
        train,
        [items[k] for k in kept],
        calibration.down(train, crystals.target[kept]),
        folder,
        by="row" if by == "element" else by,
        resume=resume,
        title=f"split by {by}",
    )
    predictor = Predictor(ensemble, calibration, UnknownElements.of(train), config.target.logarithm, {})
    scored = held if len(held) else own  # without a hold-out, by the members that were not trained on them
    if not len(held) and ensemble.left_out is not None and ensemble.left_out_sigma is not None:
        mean, sigma = ensemble.left_out[: len(own)], ensemble.left_out_sigma[: len(own)]
    else:
        mean, sigma = ensemble.predict([items[k] for k in scored.tolist()])
    predicted = calibration.known([crystals.atoms[k] for k in scored]) + calibration.spread * mean
    sides = [(kept, held)] if len(held) else _folds(crystals, own, config, by)
    figures = {config.name: figures_of(crystals.target[scored], predicted)} | _baselines(crystals, sides)
    return Trial(by, predictor, scored, predicted, calibration.spread * sigma, figures)


def _folds(
    crystals: Crystals, own: np.ndarray, config: RegressionConfig, by: Grouping
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The rows that each member of an ensemble was trained on and left out, where nothing is held out."""
    by = "row" if by == "element" else by
    sides = folds([crystals.atoms[k] for k in own], by, config.members, np.random.default_rng(config.seed))
    return [
        (with_support(crystals.atoms, crystals.support, own[kept], own[left], by), own[left]) for kept, left in sides
    ]


def _baselines(crystals: Crystals, sides: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, Figures]:
    """Baselines on the composition, trained and scored on the same rows."""
    figures = {}
    for name, baseline in BASELINES.items():
        try:
            predicted = [
                baseline([crystals.atoms[k] for k in kept], crystals.target[kept], [crystals.atoms[k] for k in held])
                for kept, held in sides
            ]
        except StructureError:  # a formula for perovskites, and these are others
            continue
        truth = np.concatenate([crystals.target[held] for _, held in sides])
        figures[name] = figures_of(truth, np.concatenate(predicted))
    return figures


def _finish(config: RegressionConfig, crystals: Crystals, trials: Sequence[Trial], folder: Path) -> Path:
    """Write model, card, figures and pictures."""
    from ase.io import write

    first, model = trials[0], folder / f"{config.name}.safetensors"
    truth = crystals.target[first.held]
    trust = asdict(trust_of(truth, first.predicted, first.sigma))
    splits = {t.by: {name: asdict(f) for name, f in t.figures.items()} for t in trials}
    held_out_rows = len(first.held) if config.split.holdout > 0 else 0
    sides = {"trained on": len(crystals.atoms) - held_out_rows, "held out": held_out_rows}
    card = card_as_data(config, sides, crystals.dropped, splits, trust)
    unknown_elements = replace(first.predictor.unknown_elements, error=_error_of_unknown_elements(trials))
    save_predictor(model, replace(first.predictor, unknown_elements=unknown_elements, card=card))
    write_json(model.with_suffix(".json"), {"splits": splits, "uncertainty": trust})
    model.with_suffix(".md").write_text(card_as_markdown(config, card), encoding="utf-8")
    how = "held out" if held_out_rows else "that a member did not see"
    quantity, unit = config.target.name or config.target.key, unit_of(config)
    draw_holdout(
        model.with_suffix(".png"),
        truth,
        first.predicted,
        first.sigma,
        first.figures[config.name],
        quantity=quantity,
        unit=unit,
        title=f"{config.name} on {len(truth)} crystals {how}, split by {first.by}",
    )
    logs = sorted((folder / first.by).glob("member-*/log.csv"))
    draw_learning(
        folder / "learning.png", logs, unit=unit, spread=first.predictor.calibration.spread, title=config.name
    )
    held = [crystals.atoms[k].copy() for k in first.held]
    for atoms, value in zip(held, truth, strict=True):
        atoms.info = {config.target.key: 10**value if config.target.logarithm else value}
    write(folder / "holdout.extxyz", held, format="extxyz")
    return model


def _error_of_unknown_elements(trials: Sequence[Trial]) -> float:
    """RMS error of the split by element, if there was one."""
    return next((next(iter(t.figures.values())).rmse for t in trials if t.by == "element"), 0.0)
