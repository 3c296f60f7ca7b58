"""The model card of a potential: data, training, errors, range of validity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ase_voxpot.network.outline import in_one_line
from ase_voxpot.spec import encode
from voxpot_training.cards import count_parameters, description, heading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase_voxpot.potential import Potential
    from ase_voxpot.scoring import Figures, Scores
    from voxpot_training.config import TrainConfig
    from voxpot_training.splits import Split

__all__ = ["card_as_data", "card_as_markdown", "learning_table"]

COLUMNS = (
    ("frames", "frames"),
    ("energy_mae", "E MAE"),
    ("energy_mae_offset", "E MAE, offset fitted"),
    ("force_mae", "F MAE"),
    ("force_rmse", "F RMSE"),
    ("stress_mae", "stress MAE"),
)


def card_as_data(
    config: TrainConfig,
    split: Split,
    scores: Scores,
    notes: Sequence[str] = (),
    learning: Sequence[Mapping[str, float]] = (),
) -> dict[str, Any]:
    """What is stored with the weights; ``notes`` are remarks on the labels, ``learning`` is a ``curve``."""
    return {
        **description(config),
        "method": None if config.method is None else encode(config.method),
        "lattice": config.lattice,
        "frames": {side: len(getattr(split, side)) for side in split.__slots__},
        "holdout": scores.to_json(model=config.name),
        "labels": list(notes),
        "learning": [dict(row) for row in learning],
        "config": encode(config),
    }


def card_as_markdown(
    config: TrainConfig,
    split: Split,
    scores: Scores,
    potential: Potential,
    uncertainty: dict[str, Any] | None,
    notes: Sequence[str] = (),
    learning: Sequence[Mapping[str, float]] = (),
) -> str:
    """The card as Markdown; ``notes`` and ``learning`` as in ``card_as_data``."""
    model, parameters = config.model, count_parameters(potential.network)
    facts = [
        f"species: {', '.join(model.species)}; cutoff {model.descriptor.cutoff:g} Å",
        f"network: {model.network.kind}, {parameters:,} parameters; {in_one_line(potential.spec)}",
        f"data: {', '.join(source.file for source in config.data)}",
        *(f"labels: {note}" for note in notes),
        f"split by configuration block: {len(split.train)} frames to train on, {len(split.validation)} to "
        f"choose weights by, {len(split.holdout)} held out, {len(split.dropped)} in gaps",
        f"start: {config.start or 'random weights'}",
    ]
    rows = [_row(name, figures) for name, figures in (*scores.groups.items(), ("**all**", scores.total))]
    return "\n".join(
        [
            *heading(config, facts),
            "Errors on the hold-out, in meV/atom, meV/Å and GPa:",
            "",
            f"| group | {' | '.join(title for _, title in COLUMNS)} |",
            f"|---|{'---|' * len(COLUMNS)}",
            *rows,
            "",
            *_uncertainty(uncertainty),
            *learning_table(learning),
        ]
    )


def _uncertainty(report: dict[str, Any] | None) -> list[str]:
    """Total results of ``judge``; empty for models without uncertainty."""
    if report is None:
        return []
    keys = ("sigma", "rms_error", "spearman", "within_68", "within_95")
    units = {"energy": "energy, meV/atom", "forces": "force components, meV/Å"}
    return [
        "Uncertainties on the hold-out, last-layer posterior scaled on the validation frames:",
        "",
        "| of | RMS σ | RMS error | rank correlation | within 1 σ (68 %) | within 2 σ (95 %) |",
        "|---|---|---|---|---|---|",
        *(
            f"| {unit} | {' | '.join('–' if report[k].get(key) is None else f'{report[k][key]:.3g}' for key in keys)} |"
            for k, unit in units.items()
        ),
        "",
    ]


def learning_table(learning: Sequence[Mapping[str, float]]) -> list[str]:
    """Lines of Markdown with a learning curve; none without one."""
    if not learning:
        return []
    return [
        "Validation errors while training, of the averaged weights:",
        "",
        "| minutes | E MAE, meV/atom | F MAE, meV/Å |",
        "|---|---|---|",
        *(f"| {row['minutes']:g} | {row['energy']:.3g} | {row['force']:.3g} |" for row in learning),
        "",
    ]


def _row(name: str, figures: Figures) -> str:
    values = [getattr(figures, key) for key, _ in COLUMNS]
    shown = ["–" if v is None else str(v) if isinstance(v, int) else f"{v:.3g}" for v in values]
    return f"| {name} | {' | '.join(shown)} |"
