"""Properties of the crystals of an alloy by the potentials of a campaign, and by its labeller where that is cheap."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.properties.cells import wide
from ase_voxpot.spec import encode
from ase_voxpot.storage.files import write_json
from ase_voxpot.tasks.keys import key_of
from ase_voxpot.tasks.running import Failure, run_tasks
from voxpot_training.campaign.crystals import Crystal, crystals_of
from voxpot_training.campaign.labellers.opening import identity_of, is_calculator, labeller_here
from voxpot_training.campaign.properties import ENERGY, EVALUATIONS, measured, quantities_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ase_voxpot.tasks.executors import Backend
    from voxpot_training.campaign.config import LearnConfig
    from voxpot_training.campaign.training import Trained

__all__ = ["PropertyTask", "by_crystal", "labeller_tasks", "model_tasks"]

MILLI = 1000.0
"""meV in an eV."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyTask:
    """Properties of one crystal by one method: a potential, or the labeller."""

    crystal: Crystal
    method: str  # checksum of the weights, or a hash of what decides on the labels
    weights: str = field(default="", compare=False)  # file of a potential
    labeller: str = field(default="", compare=False)  # configuration of a labeller, as JSON
    suffix: str = ".json"

    @property
    def key(self) -> str:
        """Of crystal and method."""
        return key_of(self)

    def compute(self, draft: Path) -> None:
        """Write values, and reasons where there are none."""
        write_json(draft, measured(self.crystal, self._calculator()))

    def _calculator(self) -> Any:
        if self.weights:
            from ase_voxpot import VoxPotCalculator

            return VoxPotCalculator(self.weights)
        from voxpot_training.campaign.labellers.calculator import LabellerCalculator

        return LabellerCalculator(labeller_here(self.labeller))


def model_tasks(config: LearnConfig, trained: Trained) -> list[PropertyTask]:
    """The tasks of a potential, one for every crystal that the configuration asks for."""
    method, weights = trained.checksum, str(trained.weights)
    return [PropertyTask(crystal=c, method=method, weights=weights) for c in _crystals(config)]


def labeller_tasks(config: LearnConfig, per_atom: float) -> tuple[list[PropertyTask], str]:
    """The tasks of a labeller, and why there are none.

    Args:
        config: of the campaign.
        per_atom: s, that its labels took.

    Returns:
        Tasks, empty where the labeller is no ASE calculator or takes too long; then a sentence for the report, empty
        where nothing has to be told.
    """
    crystals = _crystals(config)
    if not crystals or not config.report.reference or not is_calculator(config.labeller):
        return [], ""
    seconds = per_atom * EVALUATIONS * sum(len(wide(c.build())) for c in crystals)
    if seconds > config.report.reference:
        return [], (
            f"Properties by {config.labeller.use} would take about {seconds:,.0f} s, more than report.reference = "
            f"{config.report.reference:g}; they are left out."
        )
    method, text = key_of(identity_of(config.labeller)), json.dumps(encode(config.labeller), sort_keys=True)
    return [PropertyTask(crystal=c, method=method, labeller=text) for c in crystals], ""


def _crystals(config: LearnConfig) -> list[Crystal]:
    wanted = config.report.properties
    return [] if wanted == "none" else crystals_of(config.alloy, compounds=wanted == "all")


def by_crystal(
    tasks: Sequence[PropertyTask], folder: Path, backend: Backend, *, observe: Callable[[str], None]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Properties by the name of the crystal, formation energies included; what fails has its reason.

    Args:
        tasks: of one method, elements first.
        folder: of the results, which all workers see.
        backend: runs the tasks.
        observe: called with every task that ends.

    Returns:
        ``values`` and ``reasons`` of every crystal, as ``properties.measured`` gives them.
    """
    found = run_tasks(tasks, folder, backend, observe=lambda task, result: observe("properties"))
    answer = {task.crystal.name: _read(task.crystal, found[task.key]) for task in tasks}
    energies = {
        task.crystal.symbols[0]: answer[task.crystal.name]["values"].get(ENERGY)
        for task in tasks
        if len(set(task.crystal.symbols)) == 1
    }
    for task in tasks:
        if "formation" in quantities_of(task.crystal):
            _add_formation(answer[task.crystal.name], task.crystal, energies)
    return answer


def _read(crystal: Crystal, result: Path | Failure | None) -> dict[str, dict[str, Any]]:
    """Values and reasons of a task."""
    if result is None or isinstance(result, Failure):
        reason = result.reason if result else "the task wrote no result"
        return {"values": {}, "reasons": dict.fromkeys((ENERGY, *quantities_of(crystal)), reason)}
    answer: dict[str, dict[str, Any]] = json.loads(result.read_text(encoding="utf-8"))
    return answer


def _add_formation(found: dict[str, dict[str, Any]], crystal: Crystal, energies: Mapping[str, float | None]) -> None:
    """Add the formation energy of a compound, or why there is none; ``energies`` of the elements in eV/atom."""
    alone = [energies.get(s) for s in crystal.symbols]
    known = [e for e in alone if e is not None]
    if ENERGY in found["reasons"]:
        found["reasons"]["formation"] = found["reasons"][ENERGY]
    elif len(known) < len(alone):
        missing = sorted({s for s, e in zip(crystal.symbols, alone, strict=True) if e is None})
        found["reasons"]["formation"] = f"no energy of {', '.join(missing)} at rest"
    else:
        found["values"]["formation"] = MILLI * (found["values"][ENERGY] - float(np.mean(known)))
