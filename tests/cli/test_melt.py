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


@pytest.mark.slow
def test_guesses_get_a_run_each_and_workers_leave_the_same_files(voxpot, here):
    options = ("melt", "bcc:W", "-T", "3300,3600", "--seed", 1, "-m", "motaw-fast", *SMALL, "--device", "cpu")
    alone = voxpot(*options, "-o", "one/w", "--json", "one/w.json")

    outcome = voxpot(*options, "-o", "two/w", "--json", "two/w.json", "--workers", 2)

    assert outcome.status == alone.status
    assert outcome.out == alone.out.replace("one/", "two/")
    assert (here / "two/w.json").read_text() == (here / "one/w.json").read_text()
    answer = json.loads((here / "one/w.json").read_text())
    assert [(run["guess"], run["seed"]) for run in answer["runs"]] == [(3300, 1), (3600, 1)]
    points = [run["melting_point"] for run in answer["runs"] if run["melting_point"] is not None]
    assert answer["melting_point"] == (pytest.approx(sum(points) / len(points)) if points else None)
    assert (here / "two/w.3300K.crystal.csv").is_file()
    assert "w.3300K.crystal.csv is there already" in voxpot(*options, "-o", "two/w", "--workers", 2).sentence


def test_seeds_without_two_phases_are_told_one_by_one(voxpot, here):
    small = ("--across", 2, "--along", 4, "--steps", 2000, "--equilibration", 600, "--device", "cpu")
    options = (
        "melt",
        "bcc:W",
        "-T",
        "8000",
        "--seeds",
        2,
        "-m",
        "motaw-fast",
        "--device",
        "cpu",
        *small,
        "--workers",
        2,
    )

    outcome = voxpot(*options, "--json", "out.json")

    assert outcome.status == 2
    assert "expected crystal and melt at the end of one run at least, got none of 2" in outcome.err
    assert outcome.out.count("failed") == 2
    assert "8000 K, seed 1: the crystal melts by itself" in outcome.out
    assert [run["verdict"] for run in json.loads((here / "out.json").read_text())["runs"]] == ["failed", "failed"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "Missing option"),
        (("-T", -5), "temperature: expected between 0"),
        (("-T", "hot"), "temperature: expected different numbers with commas between, got 'hot'"),
        (("-T", 300, "--seeds", 0), "seeds: expected a number of runs from 1 on"),
        (("-T", 300, "--workers", 0), "workers: expected a whole number from 1 on"),
        (("-T", 300, "--steps", 10), "steps: expected at least"),
        (("-T", 300, "--across", 0), "across, along: expected whole numbers from 1 on"),
        (("-T", 300, "--across", 3, "--along", 3), "elongated along its third vector"),
    ],
)
def test_what_makes_no_sense_is_refused(voxpot, springs, files, arguments, sentence):
    assert sentence in voxpot("melt", "cell.extxyz", "-c", SPRINGS, *arguments).sentence
    assert not {"melting.png", "melting.crystal.csv"} & files()
