"""The report of a study."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.plotting.screen import table
from ase_voxpot.storage.files import draft_of, write_json
from voxpot_training.wholecell import pictures
from voxpot_training.wholecell.assess import (
    baselines,
    errors,
    gamma_scan,
    potential_errors,
    shift_scan,
    symmetry_errors,
    tolerant,
)
from voxpot_training.wholecell.atom_centred import ask
from voxpot_training.wholecell.motion import in_motion
from voxpot_training.wholecell.prose import NAMES, energy_cell, force_cell, markdown
from voxpot_training.wholecell.splits import spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from voxpot_training.wholecell.assess import Errors
    from voxpot_training.wholecell.study import Entry, Study

__all__ = ["PAPER", "ordering", "write_report"]

PAPER = {"obb-8": 0.01, "obb-16": 0.0075, "dense": 0.02, "ibb-16": 0.04}
"""Validation losses that Singh et al. give, read from their figures."""
SHIFTS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Å."""
SETS = {False: "γ of the paper", True: "narrow γ"}
"""The two sets of networks."""
READINGS = ("field", "occupied", "inside", "atoms")
SHOWN = 1000
"""Frames in their figure of forces."""


def write_report(study: Study, console: Console) -> None:
    """Assess all networks, draw, and write ``report.md`` and ``report.json``."""
    table_of_errors = {split: _errors_on(study, split) for split in study.splits}
    others = {split: {name: row[name].loss for name in NAMES} for split, row in table_of_errors.items()}
    losses, orders = {}, {}
    for narrow, label in SETS.items():
        _draw_training(study, narrow, others["random"])
        _draw_forces(study, narrow)
        losses[label] = {e.name: _last_losses(study, e) for e in study.entries("random", narrow=narrow)}
        for split in study.splits:
            of_split = {e.name: _last_losses(study, e) for e in study.entries(split, narrow=narrow)}
            orders[f"{label}, {split} split"] = ordering(of_split) | {"others": others[split]}
    _draw_potential(study)
    pictures.draw_errors(study.folder / "errors.png", table_of_errors)
    found = {
        "losses": losses,
        "paper": PAPER,
        "others": others["random"],
        "ordering": orders,
        "errors": {split: {k: asdict(v) for k, v in row.items()} for split, row in table_of_errors.items()},
        **_scans(study),
        **in_motion(study),
    }
    write_json(study.folder / "report.json", _finite(found))
    with draft_of(study.folder / "report.md") as draft:
        draft.write_text(markdown(study, found), encoding="utf-8")
    _show(console, found)


def _last_losses(study: Study, entry: Entry) -> dict[str, float]:
    train, valid = pictures.losses_of(study.losses(entry))
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
            result = model.of_voxels(study.voxels(study.spec(entry))[rows])
            label = f"{'dense' if entry.shape == 'dense' else 'CNN'}, {entry.box}-8, γ {study.spec(entry).gamma:g}"
            out[label] = errors(result, true, scale)
    out["atom-centred potential"] = potential_errors(study.potentials[split], frames, study.splits[split])
    shipped = load_potential(study.config.shipped)
    out[f"{study.config.shipped}, not of these frames"] = potential_errors(shipped, frames, study.splits[split])
    return out


def _draw_training(study: Study, narrow: bool, others: Mapping[str, float]) -> None:
    logs = {e.name: study.losses(e) for e in study.entries("random", narrow=narrow)}
    end = "-narrow" if narrow else ""
    cnns = {k: v for k, v in logs.items() if k != "dense"}
    pictures.draw_losses(study.folder / f"figure4{end}.png", cnns, others)
    finest = max(study.config.resolutions)
    shown = dict.fromkeys(("dense", f"ibb-{finest}", "obb-8", f"obb-{finest}"))
    pictures.draw_dense(study.folder / f"figure5{end}.png", {k: logs[k] for k in shown}, others)


