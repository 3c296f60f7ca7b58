"""How well an autoencoder does: the card beside its weights."""

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
    """What is stored with the weights.

    Args:
        config: of the training.
        scores: on crystals that it did not see.
        training: what it took.
        side: what those crystals are called: validation or test.
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
    """The same for people, to lie beside the weights.

    Args:
        config: of the training.
        card: as data.
        facts: about networks, data and training.
        side: on which the scores of the card are.
        published: figures of others, by what ``score_rows`` calls ours.
        source: head of the column in which these stand.
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
    """How near the draws of every prior come to crystals that it has not seen."""
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
