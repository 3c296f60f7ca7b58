"""Parts that the cards of all models share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

__all__ = ["Described", "count_parameters", "description", "heading"]


class Described(Protocol):
    """A config with words for the card."""

    @property
    def name(self) -> str:
        """Of the model, of its config and of its files."""

    @property
    def about(self) -> str:
        """Description of the model."""

    @property
    def validity(self) -> str:
        """Range of validity."""


def description(config: Described) -> dict[str, Any]:
    """The first entries of a card as data."""
    return {"name": config.name, "about": config.about, "validity": config.validity}


def heading(config: Described, facts: Sequence[str]) -> list[str]:
    """The first lines of a card as Markdown: description, facts, and the command that reproduces it."""
    return [
        f"# {config.name}",
        "",
        config.about,
        "",
        *(f"- {fact}" for fact in facts),
        f"- valid for: {config.validity or 'what the data hold'}",
        f"- made by: `voxpot train training/configs/{config.name}.toml`",
        "",
    ]


def count_parameters(network: nn.Module) -> int:
    """Number of trainable parameters."""
    return sum(p.numel() for p in network.parameters())
