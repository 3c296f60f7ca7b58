"""The report of a study as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voxpot_training.wholecell.findings import findings
from voxpot_training.wholecell.motion import LOOP

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from voxpot_training.wholecell.study import Study

__all__ = ["NAMES", "energy_cell", "force_cell", "markdown"]

NAMES = ("zero forces", "force constants", "atom-centred potential")
"""Baselines in the table of losses, the worst first."""


def force_cell(e: Mapping[str, float]) -> str:
    """Errors of forces of one method on one split."""
    return f"{e['mae']:.0f} / {e['rmse']:.0f} ({e['explained']:.4f})".replace("(-0.0000)", "(0.0000)")


def energy_cell(e: Mapping[str, float]) -> str:
    """Errors of energies of one method on one split."""
    return f"{e['energy_mae']:.2f} / {e['energy_rmse']:.2f}"


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    heads = list(heads)
    return [_line(heads), _line("---" for _ in heads), *(_line(row) for row in rows), ""]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def markdown(study: Study, found: Mapping[str, Any]) -> str:
    """All tables and pictures, with explanations."""
    return "\n".join(
        [
            *_head(study),
            *findings(study.config, study.frames.about, found),
            *_shown(study, found),
            *_not_shown(study, found),
            *_in_motion(found),
        ]
    )


def _head(study: Study) -> list[str]:
    config, frames = study.config, study.frames
    kelvin = ", ".join(f"{t:g}" for t in frames.temperatures)
    filters, units = ("/".join(map(str, net.widths)) for net in (config.cnn, config.dense))
    return [
        f"# {config.name}: the voxel CNN over a whole cell, and its place",
        "",
        f"{len(frames):,} frames of {len(frames.numbers)} atoms at {kelvin} K, labelled by "
        f"{frames.about.get('calculator', 'others')}; {config.schedule.epochs} epochs; CNN of {filters} filters, dense "
        f"network of {units} units, dropout {config.cnn.dropout:g}; reading `{config.voxels.reading}`; γ as "
        f"{config.voxels.gamma_is}, {config.voxels.gamma:g} (paper) and {config.narrow:g} (narrow) in units of the "
        f"largest coordinate. Atom-centred potential of degree {config.potential.network.degree}, cutoff "
        f"{config.potential.descriptor.cutoff:g} Å, {config.potential.schedule.epochs} epochs.",
        "",
    ]


def _shown(study: Study, found: Mapping[str, Any]) -> list[str]:
    lines = [
        "## What the paper shows",
        "",
        "Loss: mean square of forces in units of the largest one that was learned from. Random split, whose "
        "validation frames stand between frames that were learned from; at the end of training, in brackets at the "
        "best epoch, which is the one that the models keep. The paper tells neither its unit of force nor "
        "the loss of zero forces: its numbers can be compared with each other only.",
        "",
        f"Beside them, in the same unit: {', '.join(f'{k} {v:.2g}' for k, v in found['others'].items())}.",
        "",
    ]
    first, second = found["losses"].values()
    heads = ("network", "training, γ of the paper", "validation", "over zero forces", "training, narrow γ")
    rows = [
        (
            name,
            *_losses(a, found["others"]["zero forces"]),
            *_losses(second[name], found["others"]["zero forces"]),
            str(found["paper"].get(name, "–")),
        )
        for name, a in first.items()
    ]
    lines += _table((*heads, "validation", "over zero forces", "validation in the paper"), rows)
    lines += [
        "Their order at the end of training, obb CNN (best grid) < dense < ibb CNN (finest grid), as in the paper:",
        "",
    ]
    rows = [
        (
            label,
            *(f"{o['validation'][k]:.4f}" for k in ("obb CNN", "dense", "ibb CNN")),
            *(f"{loss:.2g}" for loss in o["others"].values()),
            "yes" if o["holds"] else "no",
        )
        for label, o in found["ordering"].items()
    ]
    lines += _table(("", "obb CNN", "dense", "ibb CNN", *NAMES, "holds"), rows)
    for end, gamma in (("", study.config.voxels.gamma), ("-narrow", study.config.narrow)):
        lines += [f"Figures 4, 5 and 6 with γ = {gamma:g}:", ""]
        lines += [f"![{name}]({name}{end}.png)" for name in ("figure4", "figure5", "figure6")] + [""]
    return [*lines, "Figure 6 of the atom-centred potential:", "", "![figure6](figure6-potential.png)", ""]


def _losses(loss: Mapping[str, float], nothing: float) -> tuple[str, str, str]:
    both = f"{loss['validation']:.4f} ({loss['best']:.4f})"
    return f"{loss['training']:.4f}", both, f"{loss['validation'] / nothing:.3f}"


def _not_shown(study: Study, found: Mapping[str, Any]) -> list[str]:
    methods = dict.fromkeys(name for row in found["errors"].values() for name in row)
    lines = [
        "## What it does not show",
        "",
        "Force MAE / RMSE in meV/Å, and in brackets the explained part of the squared forces (zero forces: 0), on "
        "validation frames drawn at random, behind a gap in time (block), and hotter than all that was learned from "
        f"(temperature). The straight line is fitted to the voxels of obb-8 with γ = {study.config.narrow:g}. Force "
        "constants are fitted by least squares. The atom-centred potential learned from energies and forces of the "
        f"same frames; {study.config.shipped} is shipped, was trained on other data and never saw these frames.",
        "",
    ]
    splits = list(found["errors"])
    lines += _table(
        ("method", *splits), [(name, *(force_cell(found["errors"][s][name]) for s in splits)) for name in methods]
    )
    lines += [
        "Energy MAE / RMSE in meV/atom of what has one. To zero forces belongs the mean energy of the frames that "
        "were learned from, to force constants the energy of their symmetric part. Networks over the whole cell "
        "have no energy.",
        "",
    ]
    conserving = [name for name in methods if found["errors"][splits[0]][name]["energy_mae"] is not None]
    lines += _table(
        ("method", *splits), [(name, *(energy_cell(found["errors"][s][name]) for s in splits)) for name in conserving]
    )
    lines += ["![errors](errors.png)", "", "What is left in the voxels against γ, and of the forces when the crystal"]
    lines += ["moves against its grid:", "", "![scans](scans.png)", ""]
    names = list(found["symmetry"])
    told = found["symmetry"][names[0]]
    lines += ["The same crystals told in another way (MAE in meV/Å, explained part):", ""]
    rows = [
        (k, *(f"{found['symmetry'][n][k]['mae']:.0f} ({found['symmetry'][n][k]['explained']:.2f})" for n in names))
        for k in told
    ]
    return lines + _table(("", *names), rows)


def _in_motion(found: Mapping[str, Any]) -> list[str]:
    work = ", ".join(f"{k} {v:.2f} meV" for k, v in found["loop_work_meV"].items())
    rows = [
        (
            name,
            f"{r['largest_meV_per_atom']:.2f}",
            f"{r['drift_meV_per_atom_ps']:.2f}",
            f"{r['hottest_K']:.0f}",
            r["end"] or "no",
        )
        for name, r in found["dynamics"].items()
    ]
    return [
        "## In motion",
        "",
        f"Work of the forces around a closed path, {LOOP} Å per atom along each side: {work}.",
        "",
        "Velocity Verlet from a validation frame; the energy is that of the shadow, the potential that labelled the "
        "frames. It changes along with any forces that are not its own, by as much as two energies differ; forces that "
        "belong to no energy drive it on and on.",
        "",
        *_table(("forces of", "largest change, meV/atom", "drift, meV/atom/ps", "hottest, K", "ended early"), rows),
        "![in motion](shadow.png)",
        "",
    ]
