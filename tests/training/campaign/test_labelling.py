"""Labels of many frames: nothing is lost or doubled, whatever is killed."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from voxpot_jobs import FAILING, FRAMES, HANGING, config, frames

from ase_voxpot.errors import ConfigError
from ase_voxpot.tasks import backend_of
from voxpot_training.campaign.checks import Expectation, fault_of, outliers
from voxpot_training.campaign.labellers.outcome import Label
from voxpot_training.campaign.labelling import label_frames, with_label, write_set_aside

CONFIG = config()


def label(energy=0.0, *, forces=((0.0, 0.0, 0.0),) * 2, stress=(0.0,) * 6, **facts):
    return Label(
        energy=energy, forces=np.array(forces), stress=None if stress is None else np.array(stress), facts=facts
    )


def wait_for(folder, count, process):
    until = time.monotonic() + 60
    while len(list(folder.glob("*.json"))) < count and time.monotonic() < until and process.poll() is None:
        time.sleep(0.01)


def workers_of(process):
    """Processes that another one started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")[2].split()
            command = (stat.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if int(words[1]) == process.pid and b"spawn_main" in command:
            found.append(int(stat.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_40_labels_with_4_failures_and_2_hangs_while_drivers_and_a_worker_are_killed(tmp_path):
    places = os.pathsep.join(sys.path)
    for count, kill_worker in ((4, False), (14, True)):
        driver = subprocess.Popen(
            [sys.executable, "-m", "voxpot_jobs", str(tmp_path), "2"], env={**os.environ, "PYTHONPATH": places}
        )
        wait_for(tmp_path, count, driver)
        assert driver.poll() is None, "it was killed, and had not ended"
        if kill_worker:
            os.kill(workers_of(driver)[0], signal.SIGKILL)
            wait_for(tmp_path, count + 6, driver)
        driver.kill()
        driver.wait()
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*.json")}
    found = label_frames(frames(), CONFIG, tmp_path, backend_of())

    assert {a.frame for a in found.aside} == {f"dimer-{k}" for k in (*FAILING, *HANGING)}
    assert [a.info["id"] for a in found.frames] == [
        f"dimer-{k}" for k in range(FRAMES) if k not in (*FAILING, *HANGING)
    ]
    assert [x.energy for x in found.labels] == [-0.1 * int(a.info["id"][6:]) for a in found.frames]
    after = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("*.json")}
    assert before.items() <= after.items(), "what was there is as it was"
    reasons = {a.frame: a.reason for a in found.aside}
    assert all("does not converge" in reasons[f"dimer-{k}"] for k in FAILING)
    assert all("the time limit" in reasons[f"dimer-{k}"] for k in HANGING)


def test_retries_are_counted_over_starts_and_begin_again_with_other_limits(tmp_path):
    some = [frames()[k] for k in (0, FAILING[0])]
    twice = replace(CONFIG, retries=1)

    first = label_frames(some, twice, tmp_path, backend_of())
    again = label_frames(some, twice, tmp_path, backend_of())
    longer = label_frames(some, replace(twice, limit=2.0, retries=0), tmp_path, backend_of())

    assert [found.aside[0].attempts for found in (first, again, longer)] == [2, 2, 1]
    assert len(list(tmp_path.glob("*.refused.json"))) == 1


def test_equal_frames_have_one_label_and_others_keep_their_names(tmp_path):
    one, other = frames()[:2]

    found = label_frames([one, other, one.copy()], CONFIG, tmp_path, backend_of())

    assert [a.info["id"] for a in found.frames] == ["dimer-0", "dimer-1"]
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_a_damaged_result_is_labelled_again(tmp_path):
    one = frames()[1:2]
    label_frames(one, CONFIG, tmp_path, backend_of())
    (file,) = tmp_path.glob("*.json")
    file.write_text("{")

    found = label_frames(one, replace(CONFIG, retries=1), tmp_path, backend_of())

    assert found.labels[0].energy == -0.1
    assert json.loads(file.read_text())["energy"] == -0.1


def test_an_absurd_label_is_retried_and_set_aside(tmp_path):
    some = frames()[20:22]
    expected = [Expectation(energy=-1.0, uncertainty=0.001), Expectation(energy=5.0, uncertainty=0.001)]

    found = label_frames(some, replace(CONFIG, retries=1), tmp_path, backend_of(), expected=expected)

    assert [a.info["id"] for a in found.frames] == ["dimer-20"]
    assert found.aside[0].attempts == 2
    assert "eV/atom from the prediction" in found.aside[0].reason
    write_set_aside(tmp_path / "aside.csv", found.aside)
    with (tmp_path / "aside.csv").open() as file:
        assert [row["frame"] for row in csv.DictReader(file)] == ["dimer-21"]
    write_set_aside(tmp_path / "aside.csv", [])
    assert not (tmp_path / "aside.csv").exists()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (label(), None),
        (label(float("nan")), "not finite"),
        (label(forces=[[0, 0, np.inf], [0, 0, 0]]), "not finite"),
        (label(forces=np.zeros((3, 3))), r"expected forces of shape \(2, 3\)"),
        (label(stress=[0, 0, 0, 0, 0, np.nan]), "the stress is not finite"),
        (label(stress=None), "no stress"),
        (label(functional="PBEsol"), "labelled by PBEsol, the other data by PBE"),
        (label(forces=[[0, 0, 120.0], [0, 0, -120.0]]), "a force of 120 eV/Å"),
    ],
)
def test_what_is_wrong_with_a_label_is_named(answer, reason):
    found = fault_of(frames()[0], answer, replace(CONFIG, stress=True), functional="PBE")

    assert found is None if reason is None else __import__("re").search(reason, found)


def test_an_energy_off_all_others_is_found_and_close_pairs_are_not():
    structures = frames()[:12]
    labels = [label(0.1 * k) for k in range(12)]
    labels[4] = label(80.0)
    labels[7] = label(30.0, forces=[[0, 0, 60.0], [0, 0, -60.0]])

    assert list(outliers(structures, labels)) == [4]
    assert outliers(structures[:9], labels[:9]) == {}


def test_a_labelled_frame_can_be_trained_on():
    from ase_voxpot.frames.labels import labels_of

    frame = frames()[0]
    frame.info["REF_energy"] = 7.0
    found = labels_of([with_label(frame, label(1.5, functional="PBE"), functional="PBE")])[0]

    assert found.energy == 1.5
    assert found.group == "dimer"


def test_a_labeller_of_another_functional_is_refused():
    from voxpot_training.campaign.labellers.opening import functional_of

    with pytest.raises(ConfigError, match="expected PBE, which gpaw computes, got r2SCAN"):
        functional_of(config(use="gpaw", functional="r2SCAN"))
