from __future__ import annotations

import json

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write


@pytest.fixture
def pool(here, rng):
    made = []
    for k in range(8):
        atoms = bulk("W", "bcc", a=3.2 * rng.uniform(0.9, 1.1), cubic=True)
        atoms.symbols = rng.permutation(["Mo", "W"])
        atoms.positions += rng.normal(scale=0.1, size=(2, 3))
        atoms.info["step"] = 10 * k
        atoms.calc = SinglePointCalculator(atoms, energy=-1.0, forces=np.zeros((2, 3)))
        made.append(atoms)
    path = here / "pool.extxyz"
    write(path, [*made, *made])
    return path


@pytest.fixture
def select(voxpot):
    return lambda *arguments: voxpot("select", *arguments, "--model", "certain.safetensors", "--device", "cpu")


def test_picks_are_written_shown_and_drawn(select, pool, files, here):
    outcome = select(pool, "--count", "3", "--out", "out/best.extxyz", "--json", "best.json")

    assert outcome.status == 0
    assert files() == {"out", "best.json"}
    picked = read(here / "out" / "best.extxyz", ":")
    data = json.loads((here / "best.json").read_text())
    assert [a.info["selected_frame"] for a in picked] == [p["frame"] for p in data["picks"]]
    assert len({p["frame"] % 8 for p in data["picks"]}) == 3
    assert (here / "out" / "best.png").read_bytes().startswith(b"\x89PNG")
    assert "Picked from" in outcome.out


def test_energies_of_the_model_do_not_pass_for_labels(select, pool, here):
    select(pool, "--number", "2")

    for atoms in read(here / "picked.extxyz", ":"):
        assert atoms.calc is None
        assert atoms.info["step"] % 10 == 0


def test_when_all_is_known_nothing_is_written(select, pool, files):
    outcome = select(pool, "--min-uncertainty", "1e6")

    assert outcome.status == 0
    assert "nothing picked, nothing written" in " ".join(outcome.out.split())
    assert files() == set()


def test_fewer_than_wanted_is_said(select, pool):
    assert "no more than" in select(pool, "--number", "100").out


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--number", "0"), "count: expected a whole number from 1 on, got 0"),
        (("--min-uncertainty", "-1"), "min-uncertainty: expected a number from 0 on"),
        (("--plot", "picked.txt"), "ends in .png, .pdf, .svg"),
        (("--out", "pool.extxyz/x"), "a place to write to"),
        (("--model", "tiny.safetensors"), "expected a model with an uncertainty, got one without"),
    ],
)
def test_options_that_make_no_sense_are_refused(voxpot, pool, files, options, sentence):
    options = options if "--model" in options else (*options, "--model", "certain.safetensors")

    assert sentence in voxpot("select", pool, *options, "--device", "cpu").sentence
    assert files() == set()


def test_a_file_that_is_not_there_is_refused(select):
    assert "nothing.xyz: expected a file with atomic structures, got none" in select("nothing.xyz").sentence
