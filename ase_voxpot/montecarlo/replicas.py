"""A replica: a walker at a temperature, with its random numbers, tally and, if it moves, momenta."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ase import units

from ase_voxpot.calculator import VoxPotCalculator
from ase_voxpot.md.integrators import BUILD
from ase_voxpot.montecarlo.full import FullWalker
from ase_voxpot.montecarlo.local import local_walker
from ase_voxpot.montecarlo.walkers import Tally, terms_of

if TYPE_CHECKING:
    from ase import Atoms

    from ase_voxpot.montecarlo.plan import Burst, Plan
    from ase_voxpot.montecarlo.walkers import Terms, Walker

__all__ = ["Replica", "exchange", "walker_of"]


def walker_of(atoms: Atoms, plan: Plan) -> Walker:
    """The fastest walker for a structure with a calculator.

    Raises:
        StructureError: the structure has no energy.
        ConfigError: the calculator does not support the elements, or there is nothing to exchange.
    """
    calculator: Any = atoms.calc
    wanted = set(plan.ensemble.elements) | set(getattr(plan.ensemble, "phis", {}))
    if isinstance(calculator, VoxPotCalculator):
        if plan.relaxation is None:
            return local_walker(atoms, calculator.potential)
        wanted |= set(calculator.potential.spec.species)
    elements = sorted(wanted | set(atoms.get_chemical_symbols()))
    return FullWalker(atoms, calculator, elements, plan.relaxation)


class Replica:
    """One configuration at one temperature."""

    def __init__(self, atoms: Atoms, plan: Plan, rng: np.random.Generator) -> None:
        """Begin at ``atoms``, which has a calculator; errors as ``walker_of`` and ``terms_of``."""
        self.walker = walker_of(atoms, plan)
        self.terms: Terms = terms_of(plan.ensemble, self.walker.elements, self.walker.species)
        self.tally = Tally.of(len(self.walker.elements))
        self.momenta = np.zeros((len(atoms), 3))
        self.barostat = 0.0
        self.rng = rng
        self._calculator: Any = atoms.calc

    def advance(self, trials: int, temperature: float, burst: Burst | None) -> None:
        """Dynamics, if there is any, then trials at fixed positions.

        Raises:
            DivergenceError: positions or energies diverge.
            StructureError: two atoms are at the same place.
        """
        if burst is not None:
            self._move(burst, temperature)
        before = self.walker.species.copy()
        self.walker.walk(trials, temperature, self.terms, self.rng, self.tally)
        if burst is not None:
            self._keep_kinetic_energy(before)

    def hamiltonian(self) -> float:
        """H = E - Σ μ n in eV, of the weight exp(-H/kT)."""
        mu = self.terms.bias.mu
        return self.walker.energy - float(mu @ self.walker.counts(self.terms))

    def _move(self, burst: Burst, temperature: float) -> None:
        atoms = self.walker.atoms()
        atoms.calc = self._calculator
        forget: Any = getattr(self._calculator, "forget", lambda: None)
        forget()
        if not self.momenta.any():
            scale = np.sqrt(atoms.get_masses() * units.kB * temperature)
            self.momenta = self.rng.normal(size=(len(atoms), 3)) * scale[:, None]
            self.momenta -= atoms.get_masses()[:, None] * self.momenta.sum(axis=0) / atoms.get_masses().sum()
        atoms.set_momenta(self.momenta)
        plan = burst.plan(temperature)
        dynamics: Any = BUILD[plan.ensemble](atoms, plan, self.rng, self.barostat)
        for _ in range(burst.steps):
            dynamics.step()
        self.barostat = float(getattr(dynamics, "p_eps", 0.0))
        self.momenta = atoms.get_momenta()
        self.walker.renew(atoms)

    def _keep_kinetic_energy(self, before: np.ndarray) -> None:
        """An atom of another species keeps the kinetic energy of its site, as with ``ke yes`` in LAMMPS."""
        from ase.data import atomic_masses, atomic_numbers

        masses = np.array([atomic_masses[atomic_numbers[s]] for s in self.walker.elements])
        self.momenta *= np.sqrt(masses[self.walker.species] / masses[before])[:, None]


def exchange(
    replicas: list[Replica], temperatures: list[float], turn: int, rng: np.random.Generator, tally: np.ndarray
) -> None:
    """Try to exchange the configurations of neighbouring temperatures, in pairs that alternate.

    Accepted with probability exp[(β_a - β_b)(H_a - H_b)] (Swendsen and Wang, Phys. Rev. Lett. 57,
    2607, 1986), H = E - Σ μ n.

    Args:
        replicas: at ascending temperatures.
        temperatures: K.
        turn: number of the round; even ones try 0-1, 2-3 …, odd ones 1-2, 3-4 …
        rng: one number for each pair.
        tally: [2, pair], tried and accepted.
    """
    for a in range(turn % 2, len(replicas) - 1, 2):
        cold, hot = replicas[a], replicas[a + 1]
        beta = [1 / (units.kB * t) for t in temperatures[a : a + 2]]
        exponent = (beta[0] - beta[1]) * (cold.hamiltonian() - hot.hamiltonian())
        tally[0, a] += 1
        if rng.random() >= np.exp(min(exponent, 0.0)):
            continue
        tally[1, a] += 1
        cold.walker, hot.walker = hot.walker, cold.walker
        scale = np.sqrt(temperatures[a + 1] / temperatures[a])
        cold.momenta, hot.momenta = hot.momenta / scale, cold.momenta * scale
        cold.barostat, hot.barostat = hot.barostat / scale, cold.barostat * scale
