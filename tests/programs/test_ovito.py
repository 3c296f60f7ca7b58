"""OVITO: energies, uncertainty and order of atoms are columns of the files that runs write."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ase_voxpot import VoxPotCalculator
from ase_voxpot.frames.lammps import write_dump
from tests.programs import cases

PACKAGE = "ovito"
COLUMNS = ("energies_uncertainty", "forces_uncertainty", "warren_cowley_1")


def differences() -> dict[str, float]:
    """Of columns of extended XYZ and of a dump, as OVITO reads them."""
    from ovito.io import import_file

    frame: Any = VoxPotCalculator("motaw", dtype="float64", uncertainty=True).frozen(cases.frame())
    frame.arrays["warren_cowley_1"] = np.linspace(-1, 1, len(frame))
    frame.write("run.extxyz")
    write_dump("run.dump", [frame], ["Mo", "Ta", "W"])
    found = {}
    for name in ("run.extxyz", "run.dump"):
        data = import_file(name).compute()
        seen = {column: np.asarray(data.particles[column]) for column in COLUMNS}
        found[f"{name}: columns"] = max(cases.off(seen[column], frame.arrays[column]) for column in COLUMNS)
        found[f"{name}: forces, eV/Å"] = cases.off(np.asarray(data.particles["Force"]), frame.get_forces())
        if name == "run.extxyz":
            energies = np.asarray(data.particles["energies"])
            found[f"{name}: energies, eV"] = cases.off(energies, frame.calc.results["energies"])
    return found


@cases.needs("ovito", PACKAGE)
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of OVITO itself
def test_columns_of_runs_are_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = differences()

    cases.within(found, dict.fromkeys(found, 1e-7))  # eight decimals in extended XYZ
