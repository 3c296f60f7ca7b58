"""New crystals from a structure field: drawn from its priors, or on the way between two others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import ConfigError, StructureError, WeightsError
from voxpot_training.crystals import check_crystal
from voxpot_training.priors.conditions import Conditions
from voxpot_training.structure_field.codec import Codec, Decoded, load_codec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms
    from jaxtyping import Float

    from voxpot_training.priors.fitting import Priors

__all__ = ["Generator", "load_generator", "train_conditions"]

MEASURED = ("atoms", "volume_per_atom")
"""What may be asked for beside elements: structures are all that the training set holds."""


def train_conditions(crystals: Sequence[Atoms]) -> Conditions:
    """What may be asked of a model that was trained on ``crystals``."""
    return Conditions.seen_in(crystals, measures=MEASURED)


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
        return [_sound(self.codec.decode(z)) for z in latent]

    def interpolate(self, first: Atoms, last: Atoms, steps: int) -> list[Decoded]:
        """Crystals on the straight line between two latent vectors, both ends with it.

        Raises:
            StructureError: either crystal cannot be encoded.
            ConfigError: fewer than two steps.
        """
        if steps < 2:
            raise ConfigError(f"expected two or more steps between two crystals, got {steps}")
        a, b = self.codec.encode(self.codec.see([first, last]))
        return [_sound(self.codec.decode((1 - t) * a + t * b)) for t in np.linspace(0, 1, steps)]


def _sound(decoded: Decoded) -> Decoded:
    """The same, unless atoms overlap."""
    if decoded.atoms is None:
        return decoded
    try:
        check_crystal(decoded.atoms)
    except StructureError:
        return Decoded(None, "overlapping atoms")
    return decoded


def load_generator(model: str | Path) -> Generator:
    """A model by its shipped name or path, to draw from.

    Raises:
        WeightsError: missing, damaged or foreign file; one of another kind.
    """
    return Generator(load_codec(model))
