"""A place to work in with a small model, and the command as a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

from ase_voxpot.cli import main
from ase_voxpot.weights import load_potential
from tests.saved import save_tiny, save_tiny_and_certain

SPRINGS = "springs.py:make"
"""A calculator of fcc springs, where the fixture ``springs`` has put its file."""


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line on stderr with which a command refuses."""
        assert self.status == 2
        assert "Traceback" not in self.err + self.out
        (line,) = self.err.splitlines()
        assert line.startswith("voxpot: ")
        return line


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def certain_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_and_certain(tmp_path_factory.mktemp("models"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Path, certain_model: Path) -> Path:
    """An empty folder to be in, but for two models, one of which knows its uncertainty."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.safetensors").symlink_to(tiny_model)
    (tmp_path / "certain.safetensors").symlink_to(certain_model)
    return tmp_path


@pytest.fixture
def voxpot(here: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    def run(*arguments: object) -> Outcome:
        status = main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return run


@pytest.fixture
def files(here: Path) -> Callable[[], set[str]]:
    """Names of what was written since."""
    before = {p.name for p in here.iterdir()}
    return lambda: {p.name for p in here.iterdir()} - before


@pytest.fixture
def frames(here: Path, tiny_model: Path, rng: np.random.Generator) -> Path:
    """Six labelled frames in two groups; the model is 10 meV/atom and 100 meV/Å off."""
    potential = load_potential(tiny_model, device="cpu")
    made = []
    for k in range(6):
        atoms = bulk("W", "bcc", a=3.2, cubic=True)
        atoms.symbols = rng.permutation(["Mo", "W"])
        atoms.positions += rng.normal(scale=0.1, size=(2, 3))
        result = potential.evaluate(atoms)
        atoms.info.update(REF_energy=result.energy - 0.02, config_type="ab"[k % 2], REF_stress=result.stress)
        atoms.arrays["REF_forces"] = result.forces + 0.1
        made.append(atoms)
    path = here / "frames.extxyz"
    write(path, made)
    return path


@pytest.fixture
def springs(here: Path) -> None:
    """A calculator in a file and a cell of its crystal, with the constants of algebra: C11 = 2 C12 = 2 C44 = k / a."""
    (here / "springs.py").write_text(
        "import numpy as np\nfrom tests.properties.bonds import Bonds\n\n\n"
        "def make():\n    return Bonds(4 / np.sqrt(2), stiffness=2.0, depth=0.5)\n\n\n"
        "def lazy():\n    calculator = make()\n    calculator.implemented_properties = ['energy', 'forces']\n"
        "    return calculator\n\n\n"
        "def broken():\n    calculator = make()\n    calculator.calculate = None\n    return calculator\n\n\n"
        "class Fragile(Bonds):\n    calls = 0\n\n    def calculate(self, *arguments, **keywords):\n"
        "        self.calls += 1\n        if self.calls > 3:\n            raise RuntimeError('tired')\n"
        "        super().calculate(*arguments, **keywords)\n\n\n"
        "def fragile():\n    return Fragile(4 / np.sqrt(2), stiffness=2.0, depth=0.5)\n"
    )
    write(here / "cell.extxyz", bulk("Cu", "fcc", a=4.0, cubic=True))
