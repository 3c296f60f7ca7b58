"""Small runs in the formats of VASP, labelled by a small model, written by the example."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ase_voxpot.potential import Potential
from ase_voxpot.weights import load_potential

EXAMPLE = Path(__file__).parents[2] / "examples" / "05_validate_a_vasp_run.py"


@pytest.fixture(scope="session")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("validate_a_vasp_run", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def small_potential() -> Potential:
    """The shipped one, as dynamics need a model that holds together."""
    return load_potential("motaw-fast", device="cpu", dtype="float64")


@pytest.fixture(scope="session")
def labelled(example: ModuleType, small_potential: Potential) -> list[Atoms]:
    """Forty frames of atoms that vibrate, one of which crosses the boundary."""
    rng = np.random.default_rng(3)
    crystal = bulk("W", "bcc", a=3.2, cubic=True).repeat((2, 2, 1))
    crystal.symbols = ["Mo"] * 3 + ["W"] * 5
    phase, made = rng.uniform(0, 2 * np.pi, size=(8, 3)), []
    for k in range(40):
        atoms = crystal.copy()
        atoms.positions += 0.1 * np.sin(0.08 * np.pi * k + phase)
        atoms.set_velocities(0.01 * np.cos(0.08 * np.pi * k + phase))
        made.append(example.label(atoms, small_potential.evaluate(atoms)))
    return made


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, example: ModuleType, labelled: list[Atoms]) -> Path:
    folder = tmp_path_factory.mktemp("run")
    example.write_vasprun(folder / "vasprun.xml", labelled, timestep=2.0, temperature=800.0)
    example.write_outcar(folder / "OUTCAR", labelled, timestep=2.0, temperature=800.0)
    example.write_xdatcar(folder / "XDATCAR", labelled)
    return folder


@pytest.fixture
def changed(written: Path, tmp_path: Path) -> Callable[..., Path]:
    """A file of the run with something replaced."""

    def change(name: str, old: str, new: str, *, count: int = -1) -> Path:
        text = (written / name).read_text()
        assert old in text
        path = tmp_path / name
        path.write_text(text.replace(old, new, count))
        return path

    return change
