from __future__ import annotations

import importlib.util
import json
import re
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


def _spoiled(run, chosen):
    """Energies of the chosen steps 1 eV off, after as many electronic steps as NELM."""
    text = (run / "vasprun.xml").read_text()
    before, *steps = text.split(" <calculation>")
    for k in chosen:
        scf = steps[k][: steps[k].index("</scstep>") + 9]
        steps[k] = re.sub(
            r'(e_fr_energy"> +)-?(\d+)', lambda m: f"{m[1]}-{int(m[2]) + 4}", 60 * scf + steps[k][len(scf) :]
        )
    (run / "vasprun.xml").write_text(" <calculation>".join([before, *steps]))


def test_steps_that_did_not_converge_are_not_scored(validate, run):
    _spoiled(run, (3, 4, 20))

    outcome = validate("vasprun.xml", "--no-md", "-o", "look")
    every = validate("vasprun.xml", "--no-md", "-o", "every", "--unconverged")

    assert "the electronic loop of 3 of 24 ionic steps (4, 5, 21) ended at NELM = 60" in outcome.err
    assert "3 of 24 ionic steps ended without electronic convergence: they do not count" in outcome.err
    data, other = (json.loads((run / name / "report.json").read_text()) for name in ("look", "every"))
    assert (data["run"]["frames"], data["run"]["frames_scored"], data["run"]["frames_unconverged"]) == (24, 21, 3)
    assert data["energy_judged"] == "free"
    assert data["energy_meV_per_atom"]["free"]["rmse"] < 1
    assert "they count in energies, forces and stress, as asked for" in every.err
    assert other["run"]["frames_scored"] == 24
    assert other["energy_meV_per_atom"]["free"]["rmse"] > 100


def test_a_run_without_any_convergence_is_not_judged_by_energies(validate, run):
    _spoiled(run, range(24))

    outcome = validate("vasprun.xml", "--no-md", "-o", "look")

    assert outcome.status == 0
    assert "24 of 24 ionic steps ended without electronic convergence" in outcome.err
    data = json.loads((run / "look" / "report.json").read_text())
    assert (data["energy_meV_per_atom"], data["forces_meV_per_A"], data["stress_GPa"]) == ({}, None, None)


def test_frames_with_gaps_say_nothing_of_motion(validate, run):
    before, *steps = (run / "vasprun.xml").read_text().split(" <calculation>")
    learned = [f" {re.sub('</?calculation>|<scstep>.*</scstep>', '', s, flags=re.DOTALL)}" for s in steps]
    dft = {0, 1, 2, 7, 8, 23}
    body = [" <calculation>" + s if k in dft else learned[k] for k, s in enumerate(steps)]
    (run / "vasprun.xml").write_text(before + "".join(body))

    outcome = validate("vasprun.xml", "-T", 300, "--frames", 22, "-o", "look")

    assert outcome.status == 0, outcome.err
    assert "6 steps computed with DFT are used; 18 of a machine-learned force field" in outcome.err
    assert "the longest stretch of equally spaced frames has 3, and 20 are needed" in outcome.err
    data = json.loads((run / "look" / "report.json").read_text())
    assert data["motion"] == [None, None]
    assert data["forces_meV_per_A"]["rmse"] < 1
    assert (data["run"]["stretches"], data["run"]["frames"]) == (3, 6)
    # as snapshots, not six frames 1 fs apart
    assert (data["dynamics"]["frames"], data["dynamics"]["interval_fs"]) == (22, 20.0)


def test_snapshots_of_a_run_need_no_time_step(validate, run):
    text = (run / "vasprun.xml").read_text().replace("<incar>", '<incar>\n  <i name="NSW"> 500 </i>')
    (run / "vasprun.xml").write_text(text.replace("<incar>", '<incar>\n  <i name="ML_LMLFF"> T </i>'))

    outcome = validate("vasprun.xml", "--no-md", "-o", "look")

    assert outcome.status == 0, outcome.err
    assert "the frames are taken as snapshots" in outcome.err
    assert json.loads((run / "look" / "report.json").read_text())["motion"] == [None, None]
    told = validate("vasprun.xml", "--no-md", "-o", "look", "--timestep", 1)
    assert told.status == 0
    assert json.loads((run / "look" / "report.json").read_text())["motion"][0] is not None


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
