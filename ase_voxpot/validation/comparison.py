"""Predictions of a model for the frames of a run, and their errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ase.units import GPa

from ase_voxpot.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jaxtyping import Float

    from ase_voxpot.potential import Potential
    from ase_voxpot.vasp.frames import Run

__all__ = ["EnergyErrors", "ForceErrors", "Predicted", "StressErrors", "Trust", "compare_energies", "compare_forces"]
__all__ += ["compare_stress", "predict", "trust_in_forces"]

MILLI = 1000.0
MAGNITUDES = 8
"""Groups of atoms by the size of the force, each with the same number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """Predictions for every frame."""

    energies: Float[np.ndarray, " frame"]  # eV
    forces: Float[np.ndarray, "frame atom 3"]  # eV/Å
    stress: Float[np.ndarray, "frame 6"]  # eV/Å³
    energy_sigma: Float[np.ndarray, " frame"] | None  # eV, one standard deviation
    force_sigma: Float[np.ndarray, "frame atom"] | None  # eV/Å, of a component
    extrapolation: Float[np.ndarray, " frame"] | None  # above 1: more uncertain than all validation frames


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyErrors:
    """meV/atom; ``offset`` is the constant that the ``_offset`` figures take off."""

    name: str
    mae: float
    rmse: float
    offset: float
    mae_offset: float
    rmse_offset: float
    spread: float  # standard deviation of the reference
    correlation: float | None
    drift: float | None  # slope of the error, meV/atom/ps; over the whole run where time is not known
    smearing: float | None  # mean of energy(sigma->0) minus free energy


