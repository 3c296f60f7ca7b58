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
    symmetry_errors,
)
from voxpot_training.wholecell.calculator import WholeCellCalculator
from voxpot_training.wholecell.shadow import Run, loop_work, run_with_shadow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from voxpot_training.wholecell.assess import Errors
    from voxpot_training.wholecell.train import Study

__all__ = ["PAPER", "write_report"]

PAPER = {"obb-8": 0.01, "obb-16": 0.0075, "dense": 0.02, "ibb-16": 0.04}
"""Validation losses that Singh et al. give, read from their figures."""
SHIFTS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Å."""
LOOP = 0.05
"""Å, RMS displacement of an atom along each side of the closed path."""
START = 300.0
"""K, of the dynamics with the network's forces."""
SHOWN = 1000
"""Frames in their figure of forces."""


def write_report(study: Study, console: Console) -> None:
    """Assess all networks, draw, and write ``report.md`` and ``report.json``."""
    table_of_errors = {split: _errors_on(study, split) for split in study.splits}
    losses = {name: _last_losses(study, name) for name in _names(study)}
    nothing, springs = (table_of_errors["random"][k].loss for k in ("zero forces", "force constants"))
    logs = {name: study.log("random", name) for name in _names(study)}
    pictures.draw_losses(
        study.folder / "figure4.png",
        {k: v for k, v in logs.items() if k != "dense"},
        nothing=nothing,
        harmonic=springs,
    )
    largest = f"obb-{max(study.config.resolutions)}"
    inner = f"ibb-{max(study.config.resolutions)}"
    pictures.draw_dense(
        study.folder / "figure5.png", {k: logs[k] for k in ("dense", inner, "obb-8", largest)}, nothing=nothing
    )
    _draw_forces(study)
    pictures.draw_errors(study.folder / "errors.png", table_of_errors)
    scans = _scans(study)
    runs, work = _in_motion(study)
    found = {
        "losses": losses,
        "paper": PAPER,
        "zero_forces": nothing,
        "ordering": ordering(losses),
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
        draft.write_text(_markdown(study, found), encoding="utf-8")
    _show(console, found)


def _names(study: Study) -> list[str]:
    return [name for split, name in study.models if split == "random"]


def _last_losses(study: Study, name: str) -> dict[str, float]:
    train, valid = pictures.read_log(study.log("random", name))
    return {"training": float(train[-1]), "validation": float(valid.min())}


def ordering(losses: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    """Whether obb CNN < dense < ibb CNN holds for the finest grids, as in the paper.

    >>> ordering({"obb-8": {"validation": 1}, "dense": {"validation": 2}, "ibb-8": {"validation": 3}})["holds"]
    True
    """
    best = {box: min(v["validation"] for k, v in losses.items() if k.startswith(box)) for box in ("obb", "ibb")}
    three = {"obb CNN": best["obb"], "dense": losses["dense"]["validation"], "ibb CNN": best["ibb"]}
    return {"found": sorted(three, key=lambda k: three[k]), "holds": best["obb"] < three["dense"] < best["ibb"]}


def _errors_on(study: Study, split: str) -> dict[str, Errors]:
    """Every method on the validation frames of one split."""
    from ase_voxpot.weights import load_potential

    frames, rows = study.frames, study.splits[split].validation
    true = frames.forces[rows]
    out = baselines(frames, study.voxels("obb", 8), study.splits[split])
    scale = float(np.abs(frames.forces[study.splits[split].train]).max())
    for (of, name), model in study.models.items():
        if of == split and name in ("obb-8", "ibb-8", "dense"):
            said = model.of_voxels(study.voxels_for(model)[rows])
            label = "dense, obb-8" if name == "dense" else f"CNN, {name}"
            out[label] = errors(said, true, scale)
    some = rows[np.unique(np.linspace(0, len(rows) - 1, SHOWN).astype(int))]
    potential = load_potential(study.config.potential)
    said = potential_forces(potential, frames, list(map(int, some)))
    out[f"atom-centred potential ({study.config.potential})"] = errors(said, frames.forces[some], scale)
    return out


def _draw_forces(study: Study) -> None:
    model, rows = study.models["random", "obb-8"], study.splits["random"].validation[:SHOWN]
    rows = study.splits["random"].validation
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, SHOWN).astype(int))]
    said = model.of_voxels(study.voxels_for(model)[rows])
    title = f"obb-8, {len(rows)} validation frames of the random split"
    pictures.draw_forces(study.folder / "figure6.png", said, study.frames.forces[rows], title=title)


def _scans(study: Study) -> dict[str, Any]:
    config, split = study.config, study.splits["random"]
    spec = replace(config.voxels, box="obb", n=8)
    losses = gamma_scan(study.frames, spec, split, config.gammas, ("inside", "field", "occupied", "atoms"))
    rows = split.validation[np.unique(np.linspace(0, len(split.validation) - 1, 300).astype(int))]
    models = {k: study.models["random", k] for k in ("obb-8", "ibb-8", "dense")}
    explained = shift_scan(models, study.frames, rows, SHIFTS)
    pictures.draw_scans(study.folder / "scans.png", config.gammas, losses, SHIFTS, explained)
    symmetry = symmetry_errors(models["obb-8"], study.frames, rows)
    return {
        "gamma": {"gammas": config.gammas, "loss_over_zero_forces": losses},
        "shift": {"shifts": SHIFTS, "explained": explained},
        "symmetry": {k: asdict(v) for k, v in symmetry.items()},
    }


