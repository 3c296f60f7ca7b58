"""The benchmark of the interface: its columns are numbers of the runs that it says it made."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from lammps_plugin.bench import app, timings

pytestmark = pytest.mark.lammps


def numbers(*arguments):
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return [[float(word) for word in line.split()] for line in result.output.splitlines()[1:]]


def test_the_overhead_is_told_for_three_sizes(wheel, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)  # several threads by default
    rows = numbers("overhead", "--model", "motaw-fast", "--steps", "1")

    assert [row[0] for row in rows] == [54, 432, 2000]
    assert rows[0][1] < rows[1][1] < rows[2][1]  # ms in the model
    assert all(len(row) == 6 for row in rows)


def test_memory_is_told_in_the_course_of_a_run(wheel):
    rows = numbers("memory", "--steps", "20", "--parts", "2")

    assert [row[0] for row in rows] == [0, 10, 20]
    assert all(row[1] > 10 for row in rows)  # MiB


def test_ranks_are_compared_with_one(wheel):
    rows = numbers("ranks", "1", "--cells", "3", "--steps", "2", "--model", "motaw-fast")

    assert [row[0] for row in rows] == [1]
    assert rows[0][2] == rows[0][4] == 1  # times as fast as itself


def test_times_are_read_from_the_log_of_a_run():
    part = "Loop time of {wall} on 2 procs for 5 steps\n" + "".join(
        f"{name} | 0.1 | 0.2 | 0.4 | 0.0 | 50.0 | 9\n" for name in ("Pair", "Neigh", "Modify")
    )

    wall, _ = timings("".join(part.format(wall=w) for w in (9.0, 0.5, 0.25)), 5)

    assert wall == pytest.approx(1000 * 0.25 / 5)
