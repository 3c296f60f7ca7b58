"""New crystals from a trained autoencoder: drawn from its priors, or on the way between two others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ase_voxpot.errors import ConfigError, WeightsError
from voxpot_crystals.latent.decoded import Decoded, sound
from voxpot_crystals.latent.priors.conditions import Conditions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Float

    from voxpot_crystals.latent.priors.fitting import Priors

__all__ = ["Codec", "Generator"]


class Codec(Protocol):
    """What a generator has to be told of an autoencoder."""

    @property
    def card(self) -> dict[str, Any]:
        """How it was made."""

    @property
    def priors(self) -> Priors | None:
        """Distributions of its latent vectors."""

    def see(self, atoms: Sequence[Atoms]) -> list[Any]:
        """Crystals, checked and as it looks at them."""

    def encode(self, seen: Sequence[Any]) -> Float[np.ndarray, "crystal latent"]:
        """Latent vectors."""

    def decode(self, latent: Float[np.ndarray, " latent"]) -> Decoded:
        """The crystal of one."""


@dataclass(frozen=True, slots=True)
class Generator:
    """A codec with what it takes to draw from it."""

    codec: Codec

    @property
    def priors(self) -> Priors:
        """The distributions of latent vectors.

        Raises:
            WeightsError: the model was trained without.
        """
        if self.codec.priors is None:
            raise WeightsError("expected a model with priors to draw from, got one without; train it with [prior]")
        return self.codec.priors

    @property
    def conditions(self) -> Conditions:
        """What may be asked for."""
        return self.codec.priors.conditions if self.codec.priors else Conditions()

    def sample(
        self,
        count: int,
        *,
        condition: Float[np.ndarray, " column"] | None = None,
        prior: str | None = None,
        rng: np.random.Generator,
    ) -> list[Decoded]:
        """``count`` draws; those that cannot be decoded, or are no crystal, say why.

        Args:
            count: of draws.
            condition: a row of ``conditions``.
            prior: its name; the best without.
            rng: draws.

        Raises:
            WeightsError: the model has no priors; ``ConfigError`` not this one.
        """
        latent = self.priors.named(prior).sample(count, condition, rng)
        return [sound(self.codec.decode(z)) for z in latent]

    def interpolate(self, first: Atoms, last: Atoms, steps: int) -> list[Decoded]:
        """Crystals on the straight line between two latent vectors, both ends with it.

        Raises:
            StructureError: either crystal cannot be encoded.
            ConfigError: fewer than two steps.
        """
        if steps < 2:
            raise ConfigError(f"expected two or more steps between two crystals, got {steps}")
        a, b = self.codec.encode(self.codec.see([first, last]))
        return [sound(self.codec.decode((1 - t) * a + t * b)) for t in np.linspace(0, 1, steps)]
