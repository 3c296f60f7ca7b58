"""Defects of a crystal sampled over its sites, and pooled over several decorations of an alloy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.properties.cells import to_rest
from ase_voxpot.properties.defects import vacancy_migration
from ase_voxpot.properties.sites import (
    Swaps,
    Vacancies,
    alloy_potentials,
    element_potentials,
    swaps as exchange,
    vacancies as remove,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["SUBSTITUTIONS", "Defects", "Pool", "sample", "steps"]

SUBSTITUTIONS = 6
"""Of every pair of elements, for the chemical potentials of an alloy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defects:
    """Defects of one crystal, or of one decoration of an alloy."""

    atoms: int  # of the perfect crystal
    potentials: dict[str, dict[str, float]]  # eV, by reservoir (elements; alloy, of several elements) and element
    vacancies: Vacancies
    swaps: Swaps | None
    barriers: dict[str, list[float]]  # eV, by the element that jumps


@dataclass(frozen=True, slots=True)
class Pool:
    """Defects of several decorations, one after the other."""

    members: Sequence[Defects]  # one or more

    @property
    def potentials(self) -> dict[str, dict[str, float]]:
        """Chemical potentials in eV by reservoir and element: means over the decorations that have them."""
        out: dict[str, dict[str, list[float]]] = {}
        for member in self.members:
            for name, values in member.potentials.items():
                for symbol, value in values.items():
                    out.setdefault(name, {}).setdefault(symbol, []).append(value)
        return {name: {s: float(np.mean(v)) for s, v in values.items()} for name, values in out.items()}

    @property
    def vacant(self) -> list[tuple[int, int, str]]:
        """Decoration, site and element of every vacancy."""
        return [
            (k, site, symbol)
            for k, member in enumerate(self.members)
            for site, symbol in zip(member.vacancies.sites, member.vacancies.species, strict=True)
        ]

    @property
    def formation(self) -> dict[str, Float[np.ndarray, " vacancy"]]:
        """Formation energies in eV by reservoir, each with the chemical potentials of its own decoration."""
        names = [name for name in self.members[0].potentials if all(name in m.potentials for m in self.members)]
        return {
            name: np.concatenate([m.vacancies.formation(m.potentials[name]) for m in self.members]) for name in names
        }

    @property
    def swaps(self) -> Swaps | None:
        """All swaps; None if there are none."""
        found = [m.swaps for m in self.members if m.swaps is not None]
        if not found:
            return None
        return Swaps(
            pairs=[pair for s in found for pair in s.pairs],
            species=[name for s in found for name in s.species],
            near=[near for s in found for near in s.near],
            energies=np.concatenate([s.energies for s in found]),
        )

    @property
    def swapped(self) -> list[int]:
        """Decoration of every swap."""
        return [k for k, m in enumerate(self.members) if m.swaps is not None for _ in m.swaps.pairs]

    @property
    def barriers(self) -> dict[str, list[float]]:
        """Barriers of jumps in eV, by the element that jumps."""
        out: dict[str, list[float]] = {}
        for member in self.members:
            for symbol, values in member.barriers.items():
                out.setdefault(symbol, []).extend(values)
        return out


def sample(
    crystal: Atoms,
    calculator: Any,
    rng: np.random.Generator,
    *,
    sites: int,
    swaps: int,
    jumps: int,
    observe: Callable[[], None] = lambda: None,
) -> Defects:
    """Vacancies, swaps and jumps of one crystal, which is relaxed first.

    Args:
        crystal: wide enough, near equilibrium; not changed.
        calculator: with stress.
        rng: chooses sites.
        sites: vacancies of every element of an alloy; a crystal of one element has one.
        swaps: exchanges of every pair of elements among neighbours, and as many of distant atoms.
        jumps: vacancies with barriers.
        observe: called after every defect, ``steps`` times at most.

    Raises:
        ConfigError: ASE has no reference crystal of an element.
        DivergenceError: a relaxation or an elastic band did not converge.
    """
    symbols = sorted(set(crystal.symbols))
    many = len(symbols) > 1
    rest = to_rest(crystal, calculator)
    potentials = {"elements": element_potentials(symbols, calculator)}
    removed = remove(rest, calculator, rng, samples=sites if many else 1, observe=observe)
    if many:
        potentials["alloy"] = alloy_potentials(rest, calculator, rng, samples=SUBSTITUTIONS, observe=observe)
    exchanged = exchange(rest, calculator, rng, samples=swaps, observe=observe) if many and swaps else None
    barriers: dict[str, list[float]] = {}
    for site in removed.sites[:: max(1, len(removed.sites) // jumps)][:jumps] if jumps else []:
        moved = vacancy_migration(rest, calculator, index=site)
        barriers.setdefault(str(rest.symbols[moved.jumper]), []).append(moved.barrier)
        observe()
    return Defects(atoms=len(rest), potentials=potentials, vacancies=removed, swaps=exchanged, barriers=barriers)


def steps(elements: int, *, sites: int, swaps: int, jumps: int) -> int:
    """Defects of one crystal, if it has sites enough; arguments as of ``sample``."""
    if elements == 1:
        return 1 + min(jumps, 1)
    pairs = elements * (elements - 1)
    return sites * elements + pairs * (SUBSTITUTIONS + swaps) + min(jumps, sites * elements)
