"""The report of a study: what the paper shows, and what it does not."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.cli.common import table
from ase_voxpot.files import draft_of, write_json
from voxpot_training.wholecell import pictures
from voxpot_training.wholecell.assess import (
    baselines,
    errors,
    gamma_scan,
    potential_forces,
    shift_scan,
    spread,
    symmetry_errors,
)
from voxpot_training.wholecell.calculator import WholeCellCalculator
from voxpot_training.wholecell.nose_hoover import start as begin
from voxpot_training.wholecell.prose import LOOP, cell, markdown
from voxpot_training.wholecell.shadow import Run, loop_work, run_with_shadow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from voxpot_training.wholecell.assess import Errors
    from voxpot_training.wholecell.train import Entry, Study

__all__ = ["PAPER", "ordering", "write_report"]

PAPER = {"obb-8": 0.01, "obb-16": 0.0075, "dense": 0.02, "ibb-16": 0.04}
"""Validation losses that Singh et al. give, read from their figures."""
SHIFTS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Å."""
SETS = {False: "γ of the paper", True: "narrow γ"}
"""The two sets of networks."""
READINGS = ("field", "occupied", "inside", "atoms")
START = 300.0
"""K, of the dynamics with the network's forces."""
SHOWN = 1000
"""Frames in their figure of forces."""


def write_report(study: Study, console: Console) -> None:
    """Assess all networks, draw, and write ``report.md`` and ``report.json``."""
    table_of_errors = {split: _errors_on(study, split) for split in study.splits}
    nothing, springs = (table_of_errors["random"][k].loss for k in ("zero forces", "force constants"))
    losses, orders = {}, {}
    for narrow, label in SETS.items():
        _draw_training(study, narrow, nothing, springs)
        _draw_forces(study, narrow)
        losses[label] = {e.name: _last_losses(study, e) for e in study.entries("random", narrow=narrow)}
        for split in study.splits:
            of_split = {e.name: _last_losses(study, e) for e in study.entries(split, narrow=narrow)}
            zero = {"zero_forces": table_of_errors[split]["zero forces"].loss}
            orders[f"{label}, {split} split"] = ordering(of_split) | zero
    pictures.draw_errors(study.folder / "errors.png", table_of_errors)
    scans = _scans(study)
    runs, work = _in_motion(study)
    found = {
        "losses": losses,
        "paper": PAPER,
        "zero_forces": nothing,
        "force_constants": springs,
        "ordering": orders,
        "errors": {split: {k: asdict(v) for k, v in row.items()} for split, row in table_of_errors.items()},
        **scans,
        "loop_work_meV": work,
        "dynamics": {
            k: {"drift_meV_per_atom_ps": r.drift, "hottest_K": float(r.temperature.max()), "end": r.end}
            for k, r in runs.items()
        },
    }
    write_json(study.folder / "report.json", _finite(found))
    with draft_of(study.folder / "report.md") as draft:
        draft.write_text(markdown(study, found), encoding="utf-8")
    _show(console, found)


def _last_losses(study: Study, entry: Entry) -> dict[str, float]:
    train, valid = pictures.read_log(study.losses(entry))
    return {"training": float(train[-1]), "validation": float(valid[-1]), "best": float(valid.min())}


