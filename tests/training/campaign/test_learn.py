"""``voxpot learn`` and ``voxpot label``: a tiny campaign, its errors on fresh frames, its estimate, what is refused."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.io import read, write
from voxpot_jobs import FAILING, frames

from ase_voxpot import VoxPotCalculator
from ase_voxpot.cli import main
from ase_voxpot.tasks.keys import structure_key
from voxpot_training.campaign.assess import app as assess_app
from voxpot_training.campaign.config import LabellerConfig
from voxpot_training.campaign.labellers.opening import is_calculator

pytestmark = pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")  # spglib
JOBS = str(Path(__file__).parents[2] / "standalone" / "voxpot_jobs.py")
SMALLEST = """
[alloy]
species = ["Cu", "Au"]
[labeller]
use = "ase.calculators.emt:EMT"
"""
TINY = (
    SMALLEST
    + """
[explore]
kinds = ["metals", "random", "close", "md"]
structures = 12
runs = 1
atoms = 4
large = 8
picoseconds = 0.02
samples = 2
grade = 50.0
[select]
labels = 6
first = 30
[train]
epochs = 4
[stop]
rounds = 2
[report]
properties = "elements"
"""
)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """A campaign on one worker."""
    folder = tmp_path_factory.mktemp("campaign")
    (folder / "tiny.toml").write_text(TINY)
    assert main(["learn", str(folder / "tiny.toml"), "--output", str(folder / "one")]) == 0
    return folder


def files(folder):
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in (folder / "tasks").rglob("*") if p.is_file()}


def test_a_campaign_ends_with_a_potential_and_a_report(campaign):
    folder = campaign / "one"
    report = json.loads((folder / "learn.json").read_text())

    first, second = (sum(r["labelled"].values()) for r in report["rounds"])
    assert first == 30
    assert 1 <= second <= 6
    assert report["rounds"][0]["labelled"]["metals"] == 14
    assert set(report["rounds"][1]["candidates"]) >= {"random", "close", "md"}
    assert report["rounds"][1]["new"]["total"]["frames"] == second
    assert report["end"] == "2 rounds, as asked for"
    assert "bulk modulus of Cu, GPa" in report["rounds"][0]["physics"]
    atoms = read(folder / "frames.extxyz", 0)
    atoms.calc = VoxPotCalculator(folder / "cuau.safetensors")
    assert np.isfinite(atoms.get_potential_energy())
    assert atoms.calc.get_property("extrapolation", atoms) > 0
    page = (folder / "learn.html").read_text()
    assert page.count("<figure>") == 6
    assert [stage["name"] for stage in report["properties"]] == ["round 0", "round 1", "labeller"]
    reference = report["properties"][-1]["crystals"]
    assert set(reference) == {"Cu, fcc", "Au, fcc"}
    assert reference["Cu, fcc"]["values"]["a0"] == pytest.approx(3.590, abs=1e-3)  # that of EMT
    assert "<th>round 0</th><th>round 1</th><th>reference: ase.calculators.emt:EMT</th>" in page
    assert "http" not in re.sub(r"xmlns(:\w+)?=\"[^\"]*\"", "", page).replace("http-equiv", "")


def test_no_structure_is_labelled_twice_and_the_hold_out_is_never_trained_on(campaign):
    used, held = (read(campaign / "one" / f"{name}.extxyz", ":") for name in ("frames", "holdout"))
    keys = [structure_key(atoms) for atoms in (*used, *held)]

    assert held
    assert len(set(keys)) == len(keys) > 30


def test_two_workers_give_the_same_structures_and_labels(campaign):
    """What needs a potential is taken from the other campaign, as processes take long to import that."""
    one, two = (campaign / name / "tasks" for name in ("one", "two"))
    for kind in ("train", "judge", "properties"):
        shutil.copytree(one / kind, two / kind)
    (two / "explore").mkdir()
    for file in (one / "explore").iterdir():
        if "config_type=md" in file.read_text():
            shutil.copy(file, two / "explore")

    assert main(["learn", str(campaign / "tiny.toml"), "-o", str(campaign / "two"), "--workers", "2"]) == 0

    assert set(files(campaign / "one")) == set(files(campaign / "two"))
    for file in (one / "explore").iterdir():
        assert file.read_bytes() == (two / "explore" / file.name).read_bytes()
    frames = [(campaign / name / "frames.extxyz").read_text() for name in ("one", "two")]
    assert re.sub(r"seconds=\S+", "", frames[0]) == re.sub(r"seconds=\S+", "", frames[1])


def test_a_campaign_that_is_started_again_does_nothing_twice(campaign):
    before = files(campaign / "one")
    (campaign / "one" / "learn.html").unlink()

    assert main(["learn", str(campaign / "tiny.toml"), "-o", str(campaign / "one")]) == 0

    assert (campaign / "one" / "learn.html").is_file()
    assert files(campaign / "one") == before


def assess(*arguments):
    with pytest.raises(SystemExit) as ended:
        assess_app([str(argument) for argument in arguments])
    return ended.value.code


def test_errors_on_fresh_frames_are_those_of_a_direct_comparison(campaign, capsys):
    folder, json_file = campaign / "one", campaign / "errors.json"
    arguments = (campaign / "tiny.toml", "-o", folder, "-n", "3", "-T", "300", "--json", json_file)

    assert assess(*arguments) == 0

    errors = json.loads(json_file.read_text())
    frames = read(folder / "fresh" / "frames.extxyz", ":")
    known = [structure_key(a) for name in ("frames", "holdout") for a in read(folder / f"{name}.extxyz", ":")]
    assert {name: found["frames"] for name, found in errors["kinds"].items()} == {
        "random": 3,
        "close": 3,
        "dynamics": 2,
    }
    assert not {structure_key(atoms) for atoms in frames} & set(known)
    off = {kind: [] for kind in errors["kinds"]}
    for atoms in frames:
        mine, theirs = (compute(atoms, calc) for calc in (VoxPotCalculator(folder / "cuau.safetensors"), EMT()))
        off[atoms.info["config_type"]].append((abs(mine[0] - theirs[0]) / len(atoms), np.abs(mine[1] - theirs[1])))
    for kind, found in errors["kinds"].items():
        assert found["energy_mae"] == pytest.approx(1000 * np.mean([e for e, _ in off[kind]]), rel=1e-4)
        assert found["force_mae"] == pytest.approx(1000 * np.concatenate([f for _, f in off[kind]]).mean(), rel=1e-4)
    assert errors["together"]["random alloys"] == errors["kinds"]["random"]
    assert errors["together"]["all other kinds"] == errors["kinds"]["close"]
    assert re.search(r"dynamics of the labeller +2 +\d+ ", capsys.readouterr().out)


def compute(atoms, calculator):
    copy = atoms.copy()
    copy.calc = calculator
    return copy.get_potential_energy(), copy.get_forces()


def test_labels_of_fresh_frames_are_not_repeated(campaign):
    arguments = (campaign / "tiny.toml", "-o", campaign / "one", "-n", "3", "-T", "300")
    assert assess(*arguments) == 0
    tasks = [p for p in (campaign / "one" / "fresh").glob("*/*") if p.is_file()]
    before = {p: p.stat().st_mtime_ns for p in tasks}

    assert assess(*arguments) == 0

    assert before == {p: p.stat().st_mtime_ns for p in (campaign / "one" / "fresh").glob("*/*") if p.is_file()}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--seed", "0"], "seed: expected another one than that of the campaign, got 0"),
        (["--number", "0"], "number: expected a whole number from 1 on, got 0"),
        (["-T", "warm"], "temperature: expected different numbers"),
        (["-o", "nowhere"], "nowhere: expected the folder of a campaign that has ended"),
    ],
)
def test_fresh_frames_that_cannot_be_made_are_refused(campaign, capsys, arguments, sentence):
    assert assess(campaign / "tiny.toml", "-o", campaign / "one", *arguments) == 2
    assert sentence in capsys.readouterr().err


def test_dynamics_is_left_to_labellers_that_are_calculators():
    assert is_calculator(LabellerConfig(use="ase.calculators.emt:EMT"))
    assert not is_calculator(LabellerConfig(use="label.sh {input} {output}"))


def test_two_names_are_enough_for_an_estimate(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(SMALLEST)

    assert main(["learn", "small.toml", "--dry-run"]) == 0

    out = capsys.readouterr().out
    assert re.search(r"all +420 ", out)
    assert "by ase.calculators.emt:EMT" in out
    assert list(tmp_path.iterdir()) == [tmp_path / "small.toml"]


def test_a_campaign_of_many_labels_is_refused_without_yes(tmp_path, capsys):
    config = tmp_path / "large.toml"
    config.write_text(SMALLEST + "seconds = 60\n[select]\nlabels = 20000\n[explore]\nkinds = ['random']\n")

    assert main(["learn", str(config), "-o", str(tmp_path / "out")]) == 2

    error = capsys.readouterr().err
    assert "expected at most stop.ask = 2,000 labels, got up to 140,000, which take about" in error
    assert "days on one worker; --yes does it" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[labeller]\nuse = 'gpaw'\n", "the top level: missing key 'alloy'"),
        (SMALLEST + "[explore]\nsort = 3\n", "explore: unknown key 'sort'; known are kinds, structures"),
        (SMALLEST.replace('"Au"', '"Xx"'), "alloy.species: expected chemical symbols, got Xx"),
        (SMALLEST.replace('"Au"', '"Cu"'), "alloy.species: expected each element once"),
        (SMALLEST + "[explore]\nkinds = ['md']\n", "explore.kinds: expected one of metals"),
        (SMALLEST + "[explore]\nkinds = ['melt']\n", "explore.kinds: expected some of metals, .* got melt"),
        (SMALLEST + "[cluster]\nsystem = 'cron'\n", "cluster.system: expected one of slurm"),
        (SMALLEST.replace("ase.calculators.emt:EMT", "emt"), "labeller: expected module:factory"),
        (SMALLEST.replace('"Cu", "Au"', '"Cu", "Og"'), "alloy.constants: no reference crystal of Og is known"),
        (SMALLEST + "[train]\nconfig = 'none.toml'\n", ""),
    ],
)
def test_configurations_that_do_not_fit_are_refused(tmp_path, capsys, text, sentence):
    config = tmp_path / "bad.toml"
    config.write_text(text)

    status = main(["learn", str(config), "-o", str(tmp_path / "out"), "--dry-run"])

    assert status == (2 if sentence else 0)
    assert re.search(sentence, capsys.readouterr().err)


def test_frames_are_labelled_and_those_that_fail_are_named(tmp_path, capsys):
    some = frames()[:5]
    write(tmp_path / "frames.extxyz", some)
    options = ["--labeller", f"{JOBS}:Chatty", "--output", str(tmp_path / "labelled.extxyz"), "--retries", "0"]

    assert main(["label", str(tmp_path / "frames.extxyz"), *options, "--functional", "PBE"]) == 1

    captured = capsys.readouterr()
    assert "4 of 5 frames labelled" in captured.out
    assert "4 of them have no stress" in captured.out
    assert f"dimer-{FAILING[0]}" in captured.err
    found = read(tmp_path / "labelled.extxyz", ":")
    assert [a.get_potential_energy() for a in found] == pytest.approx([0.0, -0.1, -0.2, -0.4])
    assert {a.info["functional"] for a in found} == {"PBE"}
    with (tmp_path / "labelled.extxyz.set_aside.csv").open() as file:
        assert [row["frame"] for row in csv.DictReader(file)] == [f"dimer-{FAILING[0]}"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--labeller", "vsap"], "labeller: expected module:factory of an ASE calculator"),
        (["--labeller", "a:b", "--setting", "ENCUT"], "setting: expected NAME=VALUE, got 'ENCUT'"),
        (["--labeller", "a:b", "--limit", "0"], "labeller.limit: expected seconds, more than 0, got 0"),
        (["--labeller", "ase.calculators.emt:EMT", "--workers", "0"], "workers: expected a whole number from 1 on"),
    ],
)
def test_labels_that_cannot_be_made_are_refused(tmp_path, capsys, arguments, sentence):
    write(tmp_path / "frames.extxyz", frames()[:1])
    output = ["--output", str(tmp_path / "out.extxyz")]

    assert main(["label", str(tmp_path / "frames.extxyz"), *arguments, *output]) == 2
    assert sentence in capsys.readouterr().err
