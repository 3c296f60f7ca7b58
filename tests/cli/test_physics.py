from __future__ import annotations

import json

import pytest

from ase_voxpot.errors import DivergenceError
from ase_voxpot.physics.recipes import WORKFLOWS

PEERS = """
import numpy as np
from tests.properties.bonds import Bonds

calls = []

def springs(name="stiff"):
    return Bonds(3.165 * np.sqrt(3) / 2, 3.165, stiffness={"stiff": 4.0, "soft": 2.0}[name], depth=0.5)

def useless():
    return Bonds(1.0)
"""


@pytest.fixture
def physics(voxpot, here, monkeypatch):
    (here / "peers.py").write_text(PEERS)
    monkeypatch.delenv("VOXPOT_DATA", raising=False)
    common = ("--model", "tiny.safetensors", "--quick", "--device", "cpu", "--elements", "W", "--output", "bench")
    return lambda *arguments: voxpot("physics", *common, *arguments)


def test_nothing_but_failures_is_no_success(physics, monkeypatch):
    def fails(*_):
        raise DivergenceError("no rest")

    monkeypatch.setitem(WORKFLOWS, "elastic", (fails, WORKFLOWS["elastic"][1]))

    outcome = physics("--only", "elastic")

    assert outcome.status == 1
    assert "tiny failed at elastic of W: DivergenceError: no rest" in outcome.out


def test_peers_stand_beside_the_model(physics, here):
    outcome = physics(
        "--only", "elastic,dimer", "--peer", "peers.py:springs", "-p", "weak=peers.py:springs:soft", "--json", "w.json"
    )

    assert outcome.status == 0
    assert "tiny" in outcome.out
    assert "springs" in outcome.out
    table = {row["quantity"]: row for row in json.loads((here / "w.json").read_text())}
    stiff, soft = (table["C44"]["values"][name] for name in ("springs", "weak"))
    assert stiff["value"] == pytest.approx(2 * soft["value"], rel=1e-3)
    assert table["C44"]["reference"]["value"] == 141
    assert "| quantity | reference | tiny | springs | weak |" in (here / "bench/table.md").read_text()
    written = {p.name for p in (here / "bench").iterdir()}
    assert written == {"results.json", "table.md", "table.json", "elastic.png", "squeezed.png"}


def test_what_is_known_is_not_computed_again_unless_asked(physics, here):
    options = ("--only", "elastic", "--peer", "peers.py:springs")
    assert physics(*options).status == 0
    path = here / "bench/results.json"
    kept = json.loads(path.read_text())
    kept["calculators"]["springs"]["answers"]["elastic"]["W"]["figures"]["C44"] = 777.0
    path.write_text(json.dumps(kept))

    assert "777" in physics(*options).out
    assert "777" not in physics(*options, "--fresh").out


def test_workers_give_the_table_of_one_process(physics, here):
    options = ("--only", "eos,dimer,surfaces", "--peer", "peers.py:springs")
    assert physics(*options).status == 0
    alone = (here / "bench/table.json").read_text()

    outcome = physics(*options, "--fresh", "--workers", "2")

    assert outcome.status == 0, outcome.sentence
    assert (here / "bench/table.json").read_text() == alone
    assert not list((here / "bench/tasks").iterdir())


def test_a_peer_that_fails_is_named_and_the_rest_goes_on(physics):
    outcome = physics("--only", "elastic", "--peer", "peers.py:useless", "--peer", "peers.py:springs")

    assert outcome.status == 0
    assert "useless failed at elastic of W: DivergenceError" in outcome.out
    assert "springs: " in outcome.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--only", "melting"), "unknown melting"),
        (("--elements", "Qq"), "expected different chemical symbols"),
        (("--elements", "W,W"), "expected different chemical symbols"),
        (("--elements", "Nb,W"), "the model knows Mo, Ta, W, but the structure holds Nb"),
        (("--peer", "springs"), "expected [NAME=]module:factory"),
        (("--peer", "peers.py:springs:hard"), "got KeyError"),
        (("-p", "peers.py:springs", "-p", "peers.py:springs"), "two are called springs"),
        (("-p", "tiny=peers.py:springs"), "two are called tiny"),
        (("--model", "nothing.safetensors"), "nothing.safetensors"),
        (("--json", "."), "got a folder"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_written(physics, files, arguments, sentence):
    assert sentence in physics("--only", "eos", *arguments).sentence
    assert files() <= {"peers.py", "bench", "__pycache__"}


def test_results_of_something_else_are_not_overwritten(physics, here):
    (here / "bench").mkdir()
    (here / "bench/results.json").write_text("precious")

    assert "expected results of an earlier bench" in physics("--only", "eos").sentence
    assert (here / "bench/results.json").read_text() == "precious"
