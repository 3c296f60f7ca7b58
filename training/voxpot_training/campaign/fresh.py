"""Frames that a campaign has not seen, labelled as its own: kinds of ``explore`` by another seed, the labeller's MD."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ase_voxpot.errors import DataError
from ase_voxpot.spec import encode
from ase_voxpot.tasks.keys import key_of, structure_key
from ase_voxpot.tasks.running import Failure, run_tasks
from voxpot_training.campaign.alloys import alloy_of
from voxpot_training.campaign.config import AlloyConfig, ExploreConfig
from voxpot_training.campaign.explore import explore_tasks, fresh, read_structures, write_structures
from voxpot_training.campaign.labellers.opening import identity_of, labeller_here
from voxpot_training.campaign.labelling import label_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ase import Atoms

    from ase_voxpot.tasks.executors import Backend
    from ase_voxpot.tasks.running import Task
    from voxpot_training.campaign.config import LearnConfig
    from voxpot_training.campaign.labelling import Labelled

__all__ = ["DYNAMICS", "DynamicsTask", "label_fresh"]

DYNAMICS = "dynamics"
"""Kind of the frames of the labeller's own molecular dynamics."""
FIXED = ("metals",)
"""Kinds that do not depend on a seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicsTask:
    """One run of molecular dynamics by the labeller."""

    temperature: float  # K
    number: int
    seed: int
    alloy: AlloyConfig
    config: ExploreConfig
    labeller: str  # a hash of what decides on its forces
    text: str = field(default="", compare=False)  # its configuration, as JSON
    suffix: str = ".extxyz"

    @property
    def key(self) -> str:
        """Of all that the structures depend on."""
        return key_of(self)

    def compute(self, draft: Path) -> None:
        """Write the structures."""
        from voxpot_training.campaign.labellers.calculator import LabellerCalculator
        from voxpot_training.campaign.sampling import sample_labeller

        rng = np.random.default_rng([self.seed, self.number])
        calculator = LabellerCalculator(labeller_here(self.text))
        found = sample_labeller(calculator, self.temperature, alloy_of(self.alloy), self.config, rng)
        for k, atoms in enumerate(found):
            atoms.info = {
                "id": f"{DYNAMICS}-{self.number:02d}-{k:03d}",
                "config_type": DYNAMICS,
                "temperature": self.temperature,
            }
        write_structures(draft, found)


def label_fresh(
    config: LearnConfig,
    folder: Path,
    backend: Backend,
    *,
    known: Sequence[Atoms],
    number: int,
    seed: int,
    temperatures: Sequence[float],
    observe: Callable[[str, int], Callable[[str], None]],
) -> Labelled:
    """Make structures and label them; both are tasks, whose results stay in the folder.

    Args:
        config: of the campaign.
        folder: of the results.
        backend: runs the tasks.
        known: frames that the campaign has labelled; their structures are left out.
        number: structures of every kind.
        seed: of the structures, another one than that of the campaign.
        temperatures: K, of ``explore.runs`` runs of the labeller's own molecular dynamics, in turns; none without any.
        observe: called with the name and the number of tasks of a stage; what it returns is called as they end.

    Raises:
        DataError: a task failed; with its reason.
    """
    kinds = tuple(k for k in config.explore.kinds if k not in FIXED)
    sizes = replace(config.explore, kinds=kinds, structures=number)
    made = _run(explore_tasks(0, seed, config.alloy, sizes), folder / "explore", backend, observe)
    runs = _dynamics_tasks(config, seed, temperatures)
    made += _run(runs, folder / DYNAMICS, backend, observe)
    frames = fresh(made, [structure_key(atoms) for atoms in known])
    return label_frames(frames, config.labeller, folder / "labels", backend, observe=observe("label", len(frames)))


def _dynamics_tasks(config: LearnConfig, seed: int, temperatures: Sequence[float]) -> list[DynamicsTask]:
    labeller, text = key_of(identity_of(config.labeller)), json.dumps(encode(config.labeller), sort_keys=True)
    return [
        DynamicsTask(
            temperature=temperatures[number % len(temperatures)],
            number=number,
            seed=seed,
            alloy=config.alloy,
            config=config.explore,
            labeller=labeller,
            text=text,
        )
        for number in range(config.explore.runs if temperatures else 0)
    ]


def _run(
    tasks: Sequence[Task], folder: Path, backend: Backend, observe: Callable[[str, int], Callable[[str], None]]
) -> list[Atoms]:
    """Structures of tasks that all have to succeed."""
    ended = observe("explore", len(tasks))
    found = run_tasks(tasks, folder, backend, observe=lambda task, result: ended("explore"))
    frames: list[Atoms] = []
    for task in tasks:
        result = found[task.key]
        if result is None or isinstance(result, Failure):
            raise DataError(f"{folder.name}: {result.reason if result else 'a task wrote no result'}")
        frames += read_structures(result)
    return frames
