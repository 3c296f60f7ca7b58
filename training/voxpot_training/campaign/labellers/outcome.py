"""Labels, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ase_voxpot.errors import DataError, VoxPotError
from ase_voxpot.frames.labels import labels_of
from ase_voxpot.vasp.atoms import UNCONVERGED

if TYPE_CHECKING:
    from pathlib import Path

    from ase import Atoms
    from jaxtyping import Float

__all__ = ["Label", "Labeller", "LabellerError", "Waiting", "label_in", "refuse_other_structure"]

OWN = ("id", "config_type", "converged")
"""Entries of ``info`` that are not about the label."""
MOVED = 1e-3
"""Å; atoms of a labelled frame are not farther than this from where they were."""


class LabellerError(VoxPotError):
    """A frame that could not be labelled; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A label that somebody else computes, and that is not there yet."""

    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a labeller says of one frame."""

    energy: float  # eV; the free energy, where there are two
    forces: Float[np.ndarray, "atom 3"]  # eV/Å
    stress: Float[np.ndarray, " 6"] | None  # eV/Å³, Voigt, ASE's sign
    seconds: float = 0.0  # that it took
    facts: dict[str, Any] = field(default_factory=dict)  # code, functional, k-points …: numbers and texts

    def to_json(self) -> dict[str, Any]:
        """As JSON has it, to the last bit."""
        stress = None if self.stress is None else [float(x) for x in self.stress]
        return {
            "energy": self.energy,
            "forces": np.asarray(self.forces).tolist(),
            "stress": stress,
            "seconds": self.seconds,
            "facts": self.facts,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> Label:
        """What ``to_json`` gave."""
        stress = None if data["stress"] is None else np.array(data["stress"])
        forces = np.array(data["forces"], float).reshape(-1, 3)
        return Label(
            energy=data["energy"], forces=forces, stress=stress, seconds=data["seconds"], facts=dict(data["facts"])
        )


class Labeller(Protocol):
    """Labels frames one by one."""

    name: str

    def label(self, atoms: Atoms, folder: Path) -> Label | Waiting:
        """The label of a frame.

        Args:
            atoms: the structure; not changed.
            folder: of this frame, for files that are to stay.

        Raises:
            LabellerError: the frame cannot be labelled: an error, the time limit, no convergence.
        """

    def cost(self, atoms: Atoms) -> float:
        """About how many seconds a frame takes."""

    def close(self) -> None:
        """End processes that serve this labeller."""


def label_in(answer: Atoms, asked: Atoms, *, seconds: float) -> Label:
    """The label that a labelled frame carries.

    Args:
        answer: from a file, with results under the names of ``LabelKeys`` or stored.
        asked: the frame that was to be labelled.
        seconds: that it took, unless the frame says it (``info["seconds"]``).

    Raises:
        LabellerError: no label, not converged, or of another structure.
    """
    refuse_other_structure(answer, asked)
    if answer.info.get(UNCONVERGED) or answer.info.get("converged") in (False, "F"):
        raise LabellerError("the electronic loop did not converge")
    try:
        label = labels_of([answer])[0]
    except DataError as error:
        raise LabellerError(str(error).removeprefix("frame 0: ")) from None
    facts = {k: v for k, v in answer.info.items() if isinstance(v, str | int | float | bool) and k not in OWN}
    took = facts.pop("seconds", seconds)
    stress = None if label.stress is None else np.asarray(label.stress, float)
    return Label(energy=label.energy, forces=label.forces, stress=stress, seconds=float(took), facts=facts)


def refuse_other_structure(answer: Atoms, asked: Atoms) -> None:
    """Raise if a labelled frame is not the one that was asked for.

    Raises:
        LabellerError: other atoms, or atoms that moved.
    """
    if len(answer) != len(asked) or (answer.numbers != asked.numbers).any():
        raise LabellerError(
            f"expected the atoms that were given, in their order ({asked.get_chemical_formula()}), "
            f"got {answer.get_chemical_formula()}"
        )
    if not np.allclose(answer.cell.array, asked.cell.array, atol=MOVED):
        raise LabellerError("the cell is not the one that was given: the labeller relaxed it, or wrote another frame")
    moved = answer.positions - asked.positions
    if asked.cell.rank == 3:
        share = np.linalg.solve(asked.cell.array.T, moved.T).T
        moved = (share - np.where(asked.pbc, np.rint(share), 0)) @ asked.cell.array
    if np.abs(moved).max(initial=0) > MOVED:
        raise LabellerError("atoms are not where they were: the labeller relaxed them, or wrote another frame")
