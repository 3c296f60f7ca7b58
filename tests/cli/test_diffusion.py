from __future__ import annotations

import json

import numpy as np
import pytest

from ase_voxpot.cli.diffusion import simulated
from ase_voxpot.methods import Method
from ase_voxpot.properties.diffusion import Schedule
from ase_voxpot.structures import random_alloy
from tests.cli.conftest import SPRINGS

FAST = ("-m", "motaw-fast", "--device", "cpu", "--steps", 1000, "--equilibration", 100)
SHORT = ("-c", SPRINGS, "--repeat", 1, "--steps", 1000, "--timestep", 4, "--equilibration", 100)


def test_two_temperatures_make_a_law_or_a_warning(voxpot, springs, here, files):
    outcome = voxpot("diffusion", "cell.extxyz", *SHORT, "-T", "100,50", "--json", "out.json")

    assert outcome.status == 0
    answer = json.loads((here / "out.json").read_text())
    assert len(answer["runs"]) == 2
    assert answer["runs"][0]["temperature"] < answer["runs"][1]["temperature"]
    assert set(answer["runs"][0]["coefficients"]) == {"Cu"}
    assert "two errors from zero" in outcome.out or "exp(-E" in outcome.out
    assert {"diffusion.png", "out.json", "diffusion.50K.run.csv", "diffusion.100K.run.checkpoint.npz"} <= files()
    assert answer["runs"][0]["viscosity"] is None
    assert "is there already" in voxpot("diffusion", "cell.extxyz", *SHORT, "-T", "100,50").sentence
    again = voxpot("diffusion", "cell.extxyz", *SHORT, "-T", "100,50", "--restart", "--json", "out.json")
    assert again.out == outcome.out


def test_seeds_are_averaged_and_workers_give_the_numbers_of_one_process(voxpot, here):
    options = ("diffusion", "bcc:MoW", *FAST, "--repeat", 2, "-T", "300")
    assert voxpot(*options, "--seed", 4, "-o", "lone", "--json", "lone.json").status == 0
    both = (*options, "--seed", 3, "--seeds", 2)
    alone = voxpot(*both, "-o", "one", "--json", "one.json")

    outcome = voxpot(*both, "-o", "two", "--json", "two.json", "--workers", 2)

    assert (alone.status, outcome.status) == (0, 0), outcome.err
    assert outcome.out == alone.out
    assert (here / "two.json").read_text() == (here / "one.json").read_text()
    answer, lone = (json.loads((here / f"{name}.json").read_text()) for name in ("one", "lone"))
    assert [m["seed"] for m in answer["members"]] == [3, 4]
    values = [m["coefficients"]["Mo"] for m in answer["members"]]
    assert values[1] == lone["runs"][0]["coefficients"]["Mo"]
    assert answer["runs"][0]["coefficients"]["Mo"] == pytest.approx(sum(values) / 2)
    assert answer["runs"][0]["errors"]["Mo"] >= abs(values[0] - values[1]) / 2 * (1 - 1e-9)
    assert (here / "two.300K.seed4.run.csv").read_text() == (here / "lone.300K.run.csv").read_text()
    assert "two.300K.seed3.settle.csv is there already" in voxpot(*both, "-o", "two", "--workers", 2).sentence
    assert voxpot(*both, "-o", "two", "--workers", 2, "--restart").out == outcome.out


def test_a_run_goes_on_where_its_worker_ended(here):
    method = Method(text="motaw-fast", device="cpu")
    atoms = random_alloy("bcc:MoW", repeat=2, rng=np.random.default_rng(0))
    schedule = Schedule(temperature=300.0, steps=1000, equilibration=100)
    whole = simulated(method, atoms, schedule, here / "whole")
    (here / "cut.settle.csv").write_text("step\n")  # no checkpoint yet

    assert simulated(method, atoms, schedule, here / "cut").coefficients == whole.coefficients
    (here / "cut.run.checkpoint.npz").unlink()
    assert simulated(method, atoms, schedule, here / "cut").coefficients == whole.coefficients


def test_a_given_viscosity_corrects_for_the_cell(voxpot, here):
    small = ("-m", "motaw-fast", "--device", "cpu", "--steps", 1000, "--equilibration", 400, "--repeat", 3)
    outcome = voxpot("diffusion", "bcc:W", *small, "-T", "4500", "--liquid", "--viscosity", 2, "--json", "out.json")

    assert "in an endless cell" in outcome.out
    run = json.loads((here / "out.json").read_text())["runs"][0]
    missing = run["endless"]["W"]["value"] - run["coefficients"]["W"]
    expected = 2.837297 * 1.380649e-23 * run["temperature"] / (6 * 3.14159265 * 2e-3 * run["edge"] * 1e-10)
    assert missing == pytest.approx(1e8 * expected, rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-T", "hot"), "expected different numbers"),
        (("-T", "300,300"), "expected different numbers"),
        (("-T", "-5"), "temperature: expected between 0"),
        (("--steps", 10), "steps: expected at least 1000"),
        (("--vacancies", 3), "at most one atom in ten"),
        (("--viscosity", 2), "of a --liquid at a single temperature"),
        (("--liquid", "--viscosity", 0), "expected one between 0 and 1e6 mPa s"),
        (("--seeds", 0), "seeds: expected a number of runs from 1 on"),
        (("--workers", 0), "workers: expected a whole number from 1 on"),
        (("--timestep", 50), "a timestep of at most 20 fs"),
    ],
)
def test_what_makes_no_sense_is_refused(voxpot, springs, files, arguments, sentence):
    assert sentence in voxpot("diffusion", "cell.extxyz", *SHORT, *arguments).sentence
    assert "diffusion.png" not in files()
