"""The crystal of a latent vector by inversion of the encoder.

Decoded fields give the atoms to within some hundredths of an ångström.  The encoder is known, so that the
crystal can then be improved until its own latent vector is the given one: the sum of squares of

    encoder(positions, elements, lattice) - latent vector

is minimised over positions and lattice by the method of Levenberg and Marquardt (D. Marquardt, J. SIAM 11, 431
(1963)).  A remainder of zero proves the result.  The encoder's twelve neighbours of an atom jump at
ties of distances, which high symmetry makes: descents begin with smooth weights of neighbours, and the last ones are
restricted to the symmetry that the crystal has almost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from voxpot_crystals.latent.structure_field.views import MOST_EDGES
from voxpot_crystals.structures.checks import CLOSEST
from voxpot_crystals.structures.graphs import TIE
from voxpot_crystals.structures.lattice import cell_of_gram, grams, log_grams
from voxpot_crystals.structures.orbits import free_directions, free_strains, operations_of, symmetrised
from voxpot_crystals.structures.shells import Shells, shells_of

if TYPE_CHECKING:
    from jaxtyping import Float, Int

    from voxpot_crystals.latent.structure_field.periodic import PeriodicField

__all__ = ["SOLVED", "Inversion", "Stage", "Trial", "trial_of"]

SOLVED = 1e-3
"""Root mean square remainder below which a crystal is the one that was encoded."""
ENOUGH = 1e-4
"""The same at which a descent ends."""
STEP = 2e-3
"""Å, of the derivatives by differences; strains have steps of ``STRAINED`` times as much."""
STRAINED = 0.15
FARTHEST = 0.4
"""Å, longest step of a descent in any parameter."""
DAMPINGS = 10.0 ** np.array([-6, -4, -3, -2, -1, 0, 1])
"""In units of the mean curvature; all are tried at once."""
SLOW, SOONEST = 0.97, 4
"""A descent ends when a step leaves more than this share, after so many steps."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A crystal as the encoder has it, the first atom at the origin of the view."""

    fractions: Float[np.ndarray, "atom 3"]
    kinds: Int[np.ndarray, " atom"]
    lattice: Float[np.ndarray, " 6"]  # logarithm of the Gram matrix

    @property
    def cell(self) -> Float[np.ndarray, "3 3"]:
        """In standard orientation, rows in Å."""
        return cell_of_gram(self.lattice)


