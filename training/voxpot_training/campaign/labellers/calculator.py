"""A labeller as an ASE calculator, for computations that move atoms by its forces."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ase.calculators.calculator import Calculator, all_changes

from voxpot_training.campaign.labellers.outcome import LabellerError, Waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ase import Atoms

    from voxpot_training.campaign.labellers.outcome import Labeller

__all__ = ["LabellerCalculator"]


class LabellerCalculator(Calculator):
    """Labels every structure that it is asked for.

    Files of the labeller are written to a temporary folder and removed.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, labeller: Labeller) -> None:
        """Use a labeller, which is left open."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._labeller = labeller

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Energy, forces and, where the labeller gives it, stress.

        Raises:
            LabellerError: no label: an error, the time limit, or a labeller that answers later.
        """
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        now: Any = self.atoms
        with TemporaryDirectory() as folder:
            label = self._labeller.label(now.copy(), Path(folder))
        if isinstance(label, Waiting):
            raise LabellerError(f"expected a label at once, got one that {self._labeller.name} computes later")
        self.results = {"energy": label.energy, "free_energy": label.energy, "forces": label.forces}
        if label.stress is not None:
            self.results["stress"] = label.stress
