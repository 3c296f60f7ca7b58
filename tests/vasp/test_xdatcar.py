"""XDATCARs as VASP of several versions, and Fortran, write them."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from numpy.testing import assert_allclose

from ase_voxpot.errors import DataError
from ase_voxpot.validation.reading import read_run
from tests.vasp.files import EDGE

HEAD = f"tungsten\n 1.0\n {EDGE} 0 0\n 0 {EDGE} 0\n 0 0 {EDGE}\n W\n 2\n"


def rows(k, text="{:12.8f}{:12.8f}{:12.8f}\n"):
    return text.format(0.0, 0.0, 0.0) + text.format(0.5 + 0.001 * k, 0.5, 0.5)


def titled(k, counter=None):
    return f"Direct configuration={k if counter is None else counter!s:>6}\n" + rows(k)


@pytest.fixture
def read(tmp_path):
    def write_and_read(text, name="XDATCAR"):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_run([tmp_path / name])

    return write_and_read


def check(run, numbers):
    assert_allclose(run.positions[:, 1, 0] / EDGE, [0.5 + 0.001 * k for k in numbers], atol=1e-8)


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "\n".join(titled(k) for k in (1, 2, 3)),
        HEAD + "\n" + "\n \n\n".join(titled(k) for k in (1, 2, 3)) + "\n\n\n",
        HEAD + "".join(f"Direct configuration=     {k}\n\n{rows(k)}" for k in (1, 2, 3)),
        HEAD + "".join(f"\n{rows(k)}" for k in (1, 2, 3)),
        HEAD + "".join(f" Konfig=    {k}\n{rows(k)}" for k in (1, 2, 3)),
        "".join(HEAD + titled(k) for k in (1, 2, 3)),
        "\n".join(HEAD + titled(k) for k in (1, 2, 3)),
        "".join(HEAD.replace("tungsten", "") + "\n" + rows(k) for k in (1, 2, 3)),
        (HEAD + "\n".join(titled(k) for k in (1, 2, 3))).replace("\n", "\r\n"),
    ],
    ids=["between", "everywhere", "below", "instead", "konfig", "heads", "heads and blanks", "untitled", "windows"],
)
def test_blank_lines_and_repeated_heads(read, text):
    run = read(text)

    assert len(run) == 3
    check(run, (1, 2, 3))
    assert not any("cut off" in n for n in run.notes)


def test_a_cell_that_changes(read):
    text = "".join(
        HEAD.replace(f" {EDGE} 0 0", f" {EDGE + 0.1 * k} 0 0") + "\n" * (k % 2) + titled(k) for k in range(1, 5)
    )

    run = read(text)

    assert_allclose(run.cells[:, 0, 0], EDGE + 0.1 * np.arange(1, 5))
    assert run.moving_cell


def test_columns_that_touch(read):
    text = (
        HEAD
        + titled(1)
        + "Direct configuration=     2\n -0.00000001-0.11227753 -0.25000000\n100.50200000999.50000000-10.50000000\n"
    )

    run = read(text)

    assert_allclose(run.positions[1] / EDGE, [[-1e-8, -0.11227753, -0.25], [100.502, 999.5, -10.5]], atol=1e-9)


def test_stars_are_left_out_and_named(read):
    text = HEAD + titled(1) + titled(2).replace(f"{0.502:12.8f}", 12 * "*") + titled(3)

    run = read(text)

    check(run, (1, 3))
    assert any("1 frames are left out, as numbers in them are stars" in n and "(frames 2)" in n for n in run.notes)
    assert run.starts in ((0,), (0, 1))
    with pytest.raises(DataError, match="expected at least one complete frame, got none, as numbers in them are stars"):
        read(HEAD + titled(1).replace(f"{0.501:12.8f}", 12 * "*"))


def test_counters_that_skip_the_same_are_equally_spaced(read):
    run = read(HEAD + "".join(titled(k) for k in range(10, 60, 10)))

    assert (run.starts, run.gap, run.interval) == ((0,), 10.0, None)
    assert any("every 10th step; the time from frame to frame is 10 times POTIM" in n for n in run.notes)


def test_counters_with_gaps_make_stretches(read):
    run = read(HEAD + "".join(titled(k) for k in (1, 2, 3, 4, 9, 10, 20)))

    assert run.starts == (0, 4, 6)
    assert any("of steps 1-4, 9, 10, 20, are not equally spaced" in n for n in run.notes)


def test_a_counter_too_large_for_its_field_goes_on(read):
    numbers = (999980, 999990, "******", "******")
    run = read(HEAD + "".join(titled(k, n) for k, n in enumerate(numbers)))

    assert_allclose(run.steps, [999980, 999990, 1000000, 1000010])
    assert run.starts == (0,)


def test_a_counter_that_begins_again_is_another_run(read):
    near = HEAD + "".join(titled(k) for k in (1, 2, 3)) + "".join(titled(3 + k, k) for k in (1, 2, 3))
    far = HEAD + "".join(titled(k) for k in (1, 2, 3)) + "".join(titled(300 + k, k) for k in (1, 2, 3))

    assert read(near).starts == (0,)
    assert_allclose(read(near).steps, range(1, 7))
    assert read(far).starts == (0, 3)


@pytest.mark.parametrize("drop", [1, 20, 40])
def test_a_cut_file_gives_its_complete_frames(read, drop):
    text = HEAD + "\n".join(titled(k) for k in (1, 2, 3))

    run = read(gzip.compress(text[:-drop].encode()), "XDATCAR.gz")

    check(run, (1, 2))
    assert any("its 2 complete frames are used" in n for n in run.notes)
