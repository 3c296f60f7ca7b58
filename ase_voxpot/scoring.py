"""Errors of a potential on labelled frames, per group and in total.

energy_mae          mean |ΔE| / atoms over frames, meV/atom
energy_mae_offset   the same after the best constant per element is taken off:
                    ΔE/n = Σ_c x_c o_c with the concentrations x_c, by least squares over
                    all frames; independent of the zero of energy
energy_rmse         root of the mean (ΔE / atoms)², meV/atom
force_mae, _rmse    over Cartesian components, meV/Å
stress_mae          over Voigt components of frames that have a label, GPa
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import GPa

from ase_voxpot.errors import DataError, VoxPotError
from ase_voxpot.frames.disorder import refuse_disorder
from ase_voxpot.neighbours.verlet import VerletList, species_indices
from ase_voxpot.peers import stress_or_none
from ase_voxpot.spec import decode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ase import Atoms
    from jaxtyping import Float

    from ase_voxpot.frames.labels import Labels
    from ase_voxpot.potential import Potential

__all__ = ["Figures", "Prediction", "Scores", "predict", "predict_with", "refuse_unfit", "score"]

MILLI = 1000.0
"""meV in an eV."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Predicted labels of one frame."""

    energy: float  # eV
    forces: Float[np.ndarray, "atom 3"]  # eV/Å
    stress: Float[np.ndarray, " 6"] | None  # eV/Å³, None without a volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Errors over some frames; units are given in the docstring of this module."""

    frames: int
    atoms: int
    energy_mae: float  # meV/atom
    energy_mae_offset: float  # meV/atom
    energy_rmse: float  # meV/atom
    force_mae: float  # meV/Å
    force_rmse: float  # meV/Å
    stress_mae: float | None  # GPa


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The errors over all frames, and over the frames of each group."""

    total: Figures
    groups: dict[str, Figures]

    def to_json(self, *, model: str) -> dict[str, Any]:
        """The figures in total at the top level, those of the groups below ``groups``."""
        groups = {name: asdict(figures) for name, figures in self.groups.items()}
        return {"model": model, **asdict(self.total), "groups": groups}

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Scores:
        """The figures that ``to_json`` wrote.

        Raises:
            ConfigError: invalid data.
        """
        names = {f.name for f in fields(Figures)}

        def figures(values: Mapping[str, Any], where: str) -> Figures:
            return decode(Figures, {k: v for k, v in values.items() if k in names}, where=where)

        groups = {name: figures(values, name) for name, values in dict(data.get("groups", {})).items()}
        return Scores(total=figures(data, "total"), groups=groups)


def refuse_unfit(potential: Potential, atoms: Atoms) -> None:
    """Raise for a frame without an energy, without evaluating it.

    Raises:
        StructureError: one of its kinds.
    """
    refuse_disorder(atoms)
    species_indices(atoms.get_chemical_symbols(), potential.spec.species)
    VerletList(0.1).update(atoms)


def predict(potential: Potential, frames: Sequence[Atoms], *, first: int = 0) -> Iterator[Prediction]:
    """Predictions for each frame, in their order; small frames are evaluated in batches.

    Args:
        potential: of the frames' elements.
        frames: any number.
        first: number of the first frame, for messages.

    Raises:
        StructureError: one of its kinds, naming the frame.
        DataError: a prediction is not finite.
    """
    for number, result in enumerate(potential.stream(frames, first=first), first):
        if not (np.isfinite(result.energy) and np.isfinite(result.forces).all()):
            raise DataError(f"frame {number}: expected finite energy and forces from the model, got NaN or infinity")
        stress = None if result.volume is None else result.stress
        yield Prediction(energy=result.energy, forces=result.forces, stress=stress)


def predict_with(calculator: Any, frames: Sequence[Atoms], *, first: int = 0) -> Iterator[Prediction]:
    """Predictions of any ASE calculator for each frame, in their order; the free energy, if it has one.

    Args:
        calculator: any.
        frames: any number; not changed.
        first: number of the first frame, for messages.

    Raises:
        DataError: it fails, or a prediction is not finite; the message has the number of the frame.
    """
    for number, frame in enumerate(frames, first):
        atoms = frame.copy()
        atoms.calc = calculator
        try:
            energy, forces = float(atoms.get_potential_energy()), np.array(atoms.get_forces())
            free = getattr(calculator, "results", {}).get("free_energy")
            energy = energy if free is None else float(free)
            stress = stress_or_none(atoms) if "stress" in calculator.implemented_properties else None
        except VoxPotError as error:
            raise DataError(f"frame {number}: {error}") from None
        except Exception as error:  # a foreign calculator may raise anything
            raise DataError(f"frame {number}: the calculator failed ({type(error).__name__}: {error})") from None
        if not (np.isfinite(energy) and np.isfinite(forces).all()):
            raise DataError(f"frame {number}: expected finite energy and forces, got NaN or infinity")
        yield Prediction(energy=energy, forces=forces, stress=stress)


def score(frames: Sequence[Atoms], labels: Sequence[Labels], predictions: Sequence[Prediction]) -> Scores:
    """Compare predictions with labels.

    Args:
        frames: the structures, at least one.
        labels: one per frame; their ``group`` makes the groups.
        predictions: one per frame.
    """
    error = np.array(
        [(p.energy - l.energy) / len(a) for a, l, p in zip(frames, labels, predictions, strict=True)], dtype=float
    )
    rest = error - _offsets(frames, error)
    members: dict[str, list[int]] = {}
    for number, label in enumerate(labels):
        members.setdefault(label.group, []).append(number)

    def figures(rows: Sequence[int]) -> Figures:
        forces = np.concatenate([(predictions[k].forces - labels[k].forces).ravel() for k in rows])
        return Figures(
            frames=len(rows),
            atoms=sum(len(frames[k]) for k in rows),
            energy_mae=MILLI * _mean_size(error[rows]),
            energy_mae_offset=MILLI * _mean_size(rest[rows]),
            energy_rmse=MILLI * _root_mean_square(error[rows]),
            force_mae=MILLI * _mean_size(forces),
            force_rmse=MILLI * _root_mean_square(forces),
            stress_mae=_stress_mae([labels[k] for k in rows], [predictions[k] for k in rows]),
        )

    return Scores(
        total=figures(range(len(frames))), groups={name: figures(rows) for name, rows in sorted(members.items())}
    )


def _offsets(frames: Sequence[Atoms], error: Float[np.ndarray, " frame"]) -> Float[np.ndarray, " frame"]:
    """The part of the errors per atom that one constant per element explains."""
    elements = sorted({int(z) for atoms in frames for z in atoms.numbers})
    shares = np.array([[np.mean(atoms.numbers == z) for z in elements] for atoms in frames])
    constants = np.linalg.lstsq(shares, error, rcond=None)[0]
    return shares @ constants


def _stress_mae(labels: Sequence[Labels], predictions: Sequence[Prediction]) -> float | None:
    errors = [
        p.stress - l.stress
        for l, p in zip(labels, predictions, strict=True)
        if l.stress is not None and p.stress is not None
    ]
    return _mean_size(np.array(errors)) / float(GPa) if errors else None


def _mean_size(values: np.ndarray) -> float:
    return float(np.abs(values).mean())


def _root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))
