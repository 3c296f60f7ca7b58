"""The model card: what a potential was made from, how good it is, what it is good for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ase_voxpot.spec import encode

if TYPE_CHECKING:
    from ase_voxpot.potential import Potential
    from ase_voxpot.scoring import Figures, Scores
    from voxpot_training.config import TrainConfig
    from voxpot_training.splits import Split

__all__ = ["card_as_data", "card_as_markdown"]

COLUMNS = (
    ("frames", "frames"),
    ("energy_mae", "E MAE"),
    ("energy_mae_offset", "E MAE, offset fitted"),
    ("force_mae", "F MAE"),
    ("force_rmse", "F RMSE"),
    ("stress_mae", "stress MAE"),
)


def card_as_data(config: TrainConfig, split: Split, scores: Scores) -> dict[str, Any]:
    """What is stored with the weights."""
    return {
        "name": config.name,
        "about": config.about,
        "validity": config.validity,
        "lattice": config.lattice,
        "frames": {side: len(getattr(split, side)) for side in split.__slots__},
        "holdout": scores.to_json(model=config.name),
        "config": encode(config),
    }


def card_as_markdown(config: TrainConfig, split: Split, scores: Scores, potential: Potential) -> str:
    """The same for people, to lie beside the weights."""
    parameters = sum(p.numel() for p in potential.network.parameters())
    rows = [_row(name, figures) for name, figures in (*scores.groups.items(), ("**all**", scores.total))]
    return "\n".join(
        [
            f"# {config.name}",
            "",
            config.about,
            "",
            f"- species: {', '.join(config.model.species)}; cutoff {config.model.grid.cutoff:g} Å",
            f"- network: {config.model.network.kind}, {parameters:,} parameters; "
            f"{config.model.grid.n}³ voxels of {config.model.grid.spacing:g} Å, {config.model.grid.shells} shells",
            f"- data: {', '.join(source.file for source in config.data)}",
            f"- split by configuration block: {len(split.train)} frames to train on, {len(split.validation)} to "
            f"choose weights by, {len(split.holdout)} held out, {len(split.dropped)} in gaps",
            f"- start: {config.start or 'random weights'}",
            f"- valid for: {config.validity or 'what the data hold'}",
            f"- made by: `voxpot train training/configs/{config.name}.toml`",
            "",
            "Errors on the hold-out, in meV/atom, meV/Å and GPa:",
            "",
            f"| group | {' | '.join(title for _, title in COLUMNS)} |",
            f"|---|{'---|' * len(COLUMNS)}",
            *rows,
            "",
        ]
    )


def _row(name: str, figures: Figures) -> str:
    values = [getattr(figures, key) for key, _ in COLUMNS]
    shown = ["–" if v is None else str(v) if isinstance(v, int) else f"{v:.3g}" for v in values]
    return f"| {name} | {' | '.join(shown)} |"
