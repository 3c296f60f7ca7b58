"""Frames of a small crystal on springs, whose forces are known exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from voxpot_training.wholecell.frames import FrameSet

SPRING = 5.0
"""eV/Å², of every atom to its site."""

PEER = """
import numpy as np
from ase.calculators.calculator import Calculator, all_changes


class Springs(Calculator):
    implemented_properties = ["energy", "forces"]

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        # from the nearest site of a bcc crystal of 3.2 Å
        both = [atoms.positions - 3.2 * np.round(atoms.positions / 3.2 - s) - 3.2 * s for s in (0.0, 0.5)]
        nearer = (both[0] ** 2).sum(axis=1) < (both[1] ** 2).sum(axis=1)
        u = np.where(nearer[:, None], *both)
        self.results = {"energy": 2.5 * float((u**2).sum()), "forces": -5.0 * u}


def make():
    return Springs()
"""


@pytest.fixture
def springs(tmp_path: Path) -> str:
    """A calculator by file and factory: an Einstein crystal."""
    path = tmp_path / "springs.py"
    path.write_text(PEER)
    return f"{path}:make"


@pytest.fixture
def frames() -> FrameSet:
    """Sixteen atoms of Mo, Ta and W at three temperatures, 40 frames each."""
    rng = np.random.default_rng(7)
    atoms = bulk("W", "bcc", a=3.2, cubic=True).repeat(2)
    atoms.numbers = rng.permutation([42] * 6 + [73] * 5 + [74] * 5)
    temperatures = (300.0, 900.0, 1500.0)
    size = np.repeat(np.sqrt(np.array(temperatures) * 8.617e-5 / SPRING), 40)[:, None, None]
    moved = rng.normal(size=(120, 16, 3)) * size
    positions = (1.6 + atoms.positions + moved).astype(np.float32)
    energies = 0.5 * SPRING * (moved**2).sum(axis=(1, 2))
    forces = (-SPRING * moved).astype(np.float32)
    return FrameSet(atoms.numbers, atoms.cell.array, temperatures, positions, forces, energies, {"made": "by a test"})
