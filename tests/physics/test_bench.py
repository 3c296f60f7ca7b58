from __future__ import annotations

import json

import numpy as np
import pytest

from ase_voxpot.errors import ConfigError, DataError
from ase_voxpot.peers import Peer
from ase_voxpot.physics.bench import Results, Task, run, tasks
from ase_voxpot.physics.recipes import FULL, QUICK, WORKFLOWS, Frames
from tests.properties.bonds import Bonds

METAL = Bonds(3.165 * np.sqrt(3) / 2, 3.165, stiffness=4.0, depth=0.5)
"""A stiff bcc metal of the size of tungsten."""
PEER = Peer(name="bonds", make=lambda: METAL, identity="one")
EOS = Task(workflow="eos", subject="W")


def do(task, frames=None):
    return run(METAL, task, QUICK, frames, lambda share: None)


def test_every_workflow_has_its_subjects():
    todo = tasks(["Mo", "Ta", "W"], [], Frames(pairs={"MoTa": ([], [])}, elements={}))

    subjects = {name: [t.subject for t in todo if t.workflow == name] for name in WORKFLOWS}
    assert subjects["eos"] == ["Mo", "Ta", "W"]
    assert subjects["mixing"] == ["MoTa", "MoW", "TaW", "MoTaW"]
    assert subjects["dimer"] == ["Mo", "Ta", "W", "MoTa", "MoW", "TaW"]
    assert subjects["dft-mixing"] == ["MoTa"]
    assert subjects["stability"] == ["MoTaW"]


def test_without_frames_nothing_is_compared_with_them():
    assert "dft-mixing" not in {t.workflow for t in tasks(["Mo", "Ta"], [], None)}


def test_an_unknown_workflow_is_refused():
    with pytest.raises(ConfigError, match="unknown melting; there are eos, elastic"):
        tasks(["W"], ["eos", "melting"], None)


@pytest.mark.parametrize("workflow", ["eos", "elastic", "finite-strain", "surfaces", "phonons", "dimer", "stability"])
def test_a_metal_of_springs_passes(workflow):
    answer = do(Task(workflow=workflow, subject="W"))

    assert "error" not in answer, answer
    assert all(value is not None for value in answer["figures"].values())
    json.dumps(answer, allow_nan=False)


def test_mixing_and_frames():
    from ase_voxpot.physics.mixing import ordered

    frames = [ordered(kind, ("Mo", "W"), 3.165) for kind in ("B2", "D0_3") for _ in range(8)]
    labels = [-3.5 * len(a) for a in frames]
    known = Frames(pairs={"MoW": (frames, labels)}, elements={"Mo": -3.5, "W": -3.5})

    answer = do(Task(workflow="dft-mixing", subject="MoW"), known)
    mixed = do(Task(workflow="mixing", subject="MoW"))

    assert answer["figures"] == {"dft_deviation": pytest.approx(0, abs=1e-6), "dft_mae": pytest.approx(0, abs=1e-6)}
    assert answer["curves"]["compositions"] == [0.25, 0.5]
    assert mixed["figures"]["E_B2"] == pytest.approx(0, abs=1e-3)
    assert set(mixed["figures"]) > {"E_D0_3", "E_D0_3_reverse", "E_random", "E_random_error"}


def test_a_calculator_that_fails_leaves_a_sentence():
    answer = run(Bonds(1.0), EOS, QUICK, None, lambda share: None)

    assert answer["error"].startswith("DivergenceError: W2: no volume without pressure")


def test_what_is_known_is_found_again(tmp_path):
    results = Results(tmp_path / "results.json")
    assert results.find(PEER, EOS, QUICK) is None
    results.add(PEER, EOS, QUICK, {"figures": {"a0": 3.165}, "curves": {}})

    again = Results(tmp_path / "results.json")

    assert again.find(PEER, EOS, QUICK)["figures"] == {"a0": 3.165}
    assert again.find(PEER, EOS, FULL) is None
    assert again.find(PEER, Task(workflow="eos", subject="Mo"), QUICK) is None
    assert again.find(Peer(name="bonds", make=PEER.make, identity="two"), EOS, QUICK) is None


def test_another_calculator_of_the_same_name_takes_its_place(tmp_path):
    results = Results(tmp_path / "results.json")
    results.add(PEER, EOS, QUICK, {"figures": {"a0": 3.165}, "curves": {}})
    other = Peer(name="bonds", make=PEER.make, identity="two")
    results.add(other, Task(workflow="elastic", subject="W"), QUICK, {"figures": {}, "curves": {}})

    assert results.find(PEER, EOS, QUICK) is None
    assert results.find(other, EOS, QUICK) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json"])
def test_a_file_of_something_else_is_refused(tmp_path, text):
    (tmp_path / "results.json").write_text(text)

    with pytest.raises(DataError, match="expected results of an earlier bench"):
        Results(tmp_path / "results.json")
