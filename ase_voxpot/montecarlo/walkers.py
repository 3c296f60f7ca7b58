"""Metropolis algorithm over configurations, for energies of any source.

A walker holds one configuration: the species of every site.  ``change`` returns the energy change of a
trial, ``settle`` accepts or rejects it.  The loop here defines the walk, draw by draw; compiled walkers
(``local``) must take the same steps.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase.units import kB

from ase_voxpot.errors import ConfigError, DivergenceError
from ase_voxpot.montecarlo.ensembles import bias_change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms
    from jaxtyping import Int

    from ase_voxpot.montecarlo.ensembles import Bias, Ensemble

__all__ = ["Tally", "Terms", "Walker", "terms_of"]


@dataclass(frozen=True, slots=True)
class Tally:
    """Trials and acceptances for every pair of species.

    Swaps of a and b are counted at [a, b] with a < b, changes from a to b at [a, b].
    """

    trials: Int[np.ndarray, "species species"]
    accepted: Int[np.ndarray, "species species"]

    @classmethod
    def of(cls, species: int) -> Tally:
        """An empty tally."""
        return cls(np.zeros((species, species), np.int64), np.zeros((species, species), np.int64))


@dataclass(frozen=True, slots=True)
class Terms:
    """Parameters of an ensemble for the walk."""

    flips: bool
    bias: Bias
    kinds: Int[np.ndarray, " kind"]  # species that take part
    sites: Int[np.ndarray, " site"]  # atoms of these species: one after the other may change


def terms_of(ensemble: Ensemble, elements: Sequence[str], species: Int[np.ndarray, " atom"]) -> Terms:
    """Parameters of ``ensemble`` for a configuration.

    Args:
        ensemble: weights of configurations.
        elements: symbols of the species numbers.
        species: of every atom.

    Raises:
        ConfigError: elements that the model does not support, or nothing to be exchanged.
    """
    present = [elements[k] for k in np.unique(species)]
    wanted = ensemble.elements or tuple(dict.fromkeys([*present, *getattr(ensemble, "phis", {})]))
    foreign = [s for s in wanted if s not in elements]
    if foreign:
        raise ConfigError(f"elements: expected some of {', '.join(elements)}, got {', '.join(foreign)}")
    kinds = np.array([elements.index(s) for s in wanted], np.int64)
    sites = np.flatnonzero(np.isin(species, kinds))
    if not len(sites):
        raise ConfigError(f"elements: expected atoms of {', '.join(wanted)} in the structure, got {', '.join(present)}")
    if len(wanted) < 2 or (not ensemble.flips and len(np.unique(species[sites])) < 2):
        here = ", ".join(s for s in present if s in wanted)
        raise ConfigError(f"swaps need atoms of two or more elements, got only {here}; add another or use sgc")
    phis = getattr(ensemble, "phis", {})
    if len(phis) >= len(wanted):
        raise ConfigError(f"phis: expected one for all elements but one of {', '.join(wanted)}, got {len(phis)}")
    return Terms(ensemble.flips, ensemble.bias(elements), kinds, sites)


class Walker(ABC):
    """One configuration of a Markov chain."""

    elements: tuple[str, ...]
    """Symbols of the species numbers."""
    species: Int[np.ndarray, " atom"]
    """Present species of every site."""

    @abstractmethod
    def change(self, sites: Sequence[int], kinds: Sequence[int]) -> float:
        """Energy change in eV if ``sites`` get the species ``kinds``."""

    @abstractmethod
    def settle(self, accept: bool) -> None:
        """Accept or reject the last change."""

    @property
    @abstractmethod
    def energy(self) -> float:
        """eV, of the present configuration."""

    @abstractmethod
    def atoms(self) -> Atoms:
        """A copy of the present structure, atoms in the order of the sites."""

    @abstractmethod
    def renew(self, atoms: Atoms) -> None:
        """Continue from other positions and species of the same sites."""

    def walk(self, trials: int, temperature: float, terms: Terms, rng: np.random.Generator, tally: Tally) -> None:
        """Make ``trials`` trials.

        Args:
            trials: number of swaps or changes.
            temperature: K.
            terms: of the ensemble.
            rng: draws three numbers for every trial, two more for every pair of equal atoms.
            tally: counts them.

        Raises:
            DivergenceError: an energy is not a number.
        """
        counts = self.counts(terms)
        beta = 1 / (kB * temperature)
        for _ in range(trials):
            sites, kinds = (self.draw_flip if terms.flips else self.draw_swap)(terms, rng)
            a, b = int(self.species[sites[0]]), kinds[0]
            u = rng.random()
            change = self.change(sites, kinds)
            if not math.isfinite(change):
                raise DivergenceError(f"the energy of a trial is {change}; check the structure and the calculator")
            exponent = -beta * change - (bias_change(counts, a, b, beta, terms.bias) if terms.flips else 0.0)
            accept = exponent >= 0 or u < math.exp(exponent)
            self.settle(accept)
            place = (a, b) if terms.flips else (min(a, b), max(a, b))
            tally.trials[place] += 1
            tally.accepted[place] += accept
            if accept and terms.flips:
                counts[a] -= 1
                counts[b] += 1

    def counts(self, terms: Terms) -> Int[np.ndarray, " species"]:
        """Atoms of every species on the sites that take part."""
        return np.bincount(self.species[terms.sites], minlength=len(self.elements))

    def draw_swap(self, terms: Terms, rng: np.random.Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Two unlike atoms; all such pairs are equally likely, and a swap conserves their number."""
        sites = terms.sites
        while True:
            i, j = (int(sites[int(rng.random() * len(sites))]) for _ in range(2))
            if self.species[i] != self.species[j]:
                return (i, j), (int(self.species[j]), int(self.species[i]))

    def draw_flip(self, terms: Terms, rng: np.random.Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """An atom and a species other than its own."""
        i = int(terms.sites[int(rng.random() * len(terms.sites))])
        others = terms.kinds[terms.kinds != self.species[i]]
        return (i,), (int(others[int(rng.random() * len(others))]),)
