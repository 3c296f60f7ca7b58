"""Crystals of the training as starts of an inversion.

Most crystals have the places of another compound.  Where the atoms of decoded fields do not lead to the latent
vector, the search begins at those of training crystals: of those with the nearest latent vectors, and of those whose
places are nearest to atoms by the decoded position field.  Such a start has the symmetry of its prototype exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from ase_voxpot.errors import ArchitectureError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from jaxtyping import Float, Int
    from torch import Tensor

    from voxpot_crystals.latent.structure_field.views import Seen

__all__ = ["PREFIX", "Prototypes"]

PREFIX = "prototypes."
"""Names of tensors that belong to prototypes begin with it."""
DIRECTIONS = 48
"""Principal components of latent vectors in which near ones are found."""
DIGITS = 1
"""Of fractions that make two sets of places one."""


@dataclass(frozen=True, slots=True)
class Prototypes:
    """Places and elements of crystals, the first atom of each at the origin of the view."""

    sizes: Int[np.ndarray, " crystal"]
    kinds: Int[np.ndarray, " atom"]
    fractions: Float[np.ndarray, "atom 3"]
    code: Float[np.ndarray, "crystal direction"]
    centre: Float[np.ndarray, " latent"]
    basis: Float[np.ndarray, "latent direction"]
    _distinct: dict[int, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, seen: Sequence[Seen], latent: Float[np.ndarray, "crystal latent"]) -> Prototypes:
        """Those of some crystals with their latent vectors."""
        kinds, fractions = [], []
        for crystal in seen:
            first = int(np.linalg.norm(crystal.positions, axis=1).argmin())
            order = np.r_[first, np.delete(np.arange(len(crystal.kinds)), first)]
            places = crystal.positions[order] @ np.linalg.inv(crystal.cell)
            kinds.append(crystal.kinds[order])
            fractions.append(places - places[0])
        centre = latent.mean(0)
        _, _, right = np.linalg.svd(latent - centre, full_matrices=False)
        basis = right[:DIRECTIONS].T
        sizes = np.array([len(k) for k in kinds])
        return cls(sizes, np.concatenate(kinds), np.concatenate(fractions), (latent - centre) @ basis, centre, basis)

    def tensors(self) -> dict[str, Tensor]:
        """For a model file."""
        names = ("sizes", "kinds", "fractions", "code", "centre", "basis")
        return {PREFIX + name: torch.from_numpy(np.asarray(getattr(self, name), np.float32)) for name in names}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], *, source: Path) -> Prototypes | None:
        """The inverse of ``tensors``, others ignored; None where there are none.

        Raises:
            ArchitectureError: tensors that do not fit together.
        """
        own = {k.removeprefix(PREFIX): v.double().numpy() for k, v in tensors.items() if k.startswith(PREFIX)}
        if not own:
            return None
        if not all(np.isfinite(array).all() for array in own.values()):
            raise ArchitectureError(f"{source}: its prototypes are not finite; train the model again")
        try:
            found = cls(
                own["sizes"].astype(int),
                own["kinds"].astype(int),
                own["fractions"],
                own["code"],
                own["centre"],
                own["basis"],
            )
        except KeyError as error:
            raise ArchitectureError(f"{source}: its prototypes lack {error}; train the model again") from None
        atoms, crystals = int(found.sizes.sum()), len(found.sizes)
        fits = found.kinds.shape == (atoms,) and found.fractions.shape == (atoms, 3) and len(found.code) == crystals
        fits &= bool((found.sizes > 0).all() and (found.kinds >= 0).all())
        if not fits or found.basis.shape != (len(found.centre), found.code.shape[1]):
            raise ArchitectureError(f"{source}: its prototypes do not fit together; train the model again")
        return found

    def near_latent(
        self, latent: Float[np.ndarray, " latent"], count: int
    ) -> list[tuple[Float[np.ndarray, "atom 3"], Int[np.ndarray, " atom"]]]:
        """Places and elements of the crystals with the nearest latent vectors, the nearest first."""
        squared = ((self.code - (latent - self.centre) @ self.basis) ** 2).sum(1)
        ends = np.cumsum(self.sizes)
        chosen = np.argsort(squared, kind="stable")[:count]
        return [
            (self.fractions[end - n : end], self.kinds[end - n : end])
            for end, n in zip(ends[chosen], self.sizes[chosen], strict=True)
        ]

    def near_field(
        self, distance: Callable[[Float[np.ndarray, "point 3"]], Float[np.ndarray, " point"]], atoms: int, count: int
    ) -> list[Float[np.ndarray, "atom 3"]]:
        """Sets of so many places that lie nearest to atoms, the nearest first.

        Args:
            distance: fractions to Å from the nearest atom, by a position field.
            atoms: number of places.
            count: of sets.
        """
        sets = self.distinct(atoms)
        if not len(sets):
            return []
        mean = distance(sets.reshape(-1, 3)).reshape(len(sets), atoms).mean(1)
        return list(sets[np.argsort(mean, kind="stable")[:count]])

    def distinct(self, atoms: int) -> Float[np.ndarray, "set atom 3"]:
        """Different sets of so many places, each atom of a crystal at the origin once."""
        if atoms not in self._distinct:
            known: dict[bytes, np.ndarray] = {}
            for end in np.cumsum(self.sizes)[self.sizes == atoms].tolist():
                places = self.fractions[end - atoms : end]
                for first in places:
                    # the slightest bit below 0 is 0
                    moved = np.mod(places - first + 1e-3, 1) - 1e-3
                    rounded = np.round(moved, DIGITS) % 1
                    order = np.lexsort(rounded.T)
                    at_origin = np.abs(moved[order]).max(1) < 1e-9
                    order = np.r_[order[at_origin], order[~at_origin]]
                    known.setdefault(rounded[order].tobytes(), moved[order])
            self._distinct[atoms] = np.array(list(known.values())).reshape(-1, atoms, 3)
        return self._distinct[atoms]
