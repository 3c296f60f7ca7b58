"""Labels by GPAW, with the program that comes with this project (``training/labellers/label_with_gpaw.py``).

GPAW is installed for a Python of its own, Debian's by default: ``VOXPOT_GPAW_PYTHON`` names another one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ase_voxpot.errors import ConfigError, MissingPackageError
from voxpot_training.campaign.labellers.command import CommandLabeller

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["gpaw_labeller"]

PROGRAM, MESHES = "label_with_gpaw.py", "meshes.py"
CUTOFF, DENSITY = "400", "33"
"""eV, of plane waves; Å, distance of images that the mesh of k-points stands for: tested for bcc Mo, Ta and W."""
KNOWN = ("cutoff", "density")
INSTALL = (
    "GPAW is not installed for {python} ({reason}): apt install gpaw gpaw-data, or set VOXPOT_GPAW_PYTHON to a Python "
    "that has it (pip install gpaw); any ASE calculator (module:factory) or program can label as well"
)
EFFORT = 1.2e-5
"""s of one core over the product of k-points, grid points and atoms: cells of Mo-Ta-W took 0.6e-5 to 2.2e-5."""


def gpaw_labeller(settings: dict[str, str], *, limit: float) -> CommandLabeller:
    """The labeller, after a look whether GPAW can be imported.

    Args:
        settings: ``cutoff`` in eV, ``density`` in Å.
        limit: s, for a frame.

    Raises:
        ConfigError: unknown settings, or no program.
        MissingPackageError: GPAW is not installed; says how to install it.
    """
    unknown = sorted(set(settings) - set(KNOWN))
    if unknown:
        raise ConfigError(f"labeller.settings: unknown {', '.join(unknown)} for gpaw; known are {', '.join(KNOWN)}")
    python = os.environ.get("VOXPOT_GPAW_PYTHON", "/usr/bin/python3")
    reason = _missing(python)
    if reason:
        raise MissingPackageError(INSTALL.format(python=python, reason=reason))
    cutoff, density = settings.get("cutoff", CUTOFF), settings.get("density", DENSITY)
    words = [python, str(_program()), "{input}", "--output", "{folder}"]
    words += ["--cutoff", cutoff, "--density", density, "--limit", f"{max(1, int(limit))}"]
    environment = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"), "PYTHONPATH": ""}
    return CommandLabeller(
        words,
        name="gpaw",
        limit=limit,
        cost=lambda atoms: _cost(atoms, float(cutoff), float(density)),
        environment=environment,
    )


@cache
def _missing(python: str) -> str:
    """Why GPAW cannot be imported; empty if it can."""
    try:
        done = subprocess.run(
            [python, "-c", "import gpaw"],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "PYTHONPATH": ""},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return getattr(error, "strerror", None) or type(error).__name__
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["it cannot be imported"])[-1]


def _program() -> Path:
    """The program, in a checkout or where the distribution installs it.

    Raises:
        ConfigError: it is in neither place.
    """
    places = [
        Path(__file__).resolve().parents[3] / "labellers" / PROGRAM,
        Path(sysconfig.get_path("data")) / "share" / "ase-voxpot" / "labellers" / PROGRAM,
        Path(sys.prefix) / "share" / "ase-voxpot" / "labellers" / PROGRAM,
    ]
    for place in places:
        if place.is_file():
            return place
    raise ConfigError(f"labeller gpaw: expected {PROGRAM} in {places[0].parent} or {places[1].parent}; install again")


@cache
def _meshes() -> Any:
    """The module that chooses meshes for the program, which lies beside it."""
    spec = spec_from_file_location("voxpot_gpaw_meshes", _program().with_name(MESHES))
    if spec is None or spec.loader is None:
        raise ConfigError(f"labeller gpaw: {MESHES} cannot be loaded; install again")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _cost(atoms: Atoms, cutoff: float, density: float) -> float:
    """Seconds of one core, about: k-points that symmetry leaves, times grid points, times atoms."""
    import spglib

    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    found = spglib.get_symmetry(cell, symprec=1e-5)
    rotations = np.eye(3, dtype=int)[None]
    if found is not None:
        rotations = found["rotations"][np.abs(found["translations"]).max(axis=1) < 1e-4]
    return float(3.0 + EFFORT * _meshes().grid(atoms.cell.array, cutoff, density, rotations)[2] * len(atoms))
