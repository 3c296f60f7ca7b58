"""Tables of errors of reconstructions."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from voxpot_crystals.latent.scores import ReconstructionScores

__all__ = ["score_rows", "score_table"]


def score_rows(scores: Mapping[str, Any]) -> dict[str, str]:
    """Names and values of all errors, as text."""

    def shown(key: str, form: str, factor: float = 1.0) -> str:
        return "–" if scores[key] is None else form.format(factor * scores[key])

    return {
        "wrong number of atoms": shown("wrong_count", "{:.2f} %", 100),
        "position error, actual": shown("position_actual", "{:.4f} Å"),
        "position error, detected": shown("position_detected", "{:.4f} Å"),
        "species error, actual": shown("species_actual", "{:.2f} %", 100),
        "species error, detected": shown("species_detected", "{:.2f} %", 100),
        "one-to-one distance (right counts)": shown("one_to_one", "{:.4f} Å"),
        "lengths": shown("length", "{:.4f} Å"),
        "angles": shown("angle", "{:.3f}°"),
        "StructureMatcher": shown("matched", "{:.1f} %", 100),
        "decodes that failed": f"{scores['failed']} of {scores['crystals']}",
    }


def score_table(scores: ReconstructionScores, *, title: str) -> Table:
    """All errors, one a row."""
    table = Table(title=title, show_header=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    for name, value in score_rows(asdict(scores)).items():
        table.add_row(name, value)
    return table