@dataclass(frozen=True, slots=True, kw_only=True)
class ForceErrors:
    """meV/Å, over Cartesian components."""

    mae: float
    rmse: float
    largest: float
    reference: float  # RMS of the forces of the run
    relative: float  # RMSE over that
    angle: float  # degrees, median between both forces
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StressErrors:
    """GPa, over Voigt components; ``pressure`` is the mean of model minus run."""

    mae: float
    rmse: float
    pressure: float
    reference: float  # mean pressure of the run


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Uncertainty of force components against their errors, in meV/Å."""

    sigma: float  # RMS
    error: float  # RMS
    rank_correlation: float | None
    within_one: float  # part of the errors; 0.68 if normal
    within_two: float  # 0.95
    beyond: float  # fraction of the frames with an extrapolation above 1
    largest: float  # extrapolation


def predict(potential: Potential, run: Run, *, observe: Callable[[int], None] = lambda done: None) -> Predicted:
    """Energies, forces, stress, and uncertainties where the model has them.

    Raises:
        UnknownElementError: the model does not support an element.
        StructureError: a frame has no energy; it is named.
        DataError: a prediction is not finite.
    """
    certain = potential.uncertainty is not None
    results = []
    for number, result in enumerate(potential.stream(run.atoms(), uncertainty=certain), 1):
        if not (np.isfinite(result.energy) and np.isfinite(result.forces).all()):
            raise DataError(f"frame {number}: expected finite energy and forces from the model, got NaN or infinity")
        results.append(result)
        observe(number)
    reported = [r.uncertainty for r in results if r.uncertainty is not None]
    return Predicted(
        energies=np.array([r.energy for r in results]),
        forces=np.array([r.forces for r in results]),
        stress=np.array([r.stress for r in results]),
        energy_sigma=np.array([u.energy for u in reported]) if reported else None,
        force_sigma=np.array([u.forces for u in reported]) if reported else None,
        extrapolation=np.array([u.extrapolation for u in reported]) if reported else None,
    )


def compare_energies(run: Run, predicted: Predicted, name: str) -> EnergyErrors:
    """Errors of the energies called ``name``, per atom.

    All frames have one composition, so that offsets of elements come as one constant.
    """
    scale = MILLI / len(run.symbols)
    reference = scale * run.energies[name]
    error = scale * predicted.energies - reference
    rest = error - error.mean()
    drift = None
    if len(run) >= 3:
        time = np.linspace(0, 1, len(run)) if run.times is None else run.times / 1000
        drift = float(np.polyfit(time, error, 1)[0])
    smearing = None
    if {"free", "zero"} <= set(run.energies):
        smearing = float(scale * (run.energies["zero"] - run.energies["free"]).mean())
    return EnergyErrors(
        name=name,
        mae=_mean_size(error),
        rmse=_rms(error),
        offset=float(error.mean()),
        mae_offset=_mean_size(rest),
        rmse_offset=_rms(rest),
        spread=float(reference.std()),
        correlation=_correlation(reference, scale * predicted.energies),
        drift=drift,
        smearing=smearing,
    )


def compare_forces(reference: np.ndarray, predicted: np.ndarray) -> ForceErrors:
    """Errors over any arrays of forces whose last axis is x y z, in eV/Å."""
    error = MILLI * (predicted - reference)
    sizes = np.linalg.norm(reference, axis=-1) * np.linalg.norm(predicted, axis=-1)
    cosine = np.clip((reference * predicted).sum(axis=-1) / np.where(sizes > 0, sizes, 1.0), -1, 1)
    size = MILLI * _rms(reference)
    return ForceErrors(
        mae=_mean_size(error),
        rmse=_rms(error),
        largest=float(np.abs(error).max()),
        reference=size,
        relative=_rms(error) / size if size > 0 else 0.0,
        angle=float(np.degrees(np.median(np.arccos(np.where(sizes > 0, cosine, 1.0))))),
        count=error.size,
    )


def by_magnitude(reference: np.ndarray, predicted: np.ndarray) -> list[tuple[float, float, ForceErrors]]:
    """Errors of atoms in groups of equal number by |F|: lower and upper bound in eV/Å, and the errors."""
    reference, predicted = reference.reshape(-1, 3), predicted.reshape(-1, 3)
    size = np.linalg.norm(reference, axis=1)
    groups = np.array_split(np.argsort(size, kind="stable"), min(MAGNITUDES, len(size)))
    return [(float(size[g[0]]), float(size[g[-1]]), compare_forces(reference[g], predicted[g])) for g in groups]


def compare_stress(reference: np.ndarray, predicted: np.ndarray) -> StressErrors:
    """Errors in GPa, from stresses in eV/Å³, over frames that have a reference."""
    known = np.isfinite(reference).all(axis=1)
    reference, predicted = reference[known], predicted[known]
    error = (predicted - reference) / GPa
    return StressErrors(
        mae=_mean_size(error),
        rmse=_rms(error),
        pressure=float(-error[:, :3].mean()),
        reference=float(-reference[:, :3].mean() / GPa),
    )


def trust_in_forces(run: Run, predicted: Predicted) -> Trust | None:
    """Uncertainties of force components against errors; None for a model without uncertainty."""
    if predicted.force_sigma is None or predicted.extrapolation is None or run.forces is None:
        return None
    from scipy.stats import spearmanr

    error = np.sqrt(((predicted.forces - run.forces) ** 2).mean(axis=2))
    ratio = np.abs(predicted.forces - run.forces) / predicted.force_sigma[:, :, None]
    varied = np.ptp(error) > 0 and np.ptp(predicted.force_sigma) > 0
    return Trust(
        sigma=MILLI * _rms(predicted.force_sigma),
        error=MILLI * _rms(predicted.forces - run.forces),
        rank_correlation=float(spearmanr(predicted.force_sigma.ravel(), error.ravel())[0]) if varied else None,
        within_one=float((ratio < 1).mean()),
        within_two=float((ratio < 2).mean()),
        beyond=float((predicted.extrapolation > 1).mean()),
        largest=float(predicted.extrapolation.max()),
    )


def _mean_size(values: np.ndarray) -> float:
    return float(np.abs(values).mean())


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))


def _correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])
