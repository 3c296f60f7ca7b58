"""Atom-centred potentials trained on the same frames, for comparison.

These are the potentials of ``voxpot train``: periodic, invariant under translation and permutation of
atoms, and with forces that are derivatives of an energy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ase.data import chemical_symbols

from ase_voxpot.frames.labels import Labels
from ase_voxpot.weights import load_potential, save_potential
from voxpot_training.config import ModelConfig, TrainConfig
from voxpot_training.data import Frames
from voxpot_training.potential.train import fit_frames, fresh_potential
from voxpot_training.splits import Split as Sides
from voxpot_training.wholecell.splits import spread

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jaxtyping import Float

    from ase_voxpot.potential import Potential
    from voxpot_training.wholecell.config import AtomCentred
    from voxpot_training.wholecell.frames import FrameSet
    from voxpot_training.wholecell.splits import Split

__all__ = ["ask", "train_potential"]

JUDGED = 2000
"""Validation frames that choose the best epoch, at most."""
TOGETHER = 64
"""Frames of a batch."""


def train_potential(
    frames: FrameSet,
    split: Split,
    config: AtomCentred,
    folder: Path,
    *,
    seed: int = 0,
    resume: bool = True,
    quiet: bool = False,
    title: str = "training",
) -> Potential:
    """Train a potential on one split, or read the one that ``folder`` holds already.

    Args:
        frames: labelled.
        split: rows to learn from and to ask about.
        config: descriptor, network, loss and schedule.
        folder: for checkpoint, log and model.
        seed: of weights and batches.
        resume: continue from the checkpoint of the folder.
        quiet: no progress bar.
        title: of the progress bar.

    Raises:
        DivergenceError: the loss is no longer finite.
    """
    path = folder / "model.safetensors"
    if resume and path.is_file():
        return load_potential(path)
    folder.mkdir(parents=True, exist_ok=True)
    train, valid = spread(split.train, config.frames), spread(split.validation, JUDGED)
    # a single composition does not determine energies of elements: each gets the mean
    mean = float(frames.energies[train].mean()) / len(frames.numbers)
    species = tuple(chemical_symbols[z] for z in np.unique(frames.numbers))
    model = ModelConfig(
        species=species, descriptor=config.descriptor, network=config.network, reference=dict.fromkeys(species, mean)
    )
    settings = TrainConfig(
        name="atom-centred", data=(), model=model, loss=config.loss, schedule=config.schedule, seed=seed
    )
    rows = [*map(int, train), *map(int, valid)]
    known = Frames(
        atoms=[frames.atoms(k) for k in rows],
        labels=[_labels(frames, k) for k in rows],
        weights=[1.0] * len(rows),
        emphasis=[1.0] * len(rows),
        support=[False] * len(rows),
    )
    sides = Sides(tuple(range(len(train))), tuple(range(len(train), len(rows))), (), ())
    potential = fresh_potential(settings, known)
    fit_frames(potential, settings, known, sides, folder, resume=resume, quiet=quiet, title=title)
    save_potential(potential, path, card={"name": "atom-centred", "frames": frames.about})
    return potential


def _labels(frames: FrameSet, row: int) -> Labels:
    return Labels(
        energy=float(frames.energies[row]), forces=frames.forces[row].astype(float), stress=None, group="wholecell"
    )


def ask(
    potential: Potential, frames: FrameSet, positions: Sequence[np.ndarray] | np.ndarray
) -> tuple[Float[np.ndarray, " frame"], Float[np.ndarray, "frame atom 3"]]:
    """Energies in eV and forces in eV/Å of the atoms of ``frames`` at other positions."""
    first, energies, forces = frames.atoms(0), [], []
    for start in range(0, len(positions), TOGETHER):
        several = [first.copy() for _ in positions[start : start + TOGETHER]]
        for atoms, place in zip(several, positions[start : start + TOGETHER], strict=True):
            atoms.set_positions(place)
        result = potential.evaluate(several)
        energies += [r.energy for r in result]
        forces += [r.forces for r in result]
    return np.array(energies), np.array(forces)