def _draw_forces(study: Study, narrow: bool) -> None:
    entry = next(e for e in study.entries("random", narrow=narrow) if e.name == "obb-8")
    rows = spread(study.splits["random"].validation, SHOWN)
    result = study.models[entry].of_voxels(study.voxels(study.spec(entry))[rows])
    title = f"obb-8, γ = {study.spec(entry).gamma:g}, {len(rows)} validation frames of the random split"
    path = study.folder / f"figure6{'-narrow' if narrow else ''}.png"
    pictures.draw_forces(path, result, study.frames.forces[rows], title=title)


def _draw_potential(study: Study) -> None:
    """The same picture of forces for the atom-centred potential."""
    rows = spread(study.splits["random"].validation, SHOWN)
    _, result = ask(study.potentials["random"], study.frames, study.frames.positions[rows])
    title = f"atom-centred potential, {len(rows)} validation frames of the random split"
    path = study.folder / "figure6-potential.png"
    pictures.draw_forces(path, result, study.frames.forces[rows], title=title, by="potential")


def _scans(study: Study) -> dict[str, Any]:
    config, split = study.config, study.splits["random"]
    spec = replace(config.voxels, box="obb", n=8)
    losses = gamma_scan(study.frames, spec, split, config.gammas, READINGS)
    rows = spread(split.validation, 300)
    models = {
        f"{name}, γ {config.narrow:g}": study.model("random", name, narrow=True) for name in ("obb-8", "ibb-8", "dense")
    }
    potential, box = study.potentials["random"], next(m.box for m in models.values() if m.box is not None)
    asked = {name: tolerant(model) for name, model in models.items()}
    asked["atom-centred potential"] = lambda positions: ask(potential, study.frames, positions)[1]
    explained = shift_scan(asked, study.frames, rows, SHIFTS)
    pictures.draw_scans(study.folder / "scans.png", config.gammas, losses, SHIFTS, explained)
    told = {"force_scale": float(np.abs(study.frames.forces[split.train]).max()), "shift": box.edges[0][0] / spec.n / 2}
    return {
        "gamma": {"gammas": config.gammas, "loss_over_zero_forces": losses},
        "shift": {"shifts": SHIFTS, "explained": explained},
        "symmetry": {
            name: {k: asdict(v) for k, v in symmetry_errors(forces, study.frames, rows, **told).items()}
            for name, forces in asked.items()
        },
    }


def _finite(data: Any) -> Any:
    """A copy with None in place of numbers that are not finite."""
    if isinstance(data, dict):
        return {k: _finite(v) for k, v in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(v) for v in data]
    return None if isinstance(data, float) and not np.isfinite(data) else data


def _show(console: Console, found: Mapping[str, Any]) -> None:
    for label, losses in found["losses"].items():
        rows = table(f"Loss, {label}, random split", "network", "training", "validation", "over zero forces", "paper")
        for name, loss in losses.items():
            share = loss["validation"] / found["others"]["zero forces"]
            figures = (f"{loss['training']:.4f}", f"{loss['validation']:.4f}", f"{share:.3f}")
            rows.add_row(name, *figures, str(found["paper"].get(name, "–")))
        console.print(rows)
    for label, order in found["ordering"].items():
        result = " < ".join(sorted(order["validation"], key=lambda k: order["validation"][k]))
        console.print(f"{label}: {result}")
    splits = list(found["errors"])
    methods = dict.fromkeys(name for row in found["errors"].values() for name in row)
    forces = table("Force MAE / RMSE in meV/Å (explained part)", "method", *splits)
    energies = table("Energy MAE / RMSE in meV/atom; networks have none", "method", *splits)
    for name in methods:
        row = [found["errors"][split][name] for split in splits]
        forces.add_row(name, *map(force_cell, row))
        if row[0]["energy_mae"] is not None:
            energies.add_row(name, *map(energy_cell, row))
    console.print(forces, energies)
