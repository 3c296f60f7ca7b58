"""Vacancies, exchanged atoms and chemical potentials over the sites of an alloy.

No two sites of a random alloy are alike, so every energy here is a sample over sites,
ions relaxed at constant volume.  The formation energy of a vacancy depends on the chemical potential of its atom:

    E_f(i) = E(without i) - E + μ(species of i)

with μ either of the element in its own crystal, or of the alloy itself: differences of μ
are mean energies of substitution of one element by another, and Σ x μ is the energy
of the alloy per atom (compare Zhang and Sholl, Phys. Rev. B 91, 014105, 2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ConfigError
from ase_voxpot.properties.cells import at_rest, energy_per_atom, relaxed, wide

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["Swaps", "Vacancies", "alloy_potentials", "element_potentials", "mean_error", "swaps", "vacancies"]

FMAX = 0.01
"""eV/Å, for the ions."""
SHELL = 1.08
"""Multiple of the nearest-neighbour distance, half way to second neighbours of bcc (1.155)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vacancies:
    """Energies to remove an atom, site by site."""

    sites: list[int]
    species: list[str]  # of the atoms removed
    removal: Float[np.ndarray, " site"]  # eV, E(without) - E

    def formation(self, potentials: Mapping[str, float]) -> Float[np.ndarray, " site"]:
        """Formation energies in eV, for chemical potentials in eV."""
        return self.removal + np.array([potentials[s] for s in self.species])


@dataclass(frozen=True, slots=True, kw_only=True)
class Swaps:
    """Energies of exchanging two unlike atoms."""

    pairs: list[tuple[int, int]]
    species: list[str]  # "MoTa": the two elements, sorted
    near: list[bool]  # whether they were nearest neighbours
    energies: Float[np.ndarray, " pair"]  # eV


def mean_error(values: Sequence[float] | Float[np.ndarray, " any"]) -> tuple[float, float | None]:
    """Mean and its standard error; None for a single value."""
    found = np.asarray(values, dtype=float)
    error = float(found.std(ddof=1) / np.sqrt(len(found))) if len(found) > 1 else None
    return float(found.mean()), error


def element_potentials(symbols: Sequence[str], calculator: Any) -> dict[str, float]:
    """Energies per atom, in eV, of elements in ASE's reference crystals, relaxed.

    Raises:
        ConfigError: ASE has none of an element.
        DivergenceError: no equilibrium.
    """
    from ase.build import bulk

    out = {}
    for symbol in symbols:
        try:
            crystal = bulk(symbol)
        except (ValueError, KeyError, TypeError, RuntimeError, NotImplementedError):
            raise ConfigError(f"no reference crystal of {symbol} is known, so it has no chemical potential") from None
        out[symbol] = energy_per_atom(wide(at_rest(crystal, calculator)), calculator)
    return out


def _chosen(atoms: Atoms, symbol: str, count: int, rng: np.random.Generator) -> list[int]:
    """Up to ``count`` sites of an element, all different."""
    sites = np.flatnonzero(np.array(atoms.symbols) == symbol)
    return [int(i) for i in rng.permutation(sites)[:count]]


def alloy_potentials(
    alloy: Atoms,
    calculator: Any,
    rng: np.random.Generator,
    *,
    samples: int = 6,
    observe: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """Chemical potentials in eV of the elements in the alloy itself.

    Args:
        alloy: relaxed.
        calculator: any.
        rng: chooses sites.
        samples: number of substitutions of every pair of elements.
        observe: called after every substitution.
    """
    base, count = _energy(alloy, calculator), len(alloy)
    symbols = sorted(set(alloy.symbols))
    rows, values, weights = [], [], []
    for old, new in permutations(symbols, 2):
        changes = []
        for site in _chosen(alloy, old, samples, rng):
            trial = alloy.copy()
            trial.symbols[site] = new
            changes.append(relaxed(trial, calculator, fmax=FMAX).get_potential_energy() - base)
            observe()
        rows.append([float(s == new) - float(s == old) for s in symbols])
        values.append(float(np.mean(changes)))
        weights.append(1.0)
    rows.append([float(np.mean(np.array(alloy.symbols) == s)) for s in symbols])
    values.append(base / count)
    weights.append(1e6)  # a condition, not a sample
    scale = np.array(weights)[:, None]
    found = np.linalg.lstsq(np.array(rows) * scale, np.array(values) * scale[:, 0], rcond=None)[0]
    return dict(zip(symbols, map(float, found), strict=True))


def _energy(atoms: Atoms, calculator: Any) -> float:
    return energy_per_atom(atoms, calculator) * len(atoms)


def vacancies(
    crystal: Atoms,
    calculator: Any,
    rng: np.random.Generator,
    *,
    samples: int = 10,
    observe: Callable[[], None] = lambda: None,
) -> Vacancies:
    """Remove atoms, one at a time.

    Args:
        crystal: relaxed, wide enough.
        calculator: any.
        rng: chooses sites.
        samples: sites of every element.
        observe: called after every site.

    Raises:
        DivergenceError: the relaxation did not converge.
    """
    base = _energy(crystal, calculator)
    sites = [i for s in sorted(set(crystal.symbols)) for i in _chosen(crystal, s, samples, rng)]
    removal = []
    for site in sites:
        trial = crystal.copy()
        del trial[site]
        removal.append(relaxed(trial, calculator, fmax=FMAX).get_potential_energy() - base)
        observe()
    return Vacancies(sites=sites, species=[str(crystal.symbols[i]) for i in sites], removal=np.array(removal))


def swaps(
    alloy: Atoms,
    calculator: Any,
    rng: np.random.Generator,
    *,
    samples: int = 10,
    observe: Callable[[], None] = lambda: None,
) -> Swaps:
    """Exchange two unlike atoms, nearest neighbours and distant ones.

    Args:
        alloy: relaxed.
        calculator: any.
        rng: chooses pairs.
        samples: exchanges of every pair of elements, among neighbours and among others.
        observe: called after every exchange.

    Raises:
        ConfigError: one element only.
        DivergenceError: the relaxation did not converge.
    """
    symbols = np.array(alloy.symbols)
    kinds = sorted(set(symbols))
    if len(kinds) < 2:
        raise ConfigError(f"swaps: expected at least two elements, got {kinds[0]} alone")
    distances = alloy.get_all_distances(mic=True)
    np.fill_diagonal(distances, np.inf)
    bonded = distances < SHELL * np.median(distances.min(axis=1))
    base = _energy(alloy, calculator)
    pairs: list[tuple[int, int]] = []
    near: list[bool] = []
    for first, second in combinations(kinds, 2):
        unlike = np.outer(symbols == first, symbols == second)
        for neighbours in (True, False):
            found = np.argwhere(unlike & (bonded == neighbours))
            pairs += [(int(i), int(j)) for i, j in rng.permutation(found)[:samples]]
            near += [neighbours] * (len(pairs) - len(near))
    energies = []
    for i, j in pairs:
        trial = alloy.copy()
        trial.symbols[[i, j]] = symbols[[j, i]]
        energies.append(relaxed(trial, calculator, fmax=FMAX).get_potential_energy() - base)
        observe()
    names = ["".join(sorted((symbols[i], symbols[j]))) for i, j in pairs]
    return Swaps(pairs=pairs, species=names, near=near, energies=np.array(energies))