def _in_motion(study: Study) -> tuple[dict[str, Run], dict[str, float]]:
    """Dynamics from a validation frame near 300 K, and work around a closed path."""
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary

    from ase_voxpot.calculator import VoxPotCalculator
    from voxpot_training.wholecell.generate import calculator_of

    model, frames = study.models["random", "obb-8"], study.frames
    near = int(np.argmin(np.abs(np.array(frames.temperatures) - START)))
    valid = study.splits["random"].validation
    first = int(valid[frames.run[valid] == near][0])
    shadow = calculator_of(str(frames.about.get("calculator", "motaw")))[0]
    network = WholeCellCalculator(model)
    potential = VoxPotCalculator(study.config.potential)
    runs = {}
    for name, calculator in (("network", network), (study.config.potential, potential), ("shadow itself", shadow)):
        rng = np.random.default_rng(study.config.seed)
        atoms = frames.atoms(first)
        MaxwellBoltzmannDistribution(atoms, temperature_K=frames.temperatures[near], rng=rng)
        Stationary(atoms)
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


def _markdown(study: Study, found: Mapping[str, Any]) -> str:
    config, frames = study.config, study.frames
    lines = [
        f"# {config.name}: the voxel CNN over a whole cell, and its place",
        "",
        f"{len(frames):,} frames of {len(frames.numbers)} atoms at "
        f"{', '.join(f'{t:g}' for t in frames.temperatures)} K; {config.schedule.epochs} epochs; CNN of "
        f"{'/'.join(map(str, config.cnn.widths))} filters, dense network of {'/'.join(map(str, config.dense.widths))}, "
        f"dropout {config.cnn.dropout:g}; reading `{config.voxels.reading}`, γ = {config.voxels.gamma:g} "
        f"({config.voxels.gamma_is}).",
        "",
        "## What the paper shows",
        "",
        "Mean square of forces in units of the largest; the random split, whose validation frames stand between "
        "frames that were learned from. The paper does not tell its unit of force, so that its numbers can be "
        "compared with each other, not with ours.",
        "",
        "| network | training | validation | over zero forces | paper, validation |",
        "|---|---|---|---|---|",
    ]
    for name, loss in found["losses"].items():
        lines.append(
            f"| {name} | {loss['training']:.4f} | {loss['validation']:.4f} | "
            f"{loss['validation'] / found['zero_forces']:.3f} | {found['paper'].get(name, '–')} |"
        )
    lines += [
        f"| zero forces | – | {found['zero_forces']:.4f} | 1 | not given |",
        "",
        f"Order found: {' < '.join(found['ordering']['found'])}; that of the paper (obb CNN < dense < ibb CNN) "
        f"{'holds' if found['ordering']['holds'] else 'does not hold'}.",
        "",
        "![losses](figure4.png)",
        "![dense and CNN](figure5.png)",
        "![forces](figure6.png)",
        "",
        "## What it does not show",
        "",
        "Force MAE and RMSE in meV/Å, and the explained part of the squared forces, on three splits.",
        "",
        "| method | " + " | ".join(found["errors"]) + " |",
        "|---|" + "---|" * len(found["errors"]),
    ]
    methods = list(dict.fromkeys(name for row in found["errors"].values() for name in row))
    for name in methods:
        cells = [_cell(row.get(name)) for row in found["errors"].values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "![errors](errors.png)",
        "![scans](scans.png)",
        "",
        "The same crystals told in another way (obb-8):",
        "",
    ]
    lines += ["| | MAE meV/Å | explained |", "|---|---|---|"]
    lines += [f"| {k} | {v['mae']:.0f} | {v['explained']:.2f} |" for k, v in found["symmetry"].items()]
    lines += ["", "## In motion", ""]
    work = ", ".join(f"{k} {v:.1f} meV" for k, v in found["loop_work_meV"].items())
    lines += [f"Work of the forces around a closed path of {LOOP} Å per atom and side: {work}.", ""]
    lines += [
        "| forces of | drift of the shadow's energy, meV/atom/ps | hottest, K | ended early |",
        "|---|---|---|---|",
    ]
    for name, r in found["dynamics"].items():
        lines.append(f"| {name} | {r['drift_meV_per_atom_ps']:.2f} | {r['hottest_K']:.0f} | {r['end'] or 'no'} |")
    lines += ["", "![in motion](shadow.png)", ""]
    return "\n".join(lines)


def _cell(e: Mapping[str, float] | None) -> str:
    return "–" if e is None else f"{e['mae']:.0f} / {e['rmse']:.0f} ({e['explained']:.2f})"


def _show(console: Console, found: Mapping[str, Any]) -> None:
    rows = table("Validation loss, random split", "network", "training", "validation", "paper")
    for name, loss in found["losses"].items():
        rows.add_row(name, f"{loss['training']:.4f}", f"{loss['validation']:.4f}", str(found["paper"].get(name, "–")))
    rows.add_row("zero forces", "–", f"{found['zero_forces']:.4f}", "–")
    console.print(rows)
    console.print(f"order: {' < '.join(found['ordering']['found'])}")
    splits = list(found["errors"])
    rows = table("Force MAE / RMSE in meV/Å (explained part)", "method", *splits)
    for name in dict.fromkeys(name for row in found["errors"].values() for name in row):
        rows.add_row(name, *(_cell(found["errors"][s].get(name)) for s in splits))
    console.print(rows)
