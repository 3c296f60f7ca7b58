"""``MchammerCalculator``: a potential as calculator of mchammer (package icet), with local energy changes.

>>> from mchammer.ensembles import CanonicalEnsemble  # doctest: +SKIP
>>> calculator = MchammerCalculator(atoms, "motaw", ["Mo", "Ta", "W"])  # doctest: +SKIP
>>> CanonicalEnsemble(atoms, calculator, temperature=800).run(10_000)  # doctest: +SKIP

Needs icet 4 (``pip install ase-voxpot[mchammer]``), which is imported by this module alone.  Atoms stay at their
sites; a trial evaluates the atoms within the cutoff of the sites that it changes, as ``voxpot mc`` does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from ase.data import atomic_numbers

from ase_voxpot.errors import ConfigError, DivergenceError
from ase_voxpot.extras import require
from ase_voxpot.montecarlo.local import local_walker
from ase_voxpot.potential import Potential
from ase_voxpot.weights import load_potential

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms

try:
    from icet.core.sublattices import Sublattices
    from mchammer.calculators.base_calculator import BaseCalculator
except ModuleNotFoundError:  # which the constructor says
    BaseCalculator = object

__all__ = ["MchammerCalculator"]


class MchammerCalculator(BaseCalculator):  # type: ignore[misc]
    """Energies in eV of the whole structure, and their changes."""

    def __init__(
        self, structure: Atoms, model: str | Path | Potential, species: Sequence[str] | Sequence[Sequence[str]]
    ) -> None:
        """Begin at a structure.

        Args:
            structure: with the positions of all sites, as it is given to the ensemble.
            model: name of a shipped model, path of a weight file, or a ``Potential``.
            species: chemical symbols that every site may have, or those of each site in turn.

        Raises:
            MissingPackageError: icet is not installed, or does not fit.
            ConfigError: elements that the model does not know.
            WeightsError: no such model, or a damaged file.
            StructureError: one of its kinds, if the structure has no energy.
        """
        require("mchammer", "MchammerCalculator")
        super().__init__(name="VoxPot")
        potential = model if isinstance(model, Potential) else load_potential(model)
        self._kinds = {atomic_numbers[symbol]: k for k, symbol in enumerate(potential.spec.species)}
        every = [species] * len(structure) if all(isinstance(symbol, str) for symbol in species) else species
        allowed = cast("list[list[str]]", [list(some) for some in every])
        foreign = sorted({symbol for some in allowed for symbol in some} - set(potential.spec.species))
        if foreign or len(allowed) != len(structure):
            raise ConfigError(
                f"species: expected some of {', '.join(potential.spec.species)} for all sites alike or for each of "
                f"{len(structure)}, got {', '.join(foreign) or f'{len(allowed)} sites'}"
            )
        self._sublattices = Sublattices(allowed, structure, structure, fractional_position_tolerance=1e-6)
        self._walker = local_walker(structure, potential)
        self._trial: tuple[tuple[int, ...], tuple[int, ...]] | None = None
        """Sites and species numbers of a change that is neither kept nor withdrawn."""

    @property
    def sublattices(self) -> Any:
        """Sites that may have the same elements, as ensembles of mchammer need them."""
        return self._sublattices

    def set_occupations(self, occupations: Sequence[int]) -> None:
        """Continue from other atomic numbers of all sites."""
        atoms = self._walker.atoms()
        atoms.numbers = occupations
        self._walker.renew(atoms)
        self._trial = None

    def calculate_total(self, *, occupations: Sequence[int]) -> float:
        """Energy of the atomic numbers of all sites, in eV, which need not be the present ones."""
        self._settle(accept=False)
        wanted = np.array([self._kinds[z] for z in occupations])
        sites = np.flatnonzero(wanted != self._walker.species)
        return self._walker.energy + self._change(sites.tolist(), wanted[sites].tolist())

    def calculate_change(self, *, sites: Sequence[int], current_occupations: Any, new_site_occupations: Any) -> float:
        """Energy change in eV where ``sites`` get other atomic numbers; the present ones are those told before.

        Raises:
            DivergenceError: it is not a number.
        """
        self._settle(accept=False)
        change = self._change(sites, [self._kinds[z] for z in new_site_occupations])
        if not math.isfinite(change):
            raise DivergenceError(f"the energy of a trial is {change}; check the structure and the model")
        return change

    def accept_change(self, *, sites: Sequence[int], species: Sequence[int]) -> None:
        """Keep a change, which is usually the last that was computed."""
        wanted = (tuple(sites), tuple(self._kinds[z] for z in species))
        if wanted != self._trial:
            self._settle(accept=False)
            self._change(*wanted)
        self._settle(accept=True)

    def _change(self, sites: Sequence[int], kinds: Sequence[int]) -> float:
        """As ``Walker.change``, also of no site; it stands until it is kept or withdrawn."""
        if not len(sites):
            return 0.0
        change = self._walker.change(sites, kinds)
        self._trial = (tuple(sites), tuple(kinds))
        return change

    def _settle(self, *, accept: bool) -> None:
        """Keep or withdraw the change that stands, if there is one."""
        if self._trial is not None:
            self._walker.settle(accept=accept)
            self._trial = None
