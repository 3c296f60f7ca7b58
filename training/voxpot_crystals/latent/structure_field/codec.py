"""A trained model: crystals to latent vectors, and latent vectors to crystals.

A decode can fail: no atom, or an impossible lattice.  The result then has a reason instead of a
crystal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ase import Atoms
from ase.data import atomic_numbers

from ase_voxpot.errors import ArchitectureError, StructureError
from voxpot_crystals.latent.decoded import Decoded
from voxpot_crystals.latent.files import keep, read
from voxpot_crystals.latent.priors.files import PREFIX, PriorSpec
from voxpot_crystals.latent.structure_field.batches import collate
from voxpot_crystals.latent.structure_field.flow import FlowSpec, find_atoms, ranked_atoms
from voxpot_crystals.latent.structure_field.inversion import SOLVED, Inversion, Trial, trial_of
from voxpot_crystals.latent.structure_field.periodic import PeriodicField, PeriodicSpec
from voxpot_crystals.latent.structure_field.prototypes import PREFIX as OF_PROTOTYPES, Prototypes
from voxpot_crystals.latent.structure_field.published import PublishedField, PublishedSpec
from voxpot_crystals.latent.structure_field.queries import SPECIES
from voxpot_crystals.latent.structure_field.search import (
    CLEAR,
    find_among,
    find_crystal,
    other_choices,
    other_numbers,
)
from voxpot_crystals.latent.structure_field.views import TorusView, view_of
from voxpot_crystals.latent.trust import DOUBTFUL
from voxpot_crystals.structures.checks import check_crystal, origin_atom, origin_element
from voxpot_crystals.structures.lattice import log_gram, turned_to
from voxpot_training.artifacts import fill

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from jaxtyping import Float, Int

    from voxpot_crystals.latent.priors.fitting import Priors
    from voxpot_crystals.latent.structure_field.views import Seen, View

__all__ = ["Codec", "CodecSpec", "load_codec", "make_field", "save_codec", "with_prototypes"]

KIND = "structure_field"
ENCODED = 256
"""Crystals of a batch."""
INEXACT = 5e-3
"""Gap above which an inversion has not come to the crystal that was encoded."""
RARE = 0.02
"""Probability below which numbers of atoms and elements are not considered."""
NUMBERS, ALIKE = 3, 16
"""Numbers of atoms for which prototypes are tried, and prototypes of each."""
PALETTE = 8
"""Most elements that are considered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecSpec:
    """Networks and reconstruction."""

    model: PublishedSpec | PeriodicSpec
    flow: FlowSpec
    prior: PriorSpec | None = None  # if there is one


def make_field(spec: PublishedSpec | PeriodicSpec) -> PublishedField | PeriodicField:
    """Networks with random weights."""
    return PublishedField(spec) if isinstance(spec, PublishedSpec) else PeriodicField(spec)


