"""Notebooks of the examples: stored without outputs, and they run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
needs_nbclient = pytest.mark.skipif(
    find_spec("nbclient") is None or find_spec("ipykernel") is None, reason="needs nbclient and ipykernel"
)


def test_there_are_notebooks():
    """One for every tutorial of the guide, of properties and of order two."""
    assert [path.stem for path in NOTEBOOKS] == ["alloy", "crystals", "lammps", "order", "training", "validation"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_not_stored(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]

    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells if cell["cell_type"] == "code")


NEEDS = {"crystals": ["sklearn", "pymatgen"], "lammps": ["lammps"], "training": ["sklearn"]}
"""Packages that a notebook needs."""
RUN = """
import sys
import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], as_version=4)
nbformat.validate(notebook)
kernel = AsyncKernelManager()
# this Python, whatever kernels the machine knows
kernel._kernel_spec = KernelSpec(argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"])
NotebookClient(notebook, km=kernel, timeout=300).execute()
nbformat.write(notebook, "executed.ipynb")
"""
"""Runs in a process of its own, as Jupyter leaves sockets open."""


@needs_nbclient
@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run_and_show_pictures(path, tmp_path):
    for package in NEEDS.get(path.stem, ()):
        pytest.importorskip(package)
    places = os.pathsep.join([str(ROOT), str(ROOT / "training"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": places, "TMPDIR": str(tmp_path)}
    environment.pop("MPLBACKEND", None)  # the kernel's own shows figures

    done = subprocess.run(
        [sys.executable, "-c", RUN, str(path)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    cells = json.loads((tmp_path / "executed.ipynb").read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells if cell["cell_type"] == "code" for output in cell["outputs"]]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2
    assert not [output["text"] for output in outputs if output.get("name") == "stderr"]
