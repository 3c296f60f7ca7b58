"""Energies of configurations from any ASE calculator, one full evaluation per trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ConfigError, StructureError, VoxPotError
from ase_voxpot.montecarlo.walkers import Walker
from ase_voxpot.neighbours.verlet import check_structure, species_indices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

__all__ = ["FullWalker", "Relaxation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """Relaxation of atoms before a trial is accepted or rejected."""

    steps: int = 20  # of FIRE, at most
    fmax: float = 0.05  # eV/Å, where it ends earlier

    def __post_init__(self) -> None:
        if not (self.steps >= 1 and 0 < self.fmax < 100):
            raise ConfigError(
                f"relaxation: expected one step or more and fmax between 0 and 100 eV/Å, got {self.steps}, {self.fmax}"
            )


class FullWalker(Walker):
    """A configuration whose energy comes from an ASE calculator.

    A swap exchanges the positions of two atoms, which is equivalent and keeps the list of elements of
    the calculator.  With a relaxation every trial is accepted by its relaxed energy, and relaxed positions
    are kept: a walk among minima.
    """

    def __init__(
        self, atoms: Atoms, calculator: Any, elements: Sequence[str], relaxation: Relaxation | None = None
    ) -> None:
        """Begin at ``atoms``.

        Args:
            atoms: not changed.
            calculator: of ASE.
            elements: that may occur.
            relaxation: of every trial; positions stay as they are without it.

        Raises:
            StructureError: the structure has no energy.
        """
        self.elements, self._calculator, self._relaxation = tuple(elements), calculator, None
        self.renew(atoms)
        self._relaxation = relaxation
        self._energy = self._evaluate()

    def renew(self, atoms: Atoms) -> None:
        """Continue from other positions and species."""
        check_structure(atoms)
        relaxation, self._relaxation = self._relaxation, None
        from ase.data import atomic_numbers

        self._numbers = [atomic_numbers[s] for s in self.elements]
        self.species = species_indices(atoms.get_chemical_symbols(), self.elements)
        self._atoms = atoms.copy()
        self._atoms.calc = self._calculator
        self._order = np.arange(len(atoms))  # the atom on every site
        self._energy = self._evaluate()
        if not np.isfinite(self._energy):
            raise StructureError(f"the calculator says that the energy of the structure is {self._energy}")
        self._relaxation = relaxation

    def _evaluate(self) -> float:
        forget: Any = getattr(self._calculator, "forget", lambda: None)
        forget()  # so that the energy does not depend on earlier calls
        try:
            if self._relaxation is not None:
                from ase.optimize import FIRE

                FIRE(self._atoms, logfile=None).run(fmax=self._relaxation.fmax, steps=self._relaxation.steps)
            return float(self._atoms.get_potential_energy())
        except VoxPotError:
            raise
        except Exception as error:  # a foreign calculator may raise anything
            raise StructureError(
                f"the calculator {type(self._calculator).__name__} gives no energy for the structure "
                f"({type(error).__name__}: {error})"
            ) from None

    @property
    def energy(self) -> float:
        """eV, of the present configuration."""
        return self._energy

    def atoms(self) -> Atoms:
        """The structure, atoms in the order of the sites."""
        out = self._atoms.copy()
        out.calc = None
        return out[self._order]

    def change(self, sites: Sequence[int], kinds: Sequence[int]) -> float:
        """eV, a full evaluation."""
        self._before = (self._atoms.positions.copy(), self._atoms.numbers.copy(), self._order.copy())
        self._was = (self.species.copy(), self._energy)
        atoms, at = self._atoms, [self._order[i] for i in sites]
        if len(sites) == 2:
            self._order[list(sites)] = at[::-1]
            atoms.positions[at] = atoms.positions[at[::-1]]
        else:
            atoms.numbers[at[0]] = self._numbers[kinds[0]]
        self.species[list(sites)] = kinds
        self._energy = self._evaluate()
        return self._energy - self._was[1]

    def settle(self, accept: bool) -> None:
        """Keep the trial configuration, or restore the previous one."""
        if not accept:
            self._atoms.positions[:], self._atoms.numbers[:], self._order = self._before
            self.species, self._energy = self._was