@dataclass(frozen=True, slots=True)
class Codec:
    """Encoder, decoder and the flow of particles between field and atoms."""

    spec: CodecSpec
    network: PublishedField | PeriodicField
    card: dict[str, Any]
    priors: Priors | None = None
    prototypes: Prototypes | None = None

    @property
    def doubtful(self) -> float:
        """Gap of latent vectors above which a decoded crystal is doubtful."""
        return INEXACT if isinstance(self.network, PeriodicField) else DOUBTFUL

    @property
    def view(self) -> View:
        """Conversion of crystals to inputs of the networks."""
        return view_of(self.spec.model)

    def see(self, atoms: Sequence[Atoms]) -> list[Seen]:
        """Check crystals and convert them to inputs of the networks.

        Raises:
            StructureError: with the number of the frame: no ordered crystal, unknown species, atoms too close.
        """
        seen = []
        for row, crystal in enumerate(atoms):
            try:
                check_crystal(crystal)
                _check_distances(crystal, self.spec.flow.radius)
                _check_number(crystal, getattr(self.spec.model, "most", 0))
                seen.append(self.view.see(crystal))
            except StructureError as error:
                raise type(error)(f"frame {row}: {error}") from None
        return seen

    def aspects(self, atoms: Atoms) -> list[Seen]:
        """One crystal as it may have been encoded: from every atom of the element that the origin is on.

        Of like atoms the first is the origin, and a decoded crystal has another order of atoms.

        Raises:
            StructureError: as of ``see``.
        """
        view, (seen,) = self.view, self.see([atoms])
        if not isinstance(view, TorusView):
            return [seen]
        alike = np.flatnonzero(atoms.numbers == atoms.numbers[origin_atom(atoms)])
        return [view.see(atoms, first) for first in alike.tolist()]

    def encode(self, seen: Sequence[Seen]) -> Float[np.ndarray, "crystal latent"]:
        """Latent vectors."""
        latent = [np.zeros((0, self.spec.model.latent))]
        with torch.no_grad():
            for start in range(0, len(seen), ENCODED):
                batch = collate(seen[start : start + ENCODED], [], self.view)
                part = self.network.encode(batch.positions, batch.kinds, batch.owner, batch.lattice, batch.edges)
                latent.append(part.double().numpy())
        return np.concatenate(latent)

    def decode(
        self,
        latent: Float[np.ndarray, " latent"],
        *,
        like: Float[np.ndarray, "3 3"] | None = None,
        origin: Float[np.ndarray, " 3"] | None = None,
    ) -> Decoded:
        """The crystal of a latent vector.

        Periodic networks: what the fields give is the start of an inversion of the encoder.  A vector that comes with
        a cell is one of a crystal, which is then sought from prototypes as well.

        Args:
            latent: the vector.
            like: a cell to whose orientation the result is rotated; standard orientation by default.
            origin: Å, where the origin of the view lies in the cell ``like``.
        """
        code = torch.from_numpy(latent[None]).float()
        with torch.no_grad():
            cell = self.view.cell(self.network.lattice(code)[0].double().numpy())
        if cell is None:
            return Decoded(None, "no lattice")
        if like is not None:
            cell = turned_to(cell, like)
        place = (np.zeros(3), np.eye(3)) if like is None or origin is None else (origin, np.linalg.inv(like))
        field, space = self.field_of(latent, cell), self.view.space(cell)
        box = getattr(self.spec.model, "box", ())
        corners = (np.zeros(3), np.array(box)) if box else None
        if not isinstance(self.network, PeriodicField):
            return self._crystal(code, find_atoms(field, space, self.spec.flow, box=corners), cell, place)
        places = ranked_atoms(field, space, self.spec.flow, box=corners)
        counts = self._counts(code)
        if not len(places) or not counts[0]:
            return Decoded(None, "no atom")
        enough = len(places) >= counts[0]
        chosen = [list(range(counts[0])), *other_choices(counts[0], len(places))] if enough else []
        chosen += [list(range(n)) for n in counts[1:] if n <= len(places)] if enough else []
        voted, likely = self._vote(code, places, cell), self._palette(code, places, cell)
        lattice = log_gram(cell)
        starts, unlikely = (
            [trial_of(places[rows], voted[rows], cell, lattice) for rows in some]
            for some in (chosen, other_numbers(counts[0], len(places)))
        )
        gap, found = find_crystal(
            Inversion(self.network, latent), starts, likely, len(self.spec.model.species), unlikely
        )
        if gap >= SOLVED and like is not None and self.prototypes is not None:
            other = self._from_prototypes(latent, cell, starts + unlikely, likely)
            # the encoder puts the origin on one element of a crystal, and with another there this is not its vector
            if other[0] < CLEAR * gap and self._origin_fits(other[1]):
                gap, found = other
        if not enough and gap > INEXACT:
            return Decoded(None, f"{len(places)} of {counts[0]} atoms")
        turned = turned_to(found.cell, cell)
        return self._atoms(found.kinds, found.fractions @ turned, turned, place)

    def _origin_fits(self, trial: Trial) -> bool:
        numbers = np.array([atomic_numbers[self.spec.model.species[k]] for k in trial.kinds])
        return bool(numbers[0] == origin_element(numbers))

    def _from_prototypes(
        self,
        latent: Float[np.ndarray, " latent"],
        cell: Float[np.ndarray, "3 3"],
        starts: Sequence[Trial],
        palette: Sequence[int],
    ) -> tuple[float, Trial]:
        """The crystal nearest to a latent vector, from places of training crystals, and its gap."""
        assert self.prototypes is not None
        assert isinstance(self.network, PeriodicField)
        code, field, lattice = torch.from_numpy(latent[None]).float(), self.field_of(latent, cell), log_gram(cell)

        def distance(fractions: np.ndarray) -> np.ndarray:
            return np.linalg.norm(field(fractions @ cell), axis=1)

        sets = [
            places
            for number in dict.fromkeys([*self._counts(code)[:NUMBERS], *(len(s.kinds) for s in starts[-1:])])
            for places in self.prototypes.near_field(distance, number, ALIKE)
        ]
        near = self.prototypes.near_latent(latent, ALIKE)
        voted = [*sets, *(places for places, _ in near)]
        trials = [
            *starts,
            *(Trial(places, self._vote(code, places @ cell, cell), lattice) for places in voted),
            *(Trial(places, kinds, lattice) for places, kinds in near),
        ]
        return find_among(Inversion(self.network, latent), trials, palette, len(self.spec.model.species))

    def _crystal(
        self,
        code: torch.Tensor,
        positions: Float[np.ndarray, "atom 3"],
        cell: Float[np.ndarray, "3 3"],
        place: tuple[Float[np.ndarray, " 3"], Float[np.ndarray, "3 3"]],
    ) -> Decoded:
        """Atoms at ``positions`` from the origin of the view, which lies at a ``place`` (Å, and the inverse cell)."""
        if not len(positions):
            return Decoded(None, "no atom")
        return self._atoms(self._vote(code, positions, cell), positions, cell, place)

    def _atoms(
        self,
        kinds: Int[np.ndarray, " atom"],
        positions: Float[np.ndarray, "atom 3"],
        cell: Float[np.ndarray, "3 3"],
        place: tuple[Float[np.ndarray, " 3"], Float[np.ndarray, "3 3"]],
    ) -> Decoded:
        symbols = [self.spec.model.species[k] for k in kinds]
        origin, inverse = place  # the same place in the cell, in fractions
        atoms = Atoms(symbols, positions=positions + origin @ inverse @ cell, cell=cell, pbc=True)
        atoms.wrap(eps=1e-4)
        return Decoded(atoms)

    def _counts(self, code: torch.Tensor) -> list[int]:
        """Numbers of atoms that the networks predict, the likeliest first, those below ``RARE`` left out."""
        with torch.no_grad():
            number = self.network.number(code)
        share = np.zeros(1) if number is None else number[0].softmax(0).double().numpy()
        ranked = np.argsort(-share, kind="stable").tolist()
        return [ranked[0], *(n for n in ranked[1:] if n and share[n] > RARE)]

    def _palette(self, code: torch.Tensor, places: np.ndarray, cell: np.ndarray) -> list[int]:
        """Elements that some place may have."""
        with torch.no_grad():
            seen = torch.from_numpy(self.view.coordinates(places, cell)).float()
            logits = self.network.species(code, seen, torch.zeros(len(seen), dtype=torch.long))
        share = logits.softmax(1).max(0).values.double().numpy()
        ranked = np.argsort(-share, kind="stable")[:PALETTE]
        return ranked[share[ranked] > RARE].tolist()

    def field_of(
        self, latent: Float[np.ndarray, " latent"], cell: Float[np.ndarray, "3 3"]
    ) -> Callable[[np.ndarray], np.ndarray]:
        """The position field of a latent vector: points in Å, from the origin of the view, to vectors in Å."""
        code = torch.from_numpy(latent[None]).float()

        def field(points: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                seen = torch.from_numpy(self.view.coordinates(points, cell)).float()
                owner = torch.zeros(len(seen), dtype=torch.long)
                return np.asarray(self.network.displacement(code, seen, owner).double().numpy())

        return field

    def _vote(self, code: torch.Tensor, positions: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """The most frequent species of points around every atom."""
        points = (positions[:, None] + SPECIES).reshape(-1, 3)
        with torch.no_grad():
            seen = torch.from_numpy(self.view.coordinates(points, cell)).float()
            owner = torch.zeros(len(seen), dtype=torch.long)
            result = self.network.species(code, seen, owner).argmax(1).numpy().reshape(len(positions), -1)
        return np.array([np.bincount(votes).argmax() for votes in result])

    def reconstruct(self, atoms: Sequence[Atoms]) -> list[Decoded]:
        """Every crystal through its latent vector; the input is not changed."""
        seen = self.see(atoms)
        return [self.decode(z, like=s.cell, origin=s.origin) for z, s in zip(self.encode(seen), seen, strict=True)]


def _check_distances(atoms: Atoms, radius: float) -> None:
    distances = atoms.get_all_distances(mic=True)
    np.fill_diagonal(distances, np.inf)
    if distances.min(initial=np.inf) <= radius:
        raise StructureError(
            f"expected atoms farther apart than the {radius:g} Å within which particles are one atom, "
            f"got two at {distances.min():.2f} Å"
        )


def _check_number(atoms: Atoms, most: int) -> None:
    if most and len(atoms) > most:
        raise StructureError(f"expected up to {most} atoms, as in the training crystals, got {len(atoms)}")


def save_codec(path: Path, codec: Codec) -> None:
    """Write a model file in half precision (weights are rounded)."""
    tensors = {k: v for k, v in codec.network.state_dict().items() if v.is_floating_point()}
    if codec.prototypes is not None:
        tensors |= codec.prototypes.tensors()
    keep(path, kind=KIND, spec=codec.spec, card=codec.card, tensors=tensors, priors=codec.priors)


def load_codec(model: str | Path) -> Codec:
    """A model by its shipped name or path.

    Raises:
        WeightsError: missing, damaged or foreign file; one of another kind.
    """
    artifact, spec, priors = read(model, kind=KIND, spec=CodecSpec)
    if not spec.model.species:
        raise ArchitectureError(f"{artifact.path}: expected the species that the model knows, got none")
    network = make_field(spec.model)
    counters = {k: v for k, v in network.state_dict().items() if not v.is_floating_point()}
    own = {k: v for k, v in artifact.tensors.items() if not k.startswith((PREFIX, OF_PROTOTYPES))}
    fill(network, {**counters, **own}, source=artifact.path)
    if priors and priors.latent != spec.model.latent:
        raise ArchitectureError(f"{artifact.path}: expected priors of its latent vectors, got those of another model")
    prototypes = Prototypes.from_tensors(artifact.tensors, source=artifact.path)
    return Codec(spec, network.requires_grad_(False).eval(), artifact.card, priors, prototypes)


def with_prototypes(codec: Codec, seen: Sequence[Seen]) -> Codec:
    """The codec with prototypes for its inversion, where it is inverted.

    Args:
        codec: a trained one.
        seen: its training crystals.
    """
    if not isinstance(codec.network, PeriodicField):
        return codec
    return replace(codec, prototypes=Prototypes.of(seen, codec.encode(seen)))
