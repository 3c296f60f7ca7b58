from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read, write

from ase_voxpot.cli.mc_runs import sampled
from ase_voxpot.methods import Method
from ase_voxpot.montecarlo import Plan, Records, speed
from ase_voxpot.structures import random_alloy

OUTPUT = {"mc.csv", "mc.extxyz", "mc.checkpoint.npz", "mc.json", "mc.png"}


@pytest.fixture
def mc(voxpot):
    return lambda *arguments: voxpot("mc", *arguments, "--model", "tiny.safetensors", "--device", "cpu")


ALLOY = ("bcc:MoTaW", "--repeat", "2", "--sweeps", "4")


@pytest.mark.parametrize(
    "options",
    [
        ("-T", "2000"),
        ("-T", "2000", "--anneal", "500"),
        ("-T", "1000:3000:500"),
        ("-T", "1000,2000"),
        ("-e", "sgc", "--mu", "Mo=0,Ta=0.5"),
        ("-e", "vcsgc", "--phi", "Mo=-0.6,Ta=-0.6", "--kappa", "20"),
        ("--elements", "Mo,W"),
        ("--md", "2", "--timestep", "0.5"),
        ("--relax", "2", "--interval", "2"),
    ],
    ids=" ".join,
)
def test_a_run_leaves_log_trajectory_checkpoint_averages_and_picture(mc, files, here, options):
    outcome = mc(*ALLOY, *options)

    assert outcome.status == 0
    assert files() == OUTPUT
    assert "α Mo-Ta" in outcome.out or "--elements" in options
    assert "accepted" in outcome.out
    report = json.loads((here / "mc.json").read_text())
    assert report["sites"] == (11 if {"sgc", "--elements"} & set(options) else 16)  # 5 or 6 of each element
    assert ("transition" in report) == ("1000:3000:500" in options)
    assert len(read(here / "mc.extxyz", ":")) >= 1


def test_sizes_and_peers_get_a_run_each_and_a_common_picture(mc, files, here):
    (here / "twin.py").write_text(
        "from ase_voxpot import VoxPotCalculator\n\n\ndef make():\n    return VoxPotCalculator('tiny.safetensors')\n"
    )
    outcome = mc(
        "bcc:MoTaW", "--sizes", "1,2", "-T", "1000,3000", "--sweeps", "2", "--peer", "twin.py:make",
        "--json", "all.json",
    )  # fmt: skip

    assert outcome.status == 0
    made = {name.split(".")[0] for name in files()} - {"__pycache__"}
    assert made == {"mc-1", "mc-2", "mc-make-1", "mc-make-2", "mc", "all", "twin"}
    reports = json.loads((here / "all.json").read_text())
    assert set(reports) == {"tiny 1³", "tiny 2³", "make 1³", "make 2³"}
    for size in "12":  # the same energies lead to the same walk
        own, peer = (reports[f"{name} {size}³"]["temperatures"] for name in ("tiny", "make"))
        assert [e["acceptance"] for e in own] == [e["acceptance"] for e in peer]


def test_workers_leave_the_files_of_one_process(mc, here, files):
    options = ("bcc:MoTaW", "--sizes", "1,2", "-T", "1000,3000", "--sweeps", "4")
    alone = mc(*options, "-o", "one/mc", "--json", "one/all.json")

    outcome = mc(*options, "-o", "two/mc", "--json", "two/all.json", "--workers", "2")

    assert (alone.status, outcome.status) == (0, 0), outcome.err
    assert outcome.out == alone.out.replace("one/", "two/")
    names = {p.name for p in (here / "one").iterdir()}
    assert {p.name for p in (here / "two").iterdir()} == names
    for name in names:
        if not name.endswith((".png", ".npz")):
            assert (here / "two" / name).read_text() == (here / "one" / name).read_text()


def test_workers_continue_runs_and_refuse_to_overwrite_them(mc, here):
    options = ("bcc:MoTaW", "--sizes", "1,2", "-T", "2000")
    assert mc(*options, "--sweeps", "8", "-o", "whole").status == 0
    assert mc(*options, "--sweeps", "4", "-o", "part").status == 0

    workers = ("--workers", "2")
    assert "part-1.csv is there already" in mc(*options, "--sweeps", "8", "-o", "part", *workers).sentence
    assert mc(*options, "--sweeps", "8", "-o", "part", "--restart", *workers).status == 0
    for size in "12":
        assert (here / f"part-{size}.csv").read_text() == (here / f"whole-{size}.csv").read_text()


def test_a_run_goes_on_where_its_worker_ended(here, tiny_model):
    atoms = random_alloy("bcc:MoTaW", repeat=2, rng=np.random.default_rng(0))
    method = Method(text=str(tiny_model), device="cpu")
    plan = Plan(temperatures=(2000.0,), sweeps=60)
    sampled(method, atoms, plan, Records(here / "whole"), "")
    sampled(method, atoms, replace(plan, sweeps=50), Records(here / "cut"), "")  # as far as its checkpoint
    (here / "early.csv").write_text("sweep\n")  # no checkpoint yet

    for name in ("cut", "early"):
        sampled(method, atoms, plan, Records(here / name), "")
        assert (here / f"{name}.csv").read_text() == (here / "whole.csv").read_text()


