"""The card of an autoencoder."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ase_voxpot.spec import encode
from voxpot_crystals.latent.tables import score_rows
from voxpot_training.cards import description, heading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from voxpot_crystals.latent.scores import ReconstructionScores
    from voxpot_training.cards import Described

__all__ = ["card_as_data", "card_as_markdown"]


def card_as_data(config: Described, scores: ReconstructionScores, training: Any, *, side: str) -> dict[str, Any]:
    """The card as JSON data.

    Args:
        config: of the training.
        scores: on crystals that were not trained on.
        training: epochs and minutes.
        side: of those crystals: validation or test.
    """
    return {**description(config), side: asdict(scores), "training": training, "config": encode(config)}


def card_as_markdown(
    config: Described,
    card: Mapping[str, Any],
    facts: Sequence[str],
    *,
    side: str,
    published: Mapping[str, str],
    source: str,
) -> str:
    """The card as Markdown.

    Args:
        config: of the training.
        card: as data.
        facts: about networks, data and training.
        side: of the scores of the card.
        published: published values, by the names of ``score_rows``.
        source: heading of the column of these.
    """
    return "\n".join(
        [
            *heading(config, facts),
            f"Reconstruction of the {card[side]['crystals']} {side} crystals, nothing forced:",
            "",
            f"| | this model | {source} |",
            "|---|---|---|",
            *(f"| {name} | {value} | {published.get(name, '')} |" for name, value in score_rows(card[side]).items()),
            "",
            *_prior_lines(card.get("priors", {})),
        ]
    )


def _prior_lines(distance: Mapping[str, float]) -> list[str]:
    """Energy distance of the samples of every prior from held-out crystals."""
    if not distance:
        return []
    return [
        "Energy distance between latent vectors held out and those of training crystals, or drawn:",
        "",
        "| latent vectors | energy distance |",
        "|---|---|",
        *(f"| {'training' if name == 'training' else f'drawn, {name}'} | {d:.4f} |" for name, d in distance.items()),
        "",
    ]
