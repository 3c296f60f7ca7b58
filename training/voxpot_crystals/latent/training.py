"""The end of every training of an autoencoder: priors of its latent vectors, then scores, card and pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from ase_voxpot.storage.files import write_json
from voxpot_crystals.latent.card import card_as_data, card_as_markdown
from voxpot_crystals.latent.pictures import draw_reconstructions
from voxpot_crystals.latent.priors.fitting import fit_priors
from voxpot_crystals.latent.scores import score_reconstructions
from voxpot_crystals.latent.tables import score_table
from voxpot_training.cards import Described

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from ase import Atoms
    from jaxtyping import Float
    from rich.console import Console

    from voxpot_crystals.latent.priors.conditions import Conditions
    from voxpot_crystals.latent.priors.fitting import PriorConfig

__all__ = ["Account", "Trained", "finish", "with_priors"]


class Trained(Described, Protocol):
    """A config with priors."""

    @property
    def prior(self) -> PriorConfig:
        """Config of the priors."""

    @property
    def seed(self) -> int:
        """Seed of random numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Functions and texts of one kind of autoencoder for saving and describing it."""

    save: Callable[[Path, Any], None]
    load: Callable[[Path], Any]
    facts: Callable[[Any, Any, Mapping[str, Any]], Sequence[str]]  # config, codec and card to lines of the card
    side: str  # name of the scored crystals
    published: Mapping[str, str]
    source: str  # of published values


def with_priors(
    codec: Any,
    latent: Float[np.ndarray, "crystal latent"],
    table: Float[np.ndarray, "crystal column"],
    conditions: Conditions,
    config: Trained,
    folder: Path,
    *,
    resume: bool,
) -> Any:
    """The codec with priors of its latent vectors; their energy distances are in its card."""
    priors, figures = fit_priors(
        latent, table, conditions, config.prior, folder / "prior", seed=config.seed, resume=resume
    )
    return replace(codec, priors=priors, card={"priors": figures})


def finish(
    account: Account,
    config: Described,
    codec: Any,
    crystals: Sequence[Atoms],
    folder: Path,
    *,
    training: Mapping[str, Any],
    console: Console,
) -> tuple[Any, Path]:
    """Reconstruct crystals that were not trained on; write the model, its card and its errors.

    Args:
        account: of this kind.
        config: of the training.
        codec: the trained codec, with a card.
        crystals: to score.
        folder: for all files.
        training: epochs and minutes.
        console: for the table of errors.

    Returns:
        The codec as it was written, and the model file.
    """
    model = folder / f"{config.name}.safetensors"
    account.save(model, codec)  # before further computation
    kept = account.load(model)  # scores are of the stored, rounded weights
    found = kept.reconstruct(crystals)
    scores = score_reconstructions(crystals, found)
    console.print(score_table(scores, title=f"{config.name} on {scores.crystals} {account.side} crystals"))
    card = card_as_data(config, scores, training, side=account.side) | kept.card
    account.save(model, replace(kept, card=card))
    write_json(model.with_suffix(".json"), asdict(scores))
    text = card_as_markdown(
        config,
        card,
        account.facts(config, kept, card),
        side=account.side,
        published=account.published,
        source=account.source,
    )
    model.with_suffix(".md").write_text(text, encoding="utf-8")
    draw_reconstructions(folder / "reconstructions.png", crystals, found)
    return kept, model