def trial_of(
    positions: Float[np.ndarray, "atom 3"],
    kinds: Int[np.ndarray, " atom"],
    cell: Float[np.ndarray, "3 3"],
    lattice: Float[np.ndarray, " 6"],
) -> Trial:
    """Decoded atoms in Å; the one nearest to the origin of the view is put there."""
    fractions = positions @ np.linalg.inv(cell)
    first = int(np.linalg.norm((fractions - np.round(fractions)) @ cell, axis=1).argmin())
    order = np.r_[first, np.delete(np.arange(len(kinds)), first)]
    return Trial(fractions[order] - fractions[first], kinds[order], lattice)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One descent."""

    steps: int
    margin: float = TIE  # Å; neighbours so much farther than the last belong to it
    width: float = 0.0  # Å, of the smooth weights; none without it
    tolerance: float = 0.0  # Å, of the symmetry that is imposed; none without it


SMOOTH = (Stage(steps=5, width=0.15, margin=0.9), Stage(steps=5, width=0.05, margin=0.3))
PATHS: tuple[tuple[Stage, ...], ...] = (
    (Stage(steps=6, margin=0.05),),
    (Stage(steps=8, tolerance=0.3),),
    (Stage(steps=8, tolerance=0.1),),
    (Stage(steps=6, margin=0.01), Stage(steps=8, tolerance=0.1)),
    (*SMOOTH, Stage(steps=8, margin=0.05)),
    (*SMOOTH, Stage(steps=8, tolerance=0.3)),
    (*SMOOTH, Stage(steps=8, tolerance=0.1)),
)
"""Descents one after the other, the shortest path first."""
TOLERANCES = (0.02, 0.1, 0.2, 0.3, 0.4, 0.6)
"""Å, of the symmetries that are tried from one start."""


class Inversion:
    """An encoder and a latent vector to be met."""

    def __init__(self, network: PeriodicField, latent: Float[np.ndarray, " latent"]) -> None:
        self._network, self._latent = network, latent

    def gap(self, trial: Trial) -> float:
        """Root mean square difference of the latent vectors; infinite where the encoder refuses the crystal."""
        return float(self.gaps(trial, trial.kinds[None])[0])

    def gaps(self, trial: Trial, kinds: Int[np.ndarray, "trial atom"]) -> Float[np.ndarray, " trial"]:
        """The same for several choices of elements at the places of one crystal."""
        shells = self._shells(trial, TIE)
        if shells is None:
            return np.full(len(kinds), np.inf)
        fractions, lattice = (np.repeat(a[None], len(kinds), axis=0) for a in (trial.fractions, trial.lattice))
        if shells.distances(fractions[:1], grams(lattice[:1])).min() < CLOSEST:
            return np.full(len(kinds), np.inf)
        return np.asarray(np.sqrt((self._remainders(fractions, kinds, lattice, shells) ** 2).mean(1)))

    def refine(self, start: Trial) -> tuple[float, Trial]:
        """The best crystal that descents from a start come to, and its gap."""
        best = (self.gap(start), start)
        known: dict[tuple[Stage, ...], Trial] = {(): start}
        for path in PATHS:
            for end, stage in enumerate(path):
                if path[: end + 1] not in known:
                    known[path[: end + 1]] = self.descend(known[path[:end]], stage)
            best = min(best, (self.gap(known[path]), known[path]), key=lambda one: one[0])
            if best[0] < SOLVED:
                break
        return best

    def refine_in_symmetry(self, start: Trial) -> tuple[float, Trial]:
        """The best crystal that descents in every symmetry that a start has almost come to, and its gap."""
        best, seen = (self.gap(start), start), set()
        for tolerance in TOLERANCES:
            found = operations_of(start.fractions, start.kinds, start.cell, tolerance=tolerance)
            if found is None or len(found.turns) in seen:
                continue
            seen.add(len(found.turns))
            end = self.descend(start, Stage(steps=8, tolerance=tolerance))
            best = min(best, (self.gap(end), end), key=lambda one: one[0])
            if best[0] < SOLVED:
                break
        return best

    def descend(self, trial: Trial, stage: Stage) -> Trial:
        """Steps of Levenberg and Marquardt in positions and lattice."""
        operations = None
        if stage.tolerance:
            operations = operations_of(trial.fractions, trial.kinds, trial.cell, tolerance=stage.tolerance)
            if operations is None:
                return trial
            fractions, gram = symmetrised(trial.fractions, grams(trial.lattice[None])[0], operations)
            trial = replace(trial, fractions=fractions, lattice=log_grams(gram[None])[0])
        for number in range(stage.steps):
            cell, shells = trial.cell, self._shells(trial, stage.margin)
            motions, strains = free_directions(len(trial.kinds), cell, operations), free_strains(cell, operations)
            if shells is None or not len(motions) + len(strains):
                break
            moves = _Moves(trial, cell, motions, strains)
            unit = np.vstack([np.zeros(moves.count), STEP * np.eye(moves.count)])
            values = self._remainders_of(moves, unit, shells, stage.width)
            before = np.sqrt((values[0] ** 2).mean())
            if before < ENOUGH:
                break
            steps = _damped_steps((values[1:] - values[0]).T / STEP, values[0])
            after = np.sqrt((self._remainders_of(moves, steps, shells, stage.width) ** 2).mean(1))
            best = int(after.argmin())
            if not after[best] < before:
                break
            fractions, lattice = moves.apply(steps[best : best + 1])
            trial = replace(trial, fractions=fractions[0], lattice=lattice[0])
            if after[best] > SLOW * before and number >= SOONEST:
                break
        return trial

    def _shells(self, trial: Trial, margin: float) -> Shells | None:
        reach = self._network.spec.reach
        return shells_of(trial.fractions, trial.cell, nearest=MOST_EDGES, cutoff=reach, margin=margin)

    def _remainders_of(self, moves: _Moves, steps: np.ndarray, shells: Shells, width: float) -> np.ndarray:
        fractions, lattice = moves.apply(steps)
        kinds = np.repeat(moves.trial.kinds[None], len(steps), axis=0)
        return self._remainders(fractions, kinds, lattice, shells, width)

    def _remainders(
        self, fractions: np.ndarray, kinds: np.ndarray, lattice: np.ndarray, shells: Shells, width: float = 0.0
    ) -> Float[np.ndarray, "trial latent"]:
        """Differences of latent vectors of several crystals with the same neighbours."""
        trials, atoms = kinds.shape
        distance = shells.distances(fractions, grams(lattice))
        weight = shells.weights(distance, nearest=MOST_EDGES, width=width) if width else None
        first = atoms * np.arange(trials)[:, None]
        with torch.no_grad():
            latent = self._network.encode(
                torch.from_numpy(fractions.reshape(-1, 3)).float(),
                torch.from_numpy(kinds.reshape(-1)),
                torch.arange(trials).repeat_interleave(atoms),
                torch.from_numpy(lattice).float(),
                (
                    torch.from_numpy((shells.centre + first).reshape(-1)),
                    torch.from_numpy((shells.neighbour + first).reshape(-1)),
                    torch.from_numpy(distance.reshape(-1)).float(),
                ),
                None if weight is None else torch.from_numpy(weight.reshape(-1)).float(),
            )
        return np.asarray(latent.double().numpy() - self._latent)


@dataclass(frozen=True, slots=True)
class _Moves:
    """Parameters of a descent: motions of the atoms in Å, then strains."""

    trial: Trial
    cell: Float[np.ndarray, "3 3"]
    motions: Float[np.ndarray, "motion atom 3"]
    strains: Float[np.ndarray, "strain 3 3"]

    @property
    def count(self) -> int:
        return len(self.motions) + len(self.strains)

    def apply(
        self, steps: Float[np.ndarray, "trial parameter"]
    ) -> tuple[Float[np.ndarray, "trial atom 3"], Float[np.ndarray, "trial 6"]]:
        """Fractions and lattices after several steps."""
        moved = np.tensordot(steps[:, : len(self.motions)], self.motions, axes=1) @ np.linalg.inv(self.cell)
        strain = STRAINED * np.tensordot(steps[:, len(self.motions) :], self.strains, axes=1)
        cells = self.cell @ (np.eye(3) + strain)
        return self.trial.fractions + moved, log_grams(cells @ cells.transpose(0, 2, 1))


def _damped_steps(slope: np.ndarray, remainder: np.ndarray) -> Float[np.ndarray, "damping parameter"]:
    """-(JᵀJ + λ)⁻¹ Jᵀ r for all dampings λ, none longer than ``FARTHEST``."""
    curvature, vectors = np.linalg.eigh(slope.T @ slope)
    damping = DAMPINGS[:, None] * max(float(curvature.mean()), 1e-30)
    along = -(vectors.T @ (slope.T @ remainder)) / (np.maximum(curvature, 0) + damping)
    steps = along @ vectors.T
    return np.asarray(steps * np.minimum(1, FARTHEST / np.maximum(np.abs(steps).max(1), 1e-30))[:, None])
