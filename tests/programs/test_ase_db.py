"""ase.db and trajectories: a row holds what the calculator gave."""

from __future__ import annotations

import numpy as np
from ase.db import connect
from ase.io import Trajectory

from ase_voxpot import VoxPotCalculator
from ase_voxpot.frames.labels import labels_of, read_frames
from tests.programs import cases

PACKAGE = "ase"


def differences() -> dict[str, float]:
    """Of a row of a database and of a frame of a trajectory that are read back, uncertainties among them."""
    calculator = VoxPotCalculator("motaw", dtype="float64", uncertainty=True)
    frame = calculator.frozen(cases.frame())
    arrays = {name: frame.arrays[name] for name in ("energies_uncertainty", "forces_uncertainty")}
    with connect("runs.db") as rows:
        rows.write(frame, key_value_pairs=frame.info, data=arrays)
    with Trajectory("runs.traj", "w") as file:
        file.write(frame)
    with connect("runs.db") as rows:
        row = rows.get()
        uncertain = cases.off(row.data["forces_uncertainty"], arrays["forces_uncertainty"])
        uncertain = max(uncertain, abs(row.extrapolation - frame.info["extrapolation"]))
    with Trajectory("runs.traj") as file:
        uncertain = max(uncertain, abs(file[0].info["extrapolation"] - frame.info["extrapolation"]))
    found = {"uncertainties": uncertain}
    for name in ("runs.db", "runs.traj"):
        (label,) = labels_of(read_frames(name))
        for what, value in cases.off_point(label.energy, label.forces, np.asarray(label.stress)).items():
            found[what] = max(value, found.get(what, 0.0))
    return found


def test_rows_hold_what_the_calculator_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    cases.within(differences(), cases.POINT | {"uncertainties": 1e-12})
