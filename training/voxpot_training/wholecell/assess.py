"""Errors in meV/Å beside those of other methods, and their dependence on parameters and symmetry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from voxpot_training.wholecell.atom_centred import ask
from voxpot_training.wholecell.baselines import fit_harmonic, fit_linear, harmonic_energies
from voxpot_training.wholecell.splits import spread
from voxpot_training.wholecell.voxelizer import voxelize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ase_voxpot.potential import Potential
    from voxpot_training.wholecell.frames import FrameSet
    from voxpot_training.wholecell.model import WholeCellModel
    from voxpot_training.wholecell.splits import Split
    from voxpot_training.wholecell.voxelizer import WholeCellSpec

__all__ = [
    "Asked",
    "Errors",
    "baselines",
    "errors",
    "gamma_scan",
    "potential_errors",
    "shift_scan",
    "symmetry_errors",
    "tolerant",
]

Asked = Callable[[np.ndarray], np.ndarray]
"""Positions in Å to forces in eV/Å, both [frame, atom, 3]."""

MOST = 2000
"""Frames of a scan."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors of forces, over frames, atoms and components."""

    mae: float  # meV/Å
    rmse: float  # meV/Å
    loss: float  # mean square in units of the largest force that was trained on
    explained: float  # 1 - squared error over squared force: 0 for zero forces
    energy_mae: float | None = None  # meV/atom; None for what has no energy
    energy_rmse: float | None = None  # meV/atom


def errors(result: np.ndarray, true: np.ndarray, force_scale: float, *, energy: np.ndarray | None = None) -> Errors:
    """Errors of forces in eV/Å.

    Args:
        result: [frame, atom, 3].
        true: the same.
        force_scale: the largest force that was learned from.
        energy: errors of energies in eV/atom, of what has an energy.
    """
    wrong = np.asarray(result, float).reshape(true.shape) - true
    square = float((wrong**2).mean())
    return Errors(
        mae=1000 * float(np.abs(wrong).mean()),
        rmse=1000 * square**0.5,
        loss=square / force_scale**2,
        explained=1 - square / float((np.asarray(true, float) ** 2).mean()),
        energy_mae=None if energy is None else 1000 * float(np.abs(energy).mean()),
        energy_rmse=None if energy is None else 1000 * float((energy**2).mean()) ** 0.5,
    )


def baselines(frames: FrameSet, voxels: np.ndarray, split: Split) -> dict[str, Errors]:
    """Zero forces, force constants and a straight line through the voxels, on the validation frames.

    Zero forces belong to a constant energy, which is the mean of what was learned from; so does the energy
    that is added to the springs'.
    """
    rows, scale = split.validation, float(np.abs(frames.forces[split.train]).max())
    true = frames.forces[rows]
    harmonic = fit_harmonic(frames.positions, frames.forces, split.train)
    linear = fit_linear(voxels, frames.forces, split.train)
    per_atom = frames.energies / len(frames.numbers)
    springs = harmonic_energies(harmonic, frames.positions) / len(frames.numbers)
    rest = per_atom - springs
    return {
        "zero forces": errors(np.zeros_like(true), true, scale, energy=per_atom[split.train].mean() - per_atom[rows]),
        "force constants": errors(
            harmonic(frames.positions[rows]), true, scale, energy=rest[split.train].mean() - rest[rows]
        ),
        "straight line through the voxels": errors(linear(voxels[rows]), true, scale),
    }


def potential_errors(potential: Potential, frames: FrameSet, split: Split) -> Errors:
    """Errors of an atom-centred potential on all validation frames."""
    rows = split.validation
    energies, forces = ask(potential, frames, frames.positions[rows])
    wrong = (energies - frames.energies[rows]) / len(frames.numbers)
    return errors(forces, frames.forces[rows], float(np.abs(frames.forces[split.train]).max()), energy=wrong)


def gamma_scan(
    frames: FrameSet, spec: WholeCellSpec, split: Split, gammas: Sequence[float], readings: Sequence[str]
) -> dict[str, list[float]]:
    """Loss of a linear model of the voxels, over the loss of zero forces, against γ.

    A network may do better than a linear model, but not with information that is lost in rounding.
    """
    train, valid = spread(split.train, MOST), spread(split.validation, MOST)
    rows = np.concatenate([train, valid])
    forces, charges = frames.forces[rows], frames.numbers.astype(float)
    nothing = float((forces[len(train) :] ** 2).mean())
    out: dict[str, list[float]] = {reading: [] for reading in readings}
    for reading in readings:
        for gamma in gammas:
            options: Any = {"gamma": gamma, "reading": reading}
            voxels, _ = voxelize(frames.positions[rows], charges, replace(spec, **options))
            line = fit_linear(voxels, forces, np.arange(len(train)))
            wrong = line(voxels[len(train) :]).reshape(len(valid), -1, 3) - forces[len(train) :]
            out[reading].append(float((wrong**2).mean()) / nothing)
    return out


def shift_scan(
    asked: Mapping[str, Asked], frames: FrameSet, rows: np.ndarray, shifts: Sequence[float]
) -> dict[str, list[float]]:
    """Explained part of the forces when all atoms are moved along x by so many Å, which changes no force."""
    true = frames.forces[rows]
    out: dict[str, list[float]] = {name: [] for name in asked}
    for shift in shifts:
        moved = frames.positions[rows].astype(float) + [shift, 0.0, 0.0]
        for name, forces in asked.items():
            out[name].append(errors(forces(moved), true, 1.0).explained)
    return out


def symmetry_errors(
    asked: Asked, frames: FrameSet, rows: np.ndarray, *, force_scale: float, shift: float
) -> dict[str, Errors]:
    """Errors on frames, and on the same crystals in equivalent descriptions.

    The exchange is of the numbers of two atoms of one element; the rotation is by 180° about z, after
    which positions are mirrored back into the place where the frames were.

    Args:
        asked: forces at positions.
        frames: of a cell that is symmetric under a rotation by 180° about z.
        rows: of the frames.
        force_scale: the largest force that was learned from.
        shift: Å along x, half a voxel say.
    """
    positions, true = frames.positions[rows].astype(float), frames.forces[rows].astype(float)
    a, b = np.flatnonzero(frames.numbers == frames.numbers[0])[:2]
    order = np.arange(len(frames.numbers))
    order[[a, b]] = order[[b, a]]
    middle = positions.mean(axis=(0, 1))
    turned = np.array([-1.0, -1.0, 1.0])
    told = {
        "as in training": (positions, true),
        "two atoms of one element exchanged": (positions[:, order], true[:, order]),
        "moved by half a voxel along x": (positions + [shift, 0, 0], true),
        "turned by 180° about z": ((positions - middle) * turned + middle, true * turned),
    }
    return {name: errors(asked(where), wanted, force_scale) for name, (where, wanted) in told.items()}


def tolerant(model: WholeCellModel) -> Asked:
    """The model with atoms outside of its box put into the nearest voxel."""
    return replace(model, voxels=replace(model.voxels, outside="clip")).forces
