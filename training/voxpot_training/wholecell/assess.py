"""What the paper did not show: errors in meV/Å beside those of others, and what the method depends on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.voxelize.wholecell import voxelize
from voxpot_training.wholecell.baselines import fit_harmonic, fit_linear

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ase_voxpot.potential import Potential
    from ase_voxpot.voxelize.wholecell import WholeCellSpec
    from voxpot_training.wholecell.frames import FrameSet
    from voxpot_training.wholecell.model import WholeCellModel
    from voxpot_training.wholecell.splits import Split

__all__ = ["Errors", "baselines", "errors", "gamma_scan", "potential_forces", "shift_scan", "spread", "symmetry_errors"]

MOST = 2000
"""Frames that a scan looks at."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Of forces, over frames, atoms and components."""

    mae: float  # meV/Å
    rmse: float  # meV/Å
    loss: float  # mean square in units of the largest force that was trained on
    explained: float  # 1 - squared error over squared force: 0 for a network that says nothing


def errors(said: np.ndarray, true: np.ndarray, force_scale: float) -> Errors:
    """Errors of forces in eV/Å."""
    wrong = np.asarray(said, float).reshape(true.shape) - true
    square = float((wrong**2).mean())
    return Errors(
        mae=1000 * float(np.abs(wrong).mean()),
        rmse=1000 * square**0.5,
        loss=square / force_scale**2,
        explained=1 - square / float((np.asarray(true, float) ** 2).mean()),
    )


def baselines(frames: FrameSet, voxels: np.ndarray, split: Split) -> dict[str, Errors]:
    """Zero forces, force constants and a straight line through the voxels, on the validation frames."""
    rows, scale = split.validation, float(np.abs(frames.forces[split.train]).max())
    true = frames.forces[rows]
    harmonic = fit_harmonic(frames.positions, frames.forces, split.train)
    linear = fit_linear(voxels, frames.forces, split.train)
    return {
        "zero forces": errors(np.zeros_like(true), true, scale),
        "force constants": errors(harmonic(frames.positions[rows]), true, scale),
        "straight line through the voxels": errors(linear(voxels[rows]), true, scale),
    }


def potential_forces(potential: Potential, frames: FrameSet, rows: Sequence[int]) -> np.ndarray:
    """Forces of an atom-centred potential in eV/Å, many frames at a time."""
    said = []
    for start in range(0, len(rows), 64):
        said += [r.forces for r in potential.evaluate([frames.atoms(k) for k in rows[start : start + 64]])]
    return np.array(said)


def gamma_scan(
    frames: FrameSet, spec: WholeCellSpec, split: Split, gammas: Sequence[float], readings: Sequence[str]
) -> dict[str, list[float]]:
    """Loss of a straight line through the voxels, over the loss of zero forces, against γ.

    Voxels that tell nothing to a line may tell more to a network, but not what is lost in rounding.
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


def spread(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of them, evenly spread."""
    picked: np.ndarray = rows[np.unique(np.linspace(0, len(rows) - 1, most).astype(int))]
    return picked


def shift_scan(
    models: dict[str, WholeCellModel], frames: FrameSet, rows: np.ndarray, shifts: Sequence[float]
) -> dict[str, list[float]]:
    """Explained part of the forces when all atoms are moved along x by so many Å, which changes no force."""
    true = frames.forces[rows]
    out: dict[str, list[float]] = {name: [] for name in models}
    for shift in shifts:
        moved = frames.positions[rows].astype(float) + [shift, 0.0, 0.0]
        for name, model in models.items():
            out[name].append(errors(_tolerant(model)(moved), true, model.force_scale).explained)
    return out


def symmetry_errors(model: WholeCellModel, frames: FrameSet, rows: np.ndarray) -> dict[str, Errors]:
    """Errors on frames as they are, and on the same crystals told in another way.

    The exchange is of the numbers of two atoms of one element; the turn is of 180° about z, after
    which positions are mirrored back into the place where the frames were.
    """
    positions, true = frames.positions[rows].astype(float), frames.forces[rows].astype(float)
    ask, scale = _tolerant(model), model.force_scale
    a, b = np.flatnonzero(frames.numbers == frames.numbers[0])[:2]
    order = np.arange(len(frames.numbers))
    order[[a, b]] = order[[b, a]]
    middle = positions.mean(axis=(0, 1))
    turned = np.array([-1.0, -1.0, 1.0])
    told: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
        "as in training": lambda: (ask(positions), true),
        "two atoms of one element exchanged": lambda: (ask(positions[:, order]), true[:, order]),
        "moved by half a voxel along x": lambda: (ask(positions + [_edge(model, positions) / 2, 0, 0]), true),
        "turned by 180° about z": lambda: (ask((positions - middle) * turned + middle), true * turned),
    }
    return {name: errors(*f(), scale) for name, f in told.items()}


def _edge(model: WholeCellModel, positions: np.ndarray) -> float:
    """Å, of a voxel along x."""
    length = model.box.edges[0][0] if model.box else float(np.ptp(positions[0, :, 0]))
    return length / model.voxels.n


def _tolerant(model: WholeCellModel) -> Callable[[np.ndarray], np.ndarray]:
    """The model with atoms outside of its box put into the nearest voxel."""
    return replace(model, voxels=replace(model.voxels, outside="clip")).forces
