"""``VoxPotCalculator``: the ASE calculator of a potential.

>>> from ase.build import bulk
>>> atoms = bulk("W", "bcc", a=3.19)
>>> atoms.calc = VoxPotCalculator("motaw")  # doctest: +SKIP
>>> atoms.get_potential_energy()  # eV  # doctest: +SKIP

``ase.calculators.calculator.get_calculator_class`` knows it as ``voxpot``.
"""

from __future__ import annotations

from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from ase.calculators.calculator import (
    Calculator,
    PropertyNotImplementedError,
    all_changes,
    external_calculators,
    register_calculator_class,
)

from ase_voxpot.errors import DivergenceError, WeightsError
from ase_voxpot.frames.disorder import AS_THEY_ARE, refuse_disorder
from ase_voxpot.potential import Potential
from ase_voxpot.weights import load_potential

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Literal

    from ase import Atoms

__all__ = ["VoxPotCalculator"]

UNCERTAINTIES = ("energy_uncertainty", "energies_uncertainty", "forces_uncertainty", "extrapolation")
"""Results of models with uncertainty, see the class."""
OF_ATOMS = ("energies_uncertainty", "forces_uncertainty")
"""Those with one value or row per atom."""
UNNAMED = "a Potential in memory"
"""The parameter ``model`` of a calculator made from a ``Potential`` without a file."""
SKIN = 0.5
"""Å; dynamics of a hot solid then searches for neighbours every few dozen steps."""


