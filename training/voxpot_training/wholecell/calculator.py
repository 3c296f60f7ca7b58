"""``WholeCellCalculator``: an ASE calculator of forces by a whole-cell network.

    voxpot_training.wholecell.calculator:make:runs/wholecell/wholecell.safetensors

names it for options that take a calculator (``module:factory:argument``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes

from ase_voxpot.errors import StructureError
from voxpot_training.wholecell.model import WholeCellModel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ase import Atoms

__all__ = ["WholeCellCalculator", "make"]

NO_ENERGY = (
    "a whole-cell network says forces and nothing else: they are three outputs of their own, not the slope of an "
    "energy, and as the work around a closed path is not zero there is none; ask a potential for {}"
)
TOLERANCE = 1e-3
"""Å, tolerance of the cell."""


class WholeCellCalculator(Calculator):
    """Forces on the atoms of one cell, in the order of the frames that the network was trained on.

    Other cells, other atoms and another order are refused, as results would be meaningless. Atoms
    outside of the outer box are refused, too, unless the model clips them.  The network is not
    periodic: positions must not be wrapped.

    >>> atoms.calc = WholeCellCalculator("wholecell.safetensors")  # doctest: +SKIP
    >>> atoms.get_forces()  # eV/Å  # doctest: +SKIP
    """

    name = "wholecell"
    implemented_properties = ["forces"]

    def __init__(self, model: str | Path | WholeCellModel, **kwargs: Any) -> None:
        """Load a model.

        Args:
            model: a file, or a ``WholeCellModel``.
            kwargs: what every ASE calculator takes.

        Raises:
            WeightsError: no such file, or a damaged one.
        """
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.model = model if isinstance(model, WholeCellModel) else WholeCellModel.load(model)

    def get_property(self, name: str, atoms: Atoms | None = None, allow_calculation: bool = True) -> Any:
        """Forces.

        Raises:
            PropertyNotImplementedError: anything else, with the reason.
        """
        if name != "forces":
            raise PropertyNotImplementedError(NO_ENERGY.format(name))
        return super().get_property(name, atoms, allow_calculation)  # type: ignore[no-untyped-call]

    def get_potential_energy(self, atoms: Atoms | None = None, force_consistent: bool = False) -> Any:
        """There is none.

        Raises:
            PropertyNotImplementedError: always, with the reason.
        """
        raise PropertyNotImplementedError(NO_ENERGY.format("energy"))

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("forces",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Fill ``results``.

        Raises:
            StructureError: not the atoms, the order or the cell of the training, or an atom outside of the box.
            DivergenceError: a force is not finite.
        """
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        seen: Any = self.atoms
        self._refuse_other(seen)
        self.results = {"forces": self.model.forces(seen.positions[None])[0].astype(float)}

    def _refuse_other(self, atoms: Atoms) -> None:
        known = self.model.numbers
        if len(atoms) != len(known):
            raise StructureError(f"expected the {len(known)} atoms that the network was trained on, got {len(atoms)}")
        if not np.array_equal(atoms.numbers, known):
            k = int(np.flatnonzero(atoms.numbers != known)[0])
            raise StructureError(
                f"expected the atoms in the order of the training, where atom {k} has Z = {known[k]}, "
                f"got {atoms.numbers[k]}; put them back in order"
            )
        if np.abs(atoms.cell.array - self.model.cell).max() > TOLERANCE:
            raise StructureError(
                "expected the cell of the training, which is fixed in a network over a whole cell, got another one"
            )


def make(model: str) -> WholeCellCalculator:
    """A calculator for ``module:factory:argument``."""
    return WholeCellCalculator(model)
