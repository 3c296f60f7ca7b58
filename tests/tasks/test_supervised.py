from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ase_voxpot.tasks.supervised import LATE, NOT_FOUND, run_supervised

GRANDCHILD = "sleep 60 & echo $! > pid; echo begun; wait"


def gone(pid, within=3.0):
    """Whether a process ends."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_status_and_output_are_those_of_the_program(tmp_path):
    ended = run_supervised(["sh", "-c", "echo out; echo err >&2; pwd; exit 3"], limit=10, folder=tmp_path)

    assert ended.status == 3
    assert ended.output.split() == ["out", "err", str(tmp_path)]


def test_a_program_that_is_not_there_is_named(tmp_path):
    ended = run_supervised(["no-such-program"], limit=10, folder=tmp_path)

    assert ended.status == NOT_FOUND
    assert "no-such-program" in ended.output


def test_after_the_time_limit_all_that_it_started_is_killed(tmp_path):
    began = time.monotonic()
    ended = run_supervised(["sh", "-c", GRANDCHILD], limit=0.5, folder=tmp_path)

    assert ended.status == LATE
    assert time.monotonic() - began < 5
    assert gone(int((tmp_path / "pid").read_text()))


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_it_ends_with_the_process_that_started_it(tmp_path):
    code = (
        "import sys; from pathlib import Path; from ase_voxpot.tasks.supervised import run_supervised; "
        f"run_supervised(['sh', '-c', {GRANDCHILD!r}], limit=60, folder=Path({str(tmp_path)!r}))"
    )
    driver = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text().strip():
        time.sleep(0.02)
    driver.send_signal(signal.SIGKILL)
    driver.wait()

    assert gone(int((tmp_path / "pid").read_text()))