class VoxPotCalculator(Calculator):
    """Energy, forces, stress and per-atom energies of a trained potential.

    One instance serves structures of any cell, size and composition one after the
    other.  ``energies`` sum to ``energy``, which is also the ``free_energy``; ``stress``
    (eV/Å³, Voigt xx yy zz yz xz xy) exists wherever three cell vectors span a volume, periodic or not, as
    with ASE's own calculators; of a slab it is the derivative by strain over the volume with the vacuum.
    All results are float64, whatever the network computes in.

    With ``uncertainty=True``, ``results`` holds four more; without it, ``get_property`` computes them on
    request:

        energy_uncertainty      eV, of the energy of the structure
        energies_uncertainty    eV, of the energy of every atom
        forces_uncertainty      eV/Å, of a component of the force on every atom
        extrapolation           above 1: more uncertain than any validation frame of the model

    >>> atoms.calc.get_property("energy_uncertainty", atoms) / len(atoms)  # eV/atom  # doctest: +SKIP

    ASE has no names for these, so they are not among the ``implemented_properties``, its writers
    leave them out, and its ``SinglePointCalculator`` refuses a ``results`` that holds them; ``frozen``
    gives a copy of the atoms that extended XYZ keeps with all of them.

    ``parameters`` are the arguments that recreate this calculator: ``VoxPotCalculator(**calc.parameters)``.
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
            WeightsError: no such model, or a damaged file; or the ``parameters`` of a
                calculator that was made from a ``Potential`` without a file.
            DeviceError: the device is not there.
            SpecError: the model has no uncertainty, but it was asked for.
            TypeError: a keyword that is not known.
        """
        if model == UNNAMED:
            raise WeightsError(
                "expected the name or path of a model, got the parameters of a calculator that was made from a "
                "Potential in memory; write that with save_potential and give the path"
            )
        if isinstance(model, Potential):
            self.potential = model
        else:
            self.potential = load_potential(model, device=device, dtype=dtype)
        self._neighbours = self.potential.neighbour_list(skin=SKIN)
        if uncertainty:
            self.potential.known_uncertainty()
        self._always = uncertainty
        self._lock = RLock()
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.parameters.update(
            model=self.potential.source or UNNAMED,
            device=self.potential.device,
            dtype=self.potential.dtype.name,
            uncertainty=uncertainty,
        )

    def set(self, **kwargs: Any) -> dict[str, Any]:
        """Accept the present parameters only: another model needs a new calculator.

        Raises:
            TypeError: if a value differs from the present one; equal values are accepted.
        """
        changed = sorted(k for k, value in kwargs.items() if k not in self.parameters or self.parameters[k] != value)
        if changed:
            raise TypeError(
                "VoxPotCalculator knows model, device, dtype and uncertainty when it is made, "
                f"got {', '.join(changed)}; make a new calculator to change them"
            )
        return {}

    def forget(self) -> None:
        """Delete results and neighbour lists, so that the next result does not depend on earlier calls.

        ``reset``, which ASE calls whenever atoms moved, keeps the neighbour lists,
        which are reused between steps.
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
        """As every calculator of ASE, and the uncertainties by their names.

        A lock serialises threads that share a calculator.

        Raises:
            PropertyNotImplementedError: the model has no such property, or the structure none, as a
                stress without a volume.
            OccupancyError: partially occupied sites, also where the same atoms without them were computed before.
        """
        if atoms is not None:
            refuse_disorder(atoms, AS_THEY_ARE)
        with self._lock:
            if name not in UNCERTAINTIES:
                return super().get_property(name, atoms, allow_calculation)  # type: ignore[no-untyped-call]
            if self.potential.uncertainty is None:
                raise PropertyNotImplementedError(f"{name} is known of models with an uncertainty, this one has none")
            if atoms is not None and self.check_state(atoms):
                self.reset()  # type: ignore[no-untyped-call]
            if name not in self.results:
                if not allow_calculation:
                    return None
                self.calculate(atoms, [name])
            return np.copy(self.results[name]) if name in OF_ATOMS else self.results[name]

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] | None = None,
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Fill ``results``: one forward and one backward pass serve all properties.

        Raises:
            StructureError: one of its kinds, if the structure has no energy.
            DivergenceError: an energy, force or stress is not finite.
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
            answer = result.uncertainty
            values = (answer.energy, answer.energies, answer.forces, answer.extrapolation)
            self.results |= dict(zip(UNCERTAINTIES, values, strict=True))

    def export_properties(self) -> Any:
        """The results that ASE has names for, as its ``Properties``."""
        from ase.outputs import Properties

        return Properties(self._named())

    def frozen(self, atoms: Atoms) -> Atoms:
        """A copy of ``atoms`` with its results stored, independent of the model.

        Properties of ASE are stored in a ``SinglePointCalculator``.  Uncertainties are computed with it if the
        calculator was made with ``uncertainty=True``: ``energy_uncertainty`` and ``extrapolation`` are in
        ``info``, ``energies_uncertainty`` and ``forces_uncertainty`` in ``arrays``.  Extended XYZ keeps all of
        them; ASE's .traj keeps ``info`` but no arrays of other names than its own.

        Raises:
            StructureError: one of its kinds, if the structure has no energy.
        """
        from ase.calculators.singlepoint import SinglePointCalculator

        with self._lock:
            self.get_property("energy", atoms)
            copy, results = atoms.copy(), self.results
            kept: Any = SinglePointCalculator(copy, **self._named())
        kept.name = self.name
        kept.parameters.update(self.parameters)
        copy.calc = kept
        for name in results.keys() & set(UNCERTAINTIES):
            place: Any = copy.arrays if name in OF_ATOMS else copy.info
            place[name] = np.copy(results[name]) if name in OF_ATOMS else results[name]
        return copy

    def _named(self) -> dict[str, Any]:
        return {name: value for name, value in self.results.items() if name not in UNCERTAINTIES}

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the lock and the neighbour lists."""
        kept = {**self.__dict__, "_neighbours": self.potential.neighbour_list(skin=SKIN)}
        del kept["_lock"]
        return kept

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the state of ``__getstate__`` and make a new lock."""
        self.__dict__.update(state, _lock=RLock())


if VoxPotCalculator.name in external_calculators:  # this module was loaded again
    external_calculators[VoxPotCalculator.name] = VoxPotCalculator
else:
    register_calculator_class(VoxPotCalculator.name, VoxPotCalculator)
