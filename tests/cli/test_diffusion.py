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
    assert {"diffusion.png", "out.json"} <= files()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("-T", "hot"), "expected different numbers"),
        (("-T", "300,300"), "expected different numbers"),
        (("-T", "-5"), "temperature: expected between 0"),
        (("--steps", 10), "steps: expected at least 1000"),
        (("--vacancies", 3), "at most one atom in ten"),
        (("--timestep", 50), "a timestep of at most 20 fs"),
    ],
)
def test_what_makes_no_sense_is_refused(voxpot, springs, files, arguments, sentence):
    assert sentence in voxpot("diffusion", "cell.extxyz", *SHORT, *arguments).sentence
    assert "diffusion.png" not in files()
