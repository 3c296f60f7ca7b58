"""Table of errors and card of a property model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from ase_voxpot.spec import encode
from voxpot_training.cards import description, heading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxpot_crystals.regression.config import RegressionConfig
    from voxpot_crystals.regression.scores import Figures

__all__ = ["card_as_data", "card_as_markdown", "trial_table", "unit_of"]


def unit_of(config: RegressionConfig) -> str:
    """The unit of the target."""
    return f"log10 {config.target.unit}" if config.target.logarithm else config.target.unit


def trial_table(config: RegressionConfig, trials: Mapping[str, Mapping[str, Figures]]) -> Table:
    """Errors of the model and of the baselines, split by split."""
    table = Table(title=f"{config.target.name or config.target.key}, errors on the hold-out in {unit_of(config)}")
    for name in ("split by", "", "crystals", "MAE", "RMSE", "MSE", "r²"):
        table.add_column(name, justify="left" if name in ("split by", "") else "right")
    for by, found in trials.items():
        for k, (name, f) in enumerate(found.items()):
            cells = (f"{f.crystals}", f"{f.mae:.4f}", f"{f.rmse:.4f}", f"{f.mse:.5f}", f"{f.r2:.4f}")
            last, style = k == len(found) - 1, None if k else "bold"
            table.add_row("" if k else by, name, *cells, end_section=last, style=style)
    return table


def card_as_data(
    config: RegressionConfig,
    crystals: Mapping[str, int],
    left_out: Mapping[str, int],
    splits: Mapping[Any, Mapping[str, Mapping[str, float]]],
    uncertainty: Mapping[str, float],
) -> dict[str, Any]:
    """The card as JSON data."""
    return {
        **description(config),
        "target": encode(config.target),
        "crystals": dict(crystals),
        "left_out": dict(left_out),
        "splits": splits,
        "uncertainty": dict(uncertainty),
        "config": encode(config),
    }


def card_as_markdown(config: RegressionConfig, card: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    trust, crystals = card["uncertainty"], card["crystals"]
    left_out = "; ".join(f"{n} {reason}" for reason, n in card["left_out"].items()) or "none"
    facts = [
        f"predicts: {config.target.name or config.target.key}, {config.target.unit}",
        f"data: {', '.join(source.file for source in config.data)}",
        f"{crystals['trained on']} crystals to train on, {crystals['held out']} held out, split by "
        f"{config.split.by}; left out: {left_out}",
        f"ensemble of {config.members} networks, each validated on another part of the training data",
    ]
    rows = [
        f"| {by} | {name} | {f['crystals']} | {f['mae']:.4f} | {f['rmse']:.4f} | {f['r2']:.4f} |"
        for by, found in card["splits"].items()
        for name, f in found.items()
    ]
    return "\n".join(
        [
            *heading(config, facts),
            f"Errors on crystals {_how(config)}, in {unit_of(config)}; every split has a training of its own:",
            "",
            "| split by | | crystals | MAE | RMSE | r² |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            f"Uncertainties: root mean square σ {trust['sigma']:.4f}; {100 * trust['within_68']:.0f} % of the errors "
            f"within 1 σ, {100 * trust['within_95']:.0f} % within 2 σ; rank correlation of σ and error "
            f"{trust['spearman']:.2f}.",
            "",
        ]
    )


def _how(config: RegressionConfig) -> str:
    if config.split.holdout > 0:
        return "held out"
    return f"of {config.members} folds, each predicted by the member that was not trained on it"
