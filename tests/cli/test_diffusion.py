from __future__ import annotations

import json

import pytest

from tests.cli.conftest import SPRINGS

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
        (("--timestep", 50), "a timestep of at most 20 fs"),
    ],
)
def test_what_makes_no_sense_is_refused(voxpot, springs, files, arguments, sentence):
    assert sentence in voxpot("diffusion", "cell.extxyz", *SHORT, *arguments).sentence
    assert "diffusion.png" not in files()
