"""Summary of the results of a study in sentences that depend on the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxpot_training.wholecell.config import WholeCellConfig

__all__ = ["findings"]

NETWORKS = ("CNN", "dense")
"""Prefixes of the names of whole-cell networks."""
EPOCHS = 500
"""Of the paper."""


def findings(config: WholeCellConfig, about: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """The report in short.

    Args:
        config: of the study.
        about: how the frames were made.
        found: all results of the report.
    """
    result = [
        _of_the_paper(config, found),
        _order(found),
        _generalisation(found),
        _atom_centred(config, found),
        *_shipped(config, found),
        _in_motion(found),
        *_reservations(config, about),
    ]
    return ["## In short", "", *(f"- {sentence}" for sentence in result), ""]


def _of_the_paper(config: WholeCellConfig, found: Mapping[str, Any]) -> str:
    losses, nothing = found["losses"]["γ of the paper"], found["others"]["zero forces"]
    best = min(losses, key=lambda name: losses[name]["best"])
    elsewhere = {
        split: min(order["validation"].values()) / order["others"]["zero forces"]
        for split in ("block", "temperature")
        for order in [found["ordering"][f"γ of the paper, {split} split"]]
    }
    return (
        f"With the paper's γ = {config.voxels.gamma:g} the best network of the random split, {best}, has "
        f"{losses[best]['best'] / nothing:.3f} of the loss of zero forces. Trained for the other splits, the best of "
        f"three ends at {elsewhere['block']:.3f} of it behind a gap in time and at {elsewhere['temperature']:.3f} on "
        "hotter frames; above 1 it would have been better to say zero."
    )


def _order(found: Mapping[str, Any]) -> str:
    holds = [label for label, order in found["ordering"].items() if order["holds"]]
    of_paper = found["ordering"]["γ of the paper, random split"]
    nothing = of_paper["others"]["zero forces"]
    three = ", ".join(f"{name} {loss / nothing:.3f}" for name, loss in of_paper["validation"].items())
    return (
        f"The paper's order, obb CNN < dense < ibb CNN, holds in {len(holds)} of {len(found['ordering'])} cases"
        f"{': ' + '; '.join(holds) if holds else ''}. In the paper's own case, its γ and a random split, the losses "
        f"over that of zero forces are: {three}."
    )


def _generalisation(found: Mapping[str, Any]) -> str:
    best = {split: _best_network(row) for split, row in found["errors"].items()}
    result = []
    for split, name in best.items():
        e = found["errors"][split][name]
        result.append(f"{e['mae']:.0f} meV/Å on the {split} split ({name}; {100 * e['explained']:.0f} % explained)")
    return (
        f"The best networks at 8³ err by {', '.join(result)}. Force constants fitted by least squares err by "
        f"{_maes(found, 'force constants')} meV/Å."
    )


def _best_network(row: Mapping[str, Mapping[str, float]]) -> str:
    return min((name for name in row if name.startswith(NETWORKS)), key=lambda name: row[name]["mae"])


def _maes(found: Mapping[str, Any], name: str) -> str:
    return " / ".join(f"{row[name]['mae']:.0f}" for row in found["errors"].values())


def _atom_centred(config: WholeCellConfig, found: Mapping[str, Any]) -> str:
    rows = found["errors"].values()
    energies = " / ".join(f"{row['atom-centred potential']['energy_mae']:.2f}" for row in rows)
    networks = [row[_best_network(row)]["mae"] / row["atom-centred potential"]["mae"] for row in rows]
    springs = [row["force constants"]["mae"] / row["atom-centred potential"]["mae"] for row in rows]
    return (
        f"The atom-centred potential, taught by the same frames in {config.potential.schedule.epochs} epochs, errs by "
        f"{_maes(found, 'atom-centred potential')} meV/Å and {energies} "
        f"meV/atom: {' / '.join(f'{ratio:.1f}' for ratio in networks)} times less than the best network, "
        f"{' / '.join(f'{ratio:.1f}' for ratio in springs)} times less than force constants."
    )


def _shipped(config: WholeCellConfig, found: Mapping[str, Any]) -> list[str]:
    """A sentence only where the potential of other data is the better one."""
    name = f"{config.shipped}, not of these frames"
    better = [s for s, row in found["errors"].items() if row[name]["mae"] < row["atom-centred potential"]["mae"]]
    if not better:
        return []
    maes = ", ".join(f"{found['errors'][split][name]['mae']:.0f} meV/Å" for split in better)
    return [
        f"On the {' and '.join(better)} split {config.shipped}, trained on other data, errs less ({maes}): what frames "
        "do not show, a potential does not learn from them."
    ]


def _in_motion(found: Mapping[str, Any]) -> str:
    largest = "; ".join(f"{name} {_short(run['largest_meV_per_atom'])}" for name, run in found["dynamics"].items())
    work = "; ".join(f"{name} {_short(value)}" for name, value in found["loop_work_meV"].items())
    return (
        f"In dynamics at constant energy that energy changes by up to so many meV/atom: {largest}. Around a closed "
        f"path forces do so many meV of work: {work}."
    )


def _short(value: float) -> str:
    """Three figures, where there is anything to tell."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) >= 0.01 else "less than 0.01"


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
