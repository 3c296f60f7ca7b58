"""The command, on a tiny model and the smallest cells."""

from __future__ import annotations

import json

import pytest
import torch

from ase_voxpot.benchmark import campaign, speed
from ase_voxpot.benchmark.check import Deviation
from ase_voxpot.benchmark.orders import Order, Timing
from ase_voxpot.benchmark.timing import Spread

TINY = ("--model", "tiny.safetensors", "--atoms", "54")


@pytest.fixture
def benchmark(voxpot):
    return lambda *arguments: voxpot("benchmark", *arguments)


@pytest.mark.slow
def test_a_model_and_a_peer_take_turns(benchmark, here):
    (here / "made.py").write_text(
        "from ase.calculators.lj import LennardJones\ndef make():\n    return LennardJones(rc=4.0)\n"
    )

    outcome = benchmark(*TINY, "--repeat", "3", "--peer", "LJ=made.py:make", "--json", "s.json", "--plot", "s.png")

    assert outcome.status == 0, outcome.err
    data = json.loads((here / "s.json").read_text())
    ours, peer = data["timings"]
    assert (ours["name"], ours["peer"], peer["name"], peer["peer"]) == ("tiny.safetensors", False, "LJ", True)
    assert ours["atoms"] == 54
    assert ours["time"]["low"] <= ours["time"]["median"] <= ours["time"]["high"]
    assert ours["rate"] == pytest.approx(54 / ours["time"]["median"])
    assert 0 < max(ours["deviation"].values()) < 1e-5
    (ratio,) = data["ratios"]
    assert ratio["ratio"] == pytest.approx(peer["time"]["median"] / ours["time"]["median"])
    assert data["dynamics"][0]["atoms"] == 54
    assert (here / "s.png").stat().st_size > 10_000
    assert "times faster than a peer" in outcome.out.lower()


@pytest.mark.slow
def test_stages_stand_beside_their_floor(benchmark, here):
    outcome = benchmark(*TINY, "--breakdown", "--json", "b.json", "--plot", "b.png")

    assert outcome.status == 0, outcome.err
    (found,) = json.loads((here / "b.json").read_text())["breakdowns"]
    assert all(stage["measured"] > 0 < stage["floor"] for stage in found["stages"])
    assert found["floor"] == pytest.approx(sum(stage["floor"] for stage in found["stages"]))
    assert "mixtures, adjoint" in outcome.out


@pytest.mark.slow
def test_painting_is_compared_with_plain_python(benchmark, here):
    outcome = benchmark(*TINY, "--voxelizer", "--json", "v.json")

    assert outcome.status == 0, outcome.err
    for painting in json.loads((here / "v.json").read_text())["voxelizer"]:
        assert painting["ratio"] == pytest.approx(painting["loops"] / painting["compiled"])
        assert painting["difference"] < 1e-12


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--atoms", "10"), "atoms: expected at least 54, got 10"),
        (("--atoms", "many"), "atoms: expected whole numbers from 1 on"),
        (("--threads", "0"), "threads: expected whole numbers from 1 on"),
        (("--repeat", "0"), "repeat: expected a whole number from 1 on, got 0"),
        (("--dtype", "float16"), "dtype must be 'float32' or 'float64', got 'float16'"),
        (("--model", "nothing"), "got 'nothing'"),
        (("--peer", "nonsense"), "peer: expected [NAME=]module:factory"),
        (("--peer", "motaw=ase.calculators.emt:EMT"), "two are called motaw"),
        (("--plot", "cost.txt"), "ends in .png, .pdf, .svg"),
        (("--breakdown", "--voxelizer"), "expected one of --breakdown and --voxelizer, got both"),
    ],
)
def test_options_that_make_no_sense_are_refused(benchmark, files, options, sentence):
    assert sentence in benchmark(*options).sentence
    assert files() == set()


def test_a_worker_that_refuses_speaks_through_the_command(benchmark, here):
    """A calculator that can be made here, and not in the process that is to measure it."""
    (here / "once.py").write_text(
        "from pathlib import Path\n"
        "from ase.calculators.emt import EMT\n"
        "def make():\n    Path('made').touch(exist_ok=False)\n    return EMT()\n"
    )

    sentence = benchmark(*TINY, "--peer", "once.py:make").sentence

    assert "expected make to make a calculator, got FileExistsError" in sentence


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_is_timed_and_checked_too(benchmark, here):
    assert benchmark(*TINY, "--device", "cpu,cuda", "--repeat", "3", "--json", "s.json").status == 0

    timings = json.loads((here / "s.json").read_text())["timings"]
    assert [t["device"] for t in timings] == ["cpu", "cuda"]
    assert all(t["memory"] > 0 and max(t["deviation"].values()) < 1e-5 for t in timings)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_an_absent_device_is_refused(benchmark):
    assert "torch sees no CUDA device here" in benchmark(*TINY, "--device", "cuda").sentence


def timing(worst: float) -> Timing:
    time = Spread(median=1.0, low=0.9, high=1.1, calls=3)
    wrong = Deviation(energy=0.0, forces=worst, stress=0.0)
    return Timing(
        name="m", peer=False, atoms=54, pairs=50.0, threads=1, device="cpu", time=time, memory=None, floor=None,
        deviation=wrong,
    )  # fmt: skip


def test_a_wrong_answer_is_a_failure(benchmark, monkeypatch):
    monkeypatch.setattr(campaign, "measure", lambda orders, observe: campaign.Findings(timings=[timing(2e-5)]))

    outcome = benchmark(*TINY)

    assert outcome.status == 1
    assert "m on 54 atoms is off by 2.0e-05 of its reference, expected 1e-05 at most" in outcome.err


def test_sizes_that_memory_does_not_hold_are_left_out(here, monkeypatch):
    monkeypatch.setattr(speed, "available", lambda device: 1_000_000)
    monkeypatch.setattr(speed, "_probe", lambda *arguments: 1000.0)
    for name in ("_compare", "_steps"):
        monkeypatch.setattr(speed, name, lambda *arguments: [])
    order = Order(work="speed", threads=1, models=("tiny.safetensors",), atoms=(54, 2_000_000))

    *_, last = speed.run_speed(order, lambda doing: None)

    assert last == "2,000,000 atoms are left out: about 2.0 GB are needed, 0.0 GB are free; 800 atoms would fit"