def ordering(losses: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Whether obb CNN < dense < ibb CNN holds at the end of training: the best obb, and ibb on the finest grid.

    >>> ordering({"obb-8": {"validation": 1}, "dense": {"validation": 2}, "ibb-8": {"validation": 3}})["holds"]
    True
    """
    outer = min((k for k in losses if k.startswith("obb")), key=lambda k: losses[k]["validation"])
    inner = max((k for k in losses if k.startswith("ibb")), key=lambda k: int(k.partition("-")[2]))
    names = {"obb CNN": outer, "dense": "dense", "ibb CNN": inner}
    three = {label: losses[name]["validation"] for label, name in names.items()}
    return {"validation": three, "holds": three["obb CNN"] < three["dense"] < three["ibb CNN"]}


def _errors_on(study: Study, split: str) -> dict[str, Errors]:
    """Every method on the validation frames of one split."""
    from ase_voxpot.weights import load_potential

    frames, rows = study.frames, study.splits[split].validation
    true = frames.forces[rows]
    scale = float(np.abs(frames.forces[study.splits[split].train]).max())
    narrow = study.spec(study.entries(split, narrow=True)[0])
    out = baselines(frames, study.voxels(replace(narrow, box="obb", n=8)), study.splits[split])
    for entry, model in study.models.items():
        if entry.split == split and entry.n == 8:
            said = model.of_voxels(study.voxels(study.spec(entry))[rows])
            label = f"{'dense' if entry.shape == 'dense' else 'CNN'}, {entry.box}-8, γ {study.spec(entry).gamma:g}"
            out[label] = errors(said, true, scale)
    some = spread(rows, SHOWN)
    said = potential_forces(load_potential(study.config.potential), frames, list(map(int, some)))
    out[f"atom-centred potential ({study.config.potential})"] = errors(said, frames.forces[some], scale)
    return out


def _draw_training(study: Study, narrow: bool, nothing: float, springs: float) -> None:
    logs = {e.name: study.losses(e) for e in study.entries("random", narrow=narrow)}
    end = "-narrow" if narrow else ""
    cnns = {k: v for k, v in logs.items() if k != "dense"}
    pictures.draw_losses(study.folder / f"figure4{end}.png", cnns, nothing=nothing, harmonic=springs)
    finest = max(study.config.resolutions)
    shown = dict.fromkeys(("dense", f"ibb-{finest}", "obb-8", f"obb-{finest}"))
    pictures.draw_dense(study.folder / f"figure5{end}.png", {k: logs[k] for k in shown}, nothing=nothing)


def _draw_forces(study: Study, narrow: bool) -> None:
    entry = next(e for e in study.entries("random", narrow=narrow) if e.name == "obb-8")
    rows = spread(study.splits["random"].validation, SHOWN)
    said = study.models[entry].of_voxels(study.voxels(study.spec(entry))[rows])
    title = f"obb-8, γ = {study.spec(entry).gamma:g}, {len(rows)} validation frames of the random split"
    path = study.folder / f"figure6{'-narrow' if narrow else ''}.png"
    pictures.draw_forces(path, said, study.frames.forces[rows], title=title)


def _scans(study: Study) -> dict[str, Any]:
    config, split = study.config, study.splits["random"]
    spec = replace(config.voxels, box="obb", n=8)
    losses = gamma_scan(study.frames, spec, split, config.gammas, READINGS)
    rows = spread(split.validation, 300)
    models = {
        f"{name}, γ {config.narrow:g}": study.model("random", name, narrow=True) for name in ("obb-8", "ibb-8", "dense")
    }
    explained = shift_scan(models, study.frames, rows, SHIFTS)
    pictures.draw_scans(study.folder / "scans.png", config.gammas, losses, SHIFTS, explained)
    return {
        "gamma": {"gammas": config.gammas, "loss_over_zero_forces": losses},
        "shift": {"shifts": SHIFTS, "explained": explained},
        "symmetry": {
            name: {k: asdict(v) for k, v in symmetry_errors(model, study.frames, rows).items()}
            for name, model in models.items()
        },
    }


def _in_motion(study: Study) -> tuple[dict[str, Run], dict[str, float]]:
    """Dynamics from a validation frame near 300 K, and work around a closed path."""
    from ase_voxpot.calculator import VoxPotCalculator
    from voxpot_training.wholecell.generate import calculator_of

    model, frames = study.model("random", "obb-8", narrow=True), study.frames
    near = int(np.argmin(np.abs(np.array(frames.temperatures) - START)))
    valid = study.splits["random"].validation
    first = int(valid[frames.run[valid] == near][0])
    shadow = calculator_of(str(frames.about.get("calculator", "motaw")))[0]
    network = WholeCellCalculator(model)
    potential = VoxPotCalculator(study.config.potential)
    runs = {}
    for name, calculator in (("network", network), (study.config.potential, potential), ("shadow itself", shadow)):
        atoms = frames.atoms(first)
        # twice the temperature is for atoms on their sites; these have their potential energy already
        moving = begin(atoms, frames.temperatures[near] / 2, np.random.default_rng(study.config.seed))
        atoms.set_velocities(moving.velocities)
        atoms.calc = calculator
        runs[name] = run_with_shadow(atoms, shadow, steps=study.config.steps)
    pictures.draw_shadow(study.folder / "shadow.png", runs)
    rng = np.random.default_rng(study.config.seed)
    sides = rng.normal(scale=LOOP / np.sqrt(3), size=(2, len(frames.numbers), 3))
    start = frames.positions[study.splits["random"].train].mean(axis=0, dtype=float) - sides.sum(axis=0) / 2
    said = {"network": network.model.forces, "shadow": lambda path: _ask(shadow, frames, path)}
    return runs, {k: 1000 * loop_work(f, start, sides) for k, f in said.items()}


def _ask(calculator: Any, frames: Any, path: np.ndarray) -> np.ndarray:
    atoms = frames.atoms(0)
    atoms.calc = calculator
    said = []
    for positions in path:
        atoms.set_positions(positions)
        said.append(atoms.get_forces())
    return np.array(said)


def _finite(data: Any) -> Any:
    """With None in the place of numbers that JSON does not know."""
    if isinstance(data, dict):
        return {k: _finite(v) for k, v in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(v) for v in data]
    return None if isinstance(data, float) and not np.isfinite(data) else data


def _show(console: Console, found: Mapping[str, Any]) -> None:
    for label, losses in found["losses"].items():
        rows = table(f"Loss, {label}, random split", "network", "training", "validation", "over zero forces", "paper")
        for name, loss in losses.items():
            share = loss["validation"] / found["zero_forces"]
            figures = (f"{loss['training']:.4f}", f"{loss['validation']:.4f}", f"{share:.3f}")
            rows.add_row(name, *figures, str(found["paper"].get(name, "–")))
        console.print(rows)
    for label, order in found["ordering"].items():
        said = " < ".join(sorted(order["validation"], key=lambda k: order["validation"][k]))
        console.print(f"{label}: {said}")
    splits = list(found["errors"])
    rows = table("Force MAE / RMSE in meV/Å (explained part)", "method", *splits)
    for name in dict.fromkeys(name for row in found["errors"].values() for name in row):
        rows.add_row(name, *(cell(found["errors"][s].get(name)) for s in splits))
    console.print(rows)
