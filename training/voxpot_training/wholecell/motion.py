"""Dynamics with the forces of a study: drift of the energy, and work along closed paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from voxpot_training.wholecell.atom_centred import ask
from voxpot_training.wholecell.calculator import WholeCellCalculator
from voxpot_training.wholecell.nose_hoover import start as begin
from voxpot_training.wholecell.pictures import draw_shadow
from voxpot_training.wholecell.shadow import loop_work, run_with_shadow

if TYPE_CHECKING:
    from voxpot_training.wholecell.frames import FrameSet
    from voxpot_training.wholecell.shadow import Run
    from voxpot_training.wholecell.study import Study

__all__ = ["LOOP", "in_motion"]

START = 300.0
"""K, of the dynamics with the network's forces."""
LOOP = 0.05
"""Å, RMS displacement of an atom along each side of the closed path."""


def in_motion(study: Study) -> dict[str, Any]:
    """Dynamics from a validation frame near 300 K, and work around a closed path.

    Returns:
        ``md.run`` and ``loop_work_meV``, by method.
    """
    from ase_voxpot.calculator import VoxPotCalculator
    from voxpot_training.wholecell.recipe import calculator_of

    model, frames, potential = study.model("random", "obb-8", narrow=True), study.frames, study.potentials["random"]
    near = int(np.argmin(np.abs(np.array(frames.temperatures) - START)))
    valid = study.splits["random"].validation
    first = int(valid[frames.run[valid] == near][0])
    shadow = calculator_of(str(frames.about.get("calculator", "motaw")))[0]
    calculators = {
        f"CNN, obb-8, γ {study.config.narrow:g}": WholeCellCalculator(model),
        "atom-centred potential": VoxPotCalculator(potential),
        "shadow itself": shadow,
    }

    def run(calculator: Any, asked: Any) -> Run:
        atoms = frames.atoms(first)
        # not twice the temperature: atoms are displaced and have potential energy already
        moving = begin(atoms, frames.temperatures[near] / 2, np.random.default_rng(study.config.seed))
        atoms.set_velocities(moving.velocities)
        atoms.calc = calculator
        return run_with_shadow(atoms, asked, steps=study.config.steps)

    runs = {name: run(calculator, shadow) for name, calculator in calculators.items()}
    draw_shadow(study.folder / "shadow.png", runs)
    runs["atom-centred potential, by its own energy"] = run(VoxPotCalculator(potential), VoxPotCalculator(potential))
    rng = np.random.default_rng(study.config.seed)
    sides = rng.normal(scale=LOOP / np.sqrt(3), size=(2, len(frames.numbers), 3))
    start = frames.positions[study.splits["random"].train].mean(axis=0, dtype=float) - sides.sum(axis=0) / 2
    result = {
        "CNN": model.forces,
        "atom-centred potential": lambda path: ask(potential, frames, path)[1],
        "shadow": lambda path: _one_by_one(shadow, frames, path),
    }
    return {
        "dynamics": {
            name: {
                "largest_meV_per_atom": 1000 * float(np.abs(found.energy).max()),
                "drift_meV_per_atom_ps": found.drift,
                "hottest_K": float(found.temperature.max()),
                "end": found.end,
            }
            for name, found in runs.items()
        },
        "loop_work_meV": {name: 1000 * loop_work(forces, start, list(sides)) for name, forces in result.items()},
    }


def _one_by_one(calculator: Any, frames: FrameSet, path: np.ndarray) -> np.ndarray:
    atoms = frames.atoms(0)
    atoms.calc = calculator
    result = []
    for positions in path:
        atoms.set_positions(positions)
        result.append(atoms.get_forces())
    return np.array(result)
