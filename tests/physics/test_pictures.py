from __future__ import annotations

import numpy as np
import pytest

from ase_voxpot.physics.bench import Task, run
from ase_voxpot.physics.pictures import PICTURES, draw_all
from ase_voxpot.physics.recipes import QUICK
from tests.properties.bonds import Bonds


@pytest.fixture(scope="module")
def answers():
    """Computed where that is quick, else made up in the shape of an answer."""
    metal = Bonds(3.165 * np.sqrt(3) / 2, 3.165, stiffness=4.0, depth=0.5)
    kept = {}
    for workflow in ("eos", "elastic", "surfaces", "phonons", "dimer", "stability"):
        kept[workflow, "W"] = run(metal, Task(workflow=workflow, subject="W"), QUICK, None, lambda share: None)
    kept["vacancy", "W"] = {"figures": {"E_vac": 3.0, "E_mig": None}, "curves": {"band": [0, 1, 0]}}
    kept["mixing", "MoW"] = {"figures": {"E_B2": -8.0, "E_random": -4.0}, "curves": {"values": [-4.0]}}
    kept["thermal", "W"] = {"figures": {}, "curves": {"temperature": [0, 300], "expansion": [0, 4.0]}}
    kept["faults", "W"] = {"figures": {}, "curves": {"shift": [0, 0.5, 1], "110": [0, 1.7, 0], "112": [0, 1.9, 0]}}
    kept["boundaries", "W"] = {"figures": {"GB_S3_112": 0.9, "GB_S5_310": 2.2}, "curves": {}}
    kept["screw", "W"] = {"figures": {}, "curves": {"place": [0, 0.5, 1], "path": [0, 90, 0]}}
    frames = {"fraction": [0.25, 0.5], "reference": [-1, -2], "found": [-1, -3]}
    frames |= {"compositions": [0.25, 0.5], "deviations": [0, -1], "maes": [0, 1]}
    kept["dft-mixing", "MoW"] = {"figures": {}, "curves": frames}
    kept["lattice", "W"] = {"error": "RuntimeError: it broke"}
    return {"bonds": kept, "silent": {("eos", "W"): {"error": "no"}}}


def test_everything_is_drawn(tmp_path, answers):
    written = draw_all(tmp_path, answers)

    assert {p.stem for p in written} == set(PICTURES)
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in written)


def test_where_there_is_nothing_nothing_is_drawn(tmp_path):
    assert draw_all(tmp_path, {"model": {("eos", "W"): {"error": "no"}}}) == []
