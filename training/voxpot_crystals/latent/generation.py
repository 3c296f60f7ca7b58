"""New crystals from a trained autoencoder: samples of its priors, or interpolation between two crystals."""

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
    """Interface of an autoencoder for generators."""

    @property
    def card(self) -> dict[str, Any]:
        """The card of the model."""

    @property
    def priors(self) -> Priors | None:
        """Distributions of its latent vectors."""

    @property
    def doubtful(self) -> float:
        """Gap of latent vectors above which a decoded crystal is doubtful."""

    def aspects(self, atoms: Atoms) -> list[Any]:
        """One crystal in all ways in which it may have been encoded."""

    def see(self, atoms: Sequence[Atoms]) -> list[Any]:
        """Check crystals and convert them to inputs of the networks."""

    def encode(self, seen: Sequence[Any]) -> Float[np.ndarray, "crystal latent"]:
        """Latent vectors."""

    def decode(self, latent: Float[np.ndarray, " latent"]) -> Decoded:
        """The crystal of one."""


@dataclass(frozen=True, slots=True)
class Generator:
    """A codec with its priors."""

    codec: Codec

    @property
    def priors(self) -> Priors:
        """The distributions of latent vectors.

        Raises:
            WeightsError: the model has no priors.
        """
        if self.codec.priors is None:
            raise WeightsError("expected a model with priors to draw from, got one without; train it with [prior]")
        return self.codec.priors

    @property
    def conditions(self) -> Conditions:
        """Conditions that are supported."""
        return self.codec.priors.conditions if self.codec.priors else Conditions()

    def sample(
        self,
        count: int,
        *,
        condition: Float[np.ndarray, " column"] | None = None,
        prior: str | None = None,
        rng: np.random.Generator,
    ) -> list[Decoded]:
        """``count`` samples; those that cannot be decoded have a reason instead of a crystal.

        Args:
            count: number of samples.
            condition: a row of ``conditions``.
            prior: its name; the best by default.
            rng: random numbers.

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
