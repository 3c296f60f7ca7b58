"""Trials per second, full energies per second, and the difference of both energies."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.montecarlo.ensembles import Canonical
from ase_voxpot.montecarlo.plan import Plan
from ase_voxpot.montecarlo.replicas import walker_of
from ase_voxpot.montecarlo.walkers import Tally, terms_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ase import Atoms

__all__ = ["Speed", "measure"]

ROUNDS = 5
"""Repeats, of which the fastest is used."""
CHECKED = 5
"""Trials whose energies are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Trials of one structure, in CPU time of this process."""

    atoms: int
    trials: float  # per second
    full: float  # full energies with forces per second, one per trial of a code without local changes
    error: float  # eV, largest difference of a local change and that of the full energy


def measure(atoms: Atoms, *, temperature: float, trials: int = 3000, seed: int = 0) -> Speed:
    """Time canonical swaps of ``atoms``, which has a calculator.

    Raises:
        StructureError: the structure has no energy.
        ConfigError: nothing to swap.
    """
    walker = walker_of(atoms, Plan(temperatures=(temperature,)))
    terms = terms_of(Canonical(), walker.elements, walker.species)
    rng, tally = np.random.default_rng(seed), Tally.of(len(walker.elements))
    walker.walk(10, temperature, terms, rng, tally)  # compiles
    seconds = min(_seconds(lambda: walker.walk(trials, temperature, terms, rng, tally)) for _ in range(ROUNDS))

    calculator: Any = atoms.calc

    def full() -> float:
        now = walker.atoms()
        now.calc = calculator
        calculator.reset()
        now.get_forces()
        return float(now.get_potential_energy())

    full()
    whole = min(_seconds(full) for _ in range(2))
    errors, before = [], full()
    for _ in range(CHECKED):
        sites, kinds = walker.draw_swap(terms, rng)
        change = walker.change(sites, kinds)
        walker.settle(accept=True)
        after = full()
        errors.append(abs(change - (after - before)))
        before = after
    return Speed(atoms=len(atoms), trials=trials / seconds, full=1 / whole, error=max(errors))


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
