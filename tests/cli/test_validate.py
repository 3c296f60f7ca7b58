from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from ase_voxpot.weights import load_potential

EXAMPLE = Path(__file__).parents[2] / "examples" / "05_validate_a_vasp_run.py"


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("validate_a_vasp_run_of_the_verb", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(here, example, rng):
    potential, made = load_potential("motaw-fast", device="cpu"), []
    for _ in range(24):
        atoms = bulk("W", "bcc", a=3.2, cubic=True).repeat((2, 1, 1))
        atoms.positions += rng.normal(scale=0.03, size=(4, 3))
        made.append(example.label(atoms, potential.evaluate(atoms)))
    example.write_vasprun(here / "vasprun.xml", made, timestep=1.0, temperature=300.0)
    example.write_xdatcar(here / "XDATCAR", made)
    return here


@pytest.fixture
def validate(voxpot):
    return lambda *arguments: voxpot("validate", *arguments, "--model", "motaw-fast", "--device", "cpu")


def test_a_report_is_written(validate, run, files):
    outcome = validate("vasprun.xml", "-T", 300, "-o", "look", "--frames", 22)
    assert outcome.status == 0, outcome.err
    assert "Forces" in outcome.out
    assert "look/report.html" in outcome.out
    data = json.loads((run / "look" / "report.json").read_text())
    assert data["forces_meV_per_A"]["rmse"] < 1
    assert data["dynamics"]["frames"] == 22


def test_a_cut_file_is_used_and_said(validate, run):
    data = (run / "vasprun.xml").read_bytes()
    (run / "vasprun.xml").write_bytes(data[: int(0.7 * len(data))])
    outcome = validate("vasprun.xml", "--no-md")
    assert outcome.status == 0
    assert "complete ionic steps are used" in outcome.err
    assert len(outcome.err.splitlines()) >= 1


def test_warnings_reach_the_console(validate, run):
    text = (run / "vasprun.xml").read_text()
    (run / "vasprun.xml").write_text(text.replace('<i name="ISMEAR"> 1 ', '<i name="ISMEAR"> -5 '))
    outcome = validate("vasprun.xml", "--no-md")
    assert outcome.status == 0
    assert "voxpot: warning: ISMEAR = -5" in outcome.err


def test_an_xdatcar_needs_a_time_step(validate, run):
    assert "give --timestep" in validate("XDATCAR").sentence
    outcome = validate("XDATCAR", "--timestep", 1, "-T", 300, "--frames", 22)
    assert outcome.status == 0, outcome.err
    assert "positions only" in outcome.err


def test_snapshots_have_no_motion(validate, run):
    outcome = validate("XDATCAR", "--snapshots", "--no-md", "-o", "look")
    assert outcome.status == 0
    assert json.loads((run / "look" / "report.json").read_text())["motion"] == [None, None]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nowhere.xml",), "expected a file of a VASP run"),
        (("vasprun.xml", "--timestep", 0), "between 0 and 1e4 fs"),
        (("vasprun.xml", "--timestep", 2), "says 1 fs from frame to frame, got 2 fs"),
        (("vasprun.xml", "--snapshots", "--timestep", 2), "leave one of both out"),
        (("XDATCAR", "--snapshots"), "give it with --temperature"),
        (("vasprun.xml", "-T", -300), "between 1 and 1e5 K"),
        (("vasprun.xml", "-T", "nan"), "between 1 and 1e5 K"),
        (("vasprun.xml", "--energy", "total"), "expected one of free, zero"),
        (("vasprun.xml", "--frames", 0), "whole numbers"),
        (("vasprun.xml", "--seed", -1), "whole numbers"),
        (("vasprun.xml", "-o", "vasprun.xml"), "place to write"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(validate, run, arguments, sentence):
    assert sentence in validate(*arguments).sentence


def test_other_elements_are_refused_by_name(validate, run):
    text = (run / "XDATCAR").read_text()
    (run / "XDATCAR").write_text(text.replace("W\n4", "Si\n4"))
    assert "the structure holds Si" in validate("XDATCAR", "--snapshots", "--no-md").sentence


def test_entities_are_refused(validate, run):
    text = (run / "vasprun.xml").read_text()
    (run / "vasprun.xml").write_text(text.replace("<modeling>", '<!DOCTYPE a [<!ENTITY b "c">]><modeling>'))
    assert "document type" in validate("vasprun.xml").sentence


def test_folders_with_hostile_names(validate, run):
    folder = run / "<img src=x onerror=alert(1)>"
    folder.mkdir()
    (run / "vasprun.xml").rename(folder / "vasprun.xml")
    assert validate(folder, "--no-md", "-o", "look").status == 0
    assert "<img" not in (run / "look" / "report.html").read_text()


def test_figures_do_not_depend_on_how_often_it_is_run(validate, run):
    for name in ("one", "two"):
        assert validate("vasprun.xml", "-T", 300, "-o", name, "--frames", 22).status == 0
    one, two = ((run / name / "report.json").read_text() for name in ("one", "two"))
    assert one == two
    assert np.isfinite(json.loads(one)["rdf_difference"]["model"])
