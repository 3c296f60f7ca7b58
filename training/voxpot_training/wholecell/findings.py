"""What the figures of a study amount to, as sentences that are true of these figures and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxpot_training.wholecell.config import WholeCellConfig

__all__ = ["findings"]

NETWORKS = ("CNN", "dense")
"""How the names of networks over the whole cell begin."""
EPOCHS = 500
"""Of the paper."""


def findings(config: WholeCellConfig, about: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """The report in short.

    Args:
        config: of the study.
        about: how the frames were made.
        found: all figures of the report.
    """
    said = [
        _of_the_paper(config, found),
        _order(found),
        _generalisation(config, found),
        _atom_centred(found),
        _in_motion(found),
        *_reservations(config, about),
    ]
    return ["## In short", "", *(f"- {sentence}" for sentence in said), ""]


def _of_the_paper(config: WholeCellConfig, found: Mapping[str, Any]) -> str:
    losses, nothing = found["losses"]["γ of the paper"], found["others"]["zero forces"]
    best = min(losses, key=lambda name: losses[name]["best"])
    share = losses[best]["best"] / nothing
    elsewhere = {
        split: min(order["validation"].values()) / order["others"]["zero forces"]
        for split in ("block", "temperature")
        for order in [found["ordering"][f"γ of the paper, {split} split"]]
    }
    apart = " and ".join(f"{ratio:.3f} of it on the {split} split" for split, ratio in elsewhere.items())
    return (
        f"With the γ = {config.voxels.gamma:g} of the paper the best network of the random split, {best}, ends at "
        f"{share:.3f} of the loss of zero forces; the best of three at the end of training at {apart}. Below 1 "
        "something was learned."
    )


def _order(found: Mapping[str, Any]) -> str:
    holds = [label for label, order in found["ordering"].items() if order["holds"]]
    of_paper = found["ordering"]["γ of the paper, random split"]
    nothing = of_paper["others"]["zero forces"]
    three = ", ".join(f"{name} {loss / nothing:.3f}" for name, loss in of_paper["validation"].items())
    return (
        f"The paper's order, obb CNN < dense < ibb CNN, holds in {len(holds)} of {len(found['ordering'])} cases"
        f"{': ' + '; '.join(holds) if holds else ''}. With its own γ and split the three losses are, over that of "
        f"zero forces: {three}."
    )


def _generalisation(config: WholeCellConfig, found: Mapping[str, Any]) -> str:
    best = {split: _best_network(row) for split, row in found["errors"].items()}
    errors = {split: found["errors"][split][name] for split, name in best.items()}
    networks = ", ".join(
        f"{errors[split]['mae']:.0f} meV/Å ({split}: {name}, {100 * errors[split]['explained']:.0f} % of the squared "
        "forces)"
        for split, name in best.items()
    )
    springs = " / ".join(f"{row['force constants']['mae']:.0f}" for row in found["errors"].values())
    return (
        f"The best network at 8³, with γ = {config.narrow:g} or that of the paper, errs by {networks}. Fitted force "
        f"constants, which are a straight line, err by {springs} meV/Å on the same frames."
    )


def _best_network(row: Mapping[str, Mapping[str, float]]) -> str:
    return min((name for name in row if name.startswith(NETWORKS)), key=lambda name: row[name]["mae"])


def _atom_centred(found: Mapping[str, Any]) -> str:
    rows = found["errors"]
    own = {split: row["atom-centred potential"] for split, row in rows.items()}
    ratio = {split: rows[split][_best_network(rows[split])]["mae"] / e["mae"] for split, e in own.items()}
    return (
        "The atom-centred potential, taught by the same frames, errs by "
        + ", ".join(f"{e['mae']:.0f} meV/Å and {e['energy_mae']:.2f} meV/atom ({split})" for split, e in own.items())
        + ": less than the best network by factors of "
        + ", ".join(f"{factor:.1f}" for factor in ratio.values())
        + "."
    )


def _in_motion(found: Mapping[str, Any]) -> str:
    drifts = ", ".join(f"{name} {run['drift_meV_per_atom_ps']:.2g}" for name, run in found["dynamics"].items())
    work = ", ".join(f"{name} {value:.2g}" for name, value in found["loop_work_meV"].items())
    return (
        f"Dynamics at constant energy drift by so many meV/atom/ps: {drifts}. Around a closed path forces do so many "
        f"meV of work: {work}."
    )


def _reservations(config: WholeCellConfig, about: Mapping[str, Any]) -> list[str]:
    out = ["Every network was trained once, from one seed: how far another seed moves a loss is not known."]
    if config.schedule.epochs < EPOCHS:
        out.append(
            f"{config.schedule.epochs} epochs of networks narrower than the paper's, not its {EPOCHS}: losses that "
            "were still falling say less about the method than about the time it was given."
        )
    engine = str(about.get("calculator", ""))
    if engine and ":" not in engine:
        out.append(
            f"The labels are those of {engine}, itself an atom-centred potential with a short cutoff, which "
            "another one can follow closely; frames of another engine (`frames.calculator`, or `data`) are a harder "
            "test of it, but not of the networks."
        )
    return out
