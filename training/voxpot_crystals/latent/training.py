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
    """What a config says of the priors."""

    @property
    def prior(self) -> PriorConfig:
        """Which, and how."""

    @property
    def seed(self) -> int:
        """Of all that is random."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is peculiar to one kind of autoencoder when it is saved and described."""

    save: Callable[[Path, Any], None]
    load: Callable[[Path], Any]
    facts: Callable[[Any, Any, Mapping[str, Any]], Sequence[str]]  # config, codec and card to lines of the card
    side: str  # of the crystals that are scored
    published: Mapping[str, str]
    source: str  # of what is published


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
    """The codec, with distributions of its latent vectors; how near they come stands in its card."""
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
        codec: what was trained, with what is to stand in its card beside the scores.
        crystals: on the side that the account names.
        folder: for everything that is written.
        training: what it took.
        console: gets the table of errors.

    Returns:
        The codec as it was written, and the model file.
    """
    model = folder / f"{config.name}.safetensors"
    account.save(model, codec)  # before anything more is computed
    kept = account.load(model)  # what is scored is what is kept, rounded as it is
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
