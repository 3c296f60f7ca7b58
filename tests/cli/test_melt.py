from __future__ import annotations

import json

import pytest

from tests.cli.conftest import SPRINGS

SMALL = ("--across", 3, "--along", 7, "--steps", 2000, "--equilibration", 600)


@pytest.mark.slow
def test_crystal_and_melt_are_written_drawn_and_continued(voxpot, here, files):
    options = ("bcc:W", "-T", 3500, "-m", "motaw-fast", *SMALL, "--device", "cpu", "--json", "w.json")

    outcome = voxpot("melt", *options)

    answer = json.loads((here / "w.json").read_text())
    assert {"melting.png", "w.json", "melting.crystal.csv", "melting.coexistence.extxyz"} <= files()
    assert answer["sentence"] in outcome.out + outcome.err
    assert answer["atoms"] == 126
    assert answer["pressure"] == 0
    if answer["verdict"] == "coexistence":
        assert outcome.status == 0
        assert 2800 < answer["melting_point"] < 4200
    else:  # with as few atoms either phase may vanish
        assert outcome.status == 2
        assert answer["melting_point"] is None
    assert voxpot("melt", *options).sentence.endswith("or choose another name")
    assert voxpot("melt", *options, "--restart").out == outcome.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Missing option"),
        (("-T", -5), "temperature: expected between 0"),
        (("-T", 300, "--steps", 10), "steps: expected at least"),
        (("-T", 300, "--across", 0), "across, along: expected whole numbers from 1 on"),
        (("-T", 300, "--across", 3, "--along", 3), "elongated along its third vector"),
    ],
)
def test_what_makes_no_sense_is_refused(voxpot, springs, files, arguments, sentence):
    assert sentence in voxpot("melt", "cell.extxyz", "-c", SPRINGS, *arguments).sentence
    assert not {"melting.png", "melting.crystal.csv"} & files()
