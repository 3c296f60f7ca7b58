"""``VoxPotCalculator``: the potential as ASE knows calculators.  It only translates.

>>> from ase.build import bulk
>>> atoms = bulk("W", "bcc", a=3.19)
>>> atoms.calc = VoxPotCalculator("motaw")  # doctest: +SKIP
>>> atoms.get_potential_energy()  # eV  # doctest: +SKIP

Importing this module makes the name ``voxpot`` known to
``ase.calculators.calculator.get_calculator_class``.
"""

from __future__ import annotations

from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from ase.calculators.calculator import Calculator, all_changes, register_calculator_class

from ase_voxpot.errors import DivergenceError
from ase_voxpot.potential import Potential
from ase_voxpot.weights import load_potential

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from ase import Atoms

__all__ = ["VoxPotCalculator"]

UNCERTAINTIES = ("energy_uncertainty", "energies_uncertainty", "forces_uncertainty", "extrapolation")
"""Results that only models with an uncertainty have; the class explains them."""
SKIN = 0.5
"""Å, so that dynamics of a hot solid searches for neighbours every few dozen steps."""


class VoxPotCalculator(Calculator):
    """Energy, forces, stress and per-atom energies of a voxel potential.

    One instance serves structures of any cell, size and composition one after the
    other.  ``energies`` sum to ``energy``, which is also the ``free_energy``; ``stress``
    (eV/Å³, Voigt xx yy zz yz xz xy) exists wherever three cell vectors span a volume, periodic or not, as
    with ASE's own calculators; of a slab it is the derivative by strain over the volume with the vacuum.
    All results are float64, whatever the network computes in.

    With ``uncertainty=True`` there are more, under names that ASE does not know and therefore
    leaves out of its files; without it, ``get_property`` computes them when asked for one:

        energy_uncertainty      eV, of the energy of the structure
        energies_uncertainty    eV, of the energy of every atom
        forces_uncertainty      eV/Å, of a component of the force on every atom
        extrapolation           over 1: less certain than any frame the model was validated with

    >>> atoms.calc.get_property("energy_uncertainty", atoms) / len(atoms)  # eV/atom  # doctest: +SKIP
    """

    name = "voxpot"
    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]
    ignored_changes = {"initial_charges", "initial_magmoms"}

    def __init__(
        self,
        model: str | Path | Potential = "motaw",
        device: str = "auto",
        dtype: Literal["float32", "float64"] = "float32",
        uncertainty: bool = False,
        **kwargs: Any,
    ) -> None:
        """Load a model.

        Args:
            model: name of a shipped model, path of a weight file, or a ``Potential``,
                which then brings its own device and precision.
            device: ``auto`` takes a GPU if there is one; or ``cpu``, ``cuda``.
            dtype: precision inside the network.
            uncertainty: give the uncertainties with every result, at a few percent of the cost.
            kwargs: what every ASE calculator takes: ``label``, ``atoms``, ``directory``.

        Raises:
            WeightsError: no such model, or a file that must not be trusted.
            DeviceError: the device is not there.
            SpecError: the model has no uncertainty, but it was asked for.
            TypeError: a keyword that is not known.
        """
        if isinstance(model, Potential):
            self.potential = model
        else:
            self.potential = load_potential(model, device=device, dtype=dtype)
        self._neighbours = self.potential.neighbour_list(skin=SKIN)
        if uncertainty:
            self.potential.known_uncertainty()
        self._always = uncertainty
        self._lock = RLock()
        if self.potential.uncertainty is not None:
            self.implemented_properties = [*type(self).implemented_properties, *UNCERTAINTIES]
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.parameters.update(
            model="a Potential" if isinstance(model, Potential) else str(model),
            device=str(self.potential.device),
            dtype=str(self.potential.dtype).removeprefix("torch."),
        )

    def set(self, **kwargs: Any) -> dict[str, Any]:
        """Refuse to become another model: that is a new calculator.

        Raises:
            TypeError: if anything is to be changed.
        """
        if kwargs:
            raise TypeError(
                f"VoxPotCalculator knows model, device and dtype when it is made, got {', '.join(sorted(kwargs))}; "
                "make a new calculator to change them"
            )
        return {}

    def forget(self) -> None:
        """Drop results and neighbours, so that the next call depends on nothing before it.

        ``reset``, which ASE calls whenever atoms moved, keeps the neighbours: reusing
        them between steps is their purpose.
        """
        self.reset()  # type: ignore[no-untyped-call]
        self._neighbours = self.potential.neighbour_list(skin=SKIN)

    def check_state(self, atoms: Atoms, tol: float = 0.0) -> list[str]:
        """What changed since the last calculation; ASE's own comparison takes longer than a small cell."""
        if self.atoms is None:
            return list(all_changes)
        before: Any = self.atoms
        pairs = {
            "positions": (before.positions, atoms.positions),
            "numbers": (before.numbers, atoms.numbers),
            "cell": (before.cell.array, atoms.cell.array),
            "pbc": (before.pbc, atoms.pbc),
        }
        return [name for name, (old, new) in pairs.items() if not np.array_equal(old, new)]

    def get_property(self, name: str, atoms: Atoms | None = None, allow_calculation: bool = True) -> Any:
        """As every calculator of ASE; threads that share one wait, lest they get the results of each other."""
        with self._lock:
            return super().get_property(name, atoms, allow_calculation)  # type: ignore[no-untyped-call]

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] | None = None,
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Fill ``results``: one forward and one backward pass serve all properties.

        Raises:
            StructureError: one of its kinds, if the structure has no energy.
            DivergenceError: the model gives none that is a number.
        """
        properties = properties or type(self).implemented_properties
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        seen = cast("Atoms", self.atoms)
        asked = self._always or not set(UNCERTAINTIES).isdisjoint(properties)
        result = self.potential.evaluate(seen, neighbours=self._neighbours, uncertainty=asked)
        if not np.isfinite(result.energy + result.forces.sum()):
            raise DivergenceError(
                "expected a finite energy and finite forces from the model, got NaN or infinity; "
                "the structure is far from anything it was trained on, or its weights are damaged"
            )
        self.results = {
            "energy": result.energy,
            "free_energy": result.energy,
            "energies": result.energies,
            "forces": result.forces,
        }
        if result.volume is not None:
            self.results["stress"] = result.stress
        if result.uncertainty is not None:
            said = result.uncertainty
            values = (said.energy, said.energies, said.forces, said.extrapolation)
            self.results |= dict(zip(UNCERTAINTIES, values, strict=True))

    def export_properties(self) -> Any:
        """The results that ASE has names for, as its ``Properties``."""
        from ase.outputs import Properties

        return Properties({k: v for k, v in self.results.items() if k not in UNCERTAINTIES})

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the lock and the neighbours, which a copy looks for anew."""
        kept = {**self.__dict__, "_neighbours": self.potential.neighbour_list(skin=SKIN)}
        del kept["_lock"]
        return kept

    def __setstate__(self, state: dict[str, Any]) -> None:
        """What ``__getstate__`` gave, with a lock of its own."""
        self.__dict__.update(state, _lock=RLock())


register_calculator_class(VoxPotCalculator.name, VoxPotCalculator)