def test_the_speed_of_trials_is_measured_and_they_are_checked(voxpot, files, here, monkeypatch):
    monkeypatch.setattr(speed, "ROUNDS", 1)
    monkeypatch.setitem(speed.measure.__kwdefaults__, "trials", 100)
    outcome = voxpot(
        "mc", "bcc:MoW", "--sizes", "1,2", "--speed", "-m", "tiny.safetensors", "--dtype", "float64", "--json", "s.json"
    )  # fmt: skip

    assert outcome.status == 0
    assert files() == {"s.json"}
    speeds = json.loads((here / "s.json").read_text())
    assert [s["atoms"] for s in speeds.values()] == [2, 16]
    assert all(s["error"] < 1e-9 and s["trials"] > 0 for s in speeds.values())


def test_a_run_is_continued(mc, here):
    options = ("bcc:MoTaW", "--repeat", "2", "-T", "2000")
    assert mc(*options, "--sweeps", "8", "-o", "whole").status == 0
    assert mc(*options, "--sweeps", "4", "-o", "part").status == 0

    assert mc(*options, "--sweeps", "8", "-o", "part", "--restart").status == 0

    assert (here / "part.csv").read_text() == (here / "whole.csv").read_text()
    assert (here / "part.json").read_text() == (here / "whole.json").read_text()


def test_a_run_is_not_overwritten(mc):
    mc(*ALLOY)

    assert "mc.csv is there already" in mc(*ALLOY).sentence


def test_a_melt_is_walked_through_without_order(mc, here):
    atoms = bulk("W", "bcc", a=3.2, cubic=True).repeat(2)
    atoms.symbols[:8] = "Mo"
    atoms.rattle(0.3, seed=1)
    write(here / "melt.extxyz", atoms)

    outcome = mc("melt.extxyz", "--sweeps", "2")

    assert outcome.status == 0
    assert "no order parameters: " in outcome.out


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda a: a.positions.__setitem__(0, np.nan), "expected finite positions"),
        (lambda a: a.positions.__setitem__(1, a.positions[0]), "at the same place"),
        (lambda a: a.set_cell([3, 3, 0]), "span a volume"),
        (lambda a: a.symbols.__setitem__(0, "Xe"), "holds Xe"),
        (lambda a: a.symbols.__setitem__(slice(None), "W"), "swaps need atoms of two or more elements, got only W"),
    ],
)
def test_hostile_structures_are_refused_and_leave_nothing(mc, files, here, spoil, sentence):
    atoms = bulk("W", "bcc", a=3.2, cubic=True)
    atoms.symbols = ["Mo", "W"]
    spoil(atoms)
    write(here / "bad.extxyz", atoms)

    assert sentence in mc("bad.extxyz").sentence
    assert files() == {"bad.extxyz"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-T", "0"), "temperature: expected between 0 and 1e5 K, got 0"),
        (("-T", "-300"), "temperature: expected between 0 and 1e5 K, got -300"),
        (("-T", "nan"), "temperature: expected between 0 and 1e5 K, got nan"),
        (("-T", "hot"), "temperature: expected one, 300,600,900 or 300:1500:100 in K, got 'hot'"),
        (("-T", "300:1500:0"), "temperature: expected one, 300,600,900 or"),
        (("-T", "900:300:100"), "temperature: expected one or more, got none"),
        (("-T", "900,300"), "ascending"),
        (("-T", "300,900", "--anneal", "100"), "anneal: expected one temperature"),
        (("--ensemble", "npt"), "ensemble: expected one of canonical, sgc, vcsgc, got 'npt'"),
        (("-e", "sgc"), "mu: sgc needs it, got none"),
        (("-e", "vcsgc"), "phi: vcsgc needs it, got none"),
        (("--mu", "Mo=1,Ta=0"), "mu: canonical has none"),
        (("-e", "sgc", "--mu", "Mo"), "mu: expected values by element"),
        (("-e", "sgc", "--mu", "Mo=0,Ta=x"), "mu: expected values by element"),
        (("-e", "sgc", "--mu", "Mo=0"), "expected those of two or more elements"),
        (("-e", "sgc", "--mu", "Mo=0,Ta=nan"), "expected a finite number for Ta"),
        (("-e", "sgc", "--mu", "Mo=0,Nb=1"), "expected some of Mo, Ta, W, got Nb"),
        (("-e", "sgc", "--mu", "Mo=0,Ta=1", "--elements", "Mo"), "with sgc those that have a mu take part"),
        (("--elements", "Mo"), "two or more different elements"),
        (("--elements", "Mo,Xx"), "chemical symbols"),
        (("--sweeps", "0"), "sweeps: expected at least one interval"),
        (("--interval", "0"), "interval: expected"),
        (("--md", "-1"), "md and relax: expected numbers of steps"),
        (("--md", "5", "--relax", "5"), "expected dynamics between trials or a relaxation"),
        (("--sizes", "a"), "sizes: expected whole numbers"),
        (("--sizes", "2,2"), "sizes: expected different ones"),
        (("--peer", "nonsense"), "module:factory"),
        (("--restart",), "expected the checkpoint of a run to continue, got none"),
        (("--output", "tiny.safetensors/x"), "a place to write to"),
        (("--seed", "-1"), "seed: expected"),
        (("--workers", "0"), "workers: expected"),
        (("--workers", "2", "--restart"), "expected the checkpoint of a run to continue, got none"),
        (("--speed", "--workers", "2"), "speed: expected one process"),
    ],
)
def test_options_that_make_no_sense_are_refused_and_leave_nothing(mc, files, arguments, sentence):
    assert sentence in mc("bcc:MoTaW", *arguments).sentence
    assert files() == set()
