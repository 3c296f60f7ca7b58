"""The decks in ``examples/lammps`` run, cut short, and their pictures are drawn."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.lammps

FOLDER = Path(__file__).parents[2] / "examples" / "lammps"
DECKS = sorted(p.stem for p in FOLDER.glob("*.in") if p.stem not in ("alloy", "fix_python"))


@pytest.fixture
def draw(wheel):
    specification = importlib.util.spec_from_file_location("draw", FOLDER / "draw.py")
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", DECKS)
def test_a_deck_runs_and_its_log_is_drawn(wheel, draw, name, tmp_path, monkeypatch):
    from lammps_plugin.runner import open_lammps

    for path in FOLDER.glob("*.in"):
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    log = tmp_path / f"{name}.log"

    lmp = open_lammps(["-screen", "none", "-log", str(log), "-var", "steps", "10"])
    lmp.file(f"{name}.in")
    lmp.close()

    assert "Loop time" in log.read_text()
    assert draw.draw(log).stat().st_size > 10_000
    assert (FOLDER / "pictures" / f"{name}.png").exists()


def test_every_deck_has_a_line_in_the_readme():
    text = (FOLDER / "README.md").read_text()

    assert all(f"`{name}.in`" in text for name in (*DECKS, "alloy", "fix_python"))
