"""First in, first out, over threads."""

from __future__ import annotations

import threading

import pytest

from ase_voxpot.voxelize.fifo import serve


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_every_piece_is_served_once(threads):
    served = []

    serve(iter(range(100)), served.append, threads=threads)

    assert sorted(served) == list(range(100))


def test_one_thread_serves_in_order():
    served = []

    serve(range(50), served.append, threads=1)

    assert served == list(range(50))


def test_two_threads_work_at_the_same_time():
    meeting = threading.Barrier(2, timeout=20)

    serve(range(2), lambda piece: meeting.wait(), threads=2)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_first_failure_ends_the_line(threads):
    served = []

    def work(piece):
        if piece == 5:
            raise ValueError("five")
        served.append(piece)

    with pytest.raises(ValueError, match="five"):
        serve(range(10_000), work, threads=threads)

    assert len(served) < 10_000


@pytest.mark.parametrize("threads", [1, 2])
def test_a_source_that_fails_ends_the_line(threads):
    def pieces():
        yield from range(3)
        raise OSError("the file ends here")

    with pytest.raises(OSError, match="ends here"):
        serve(pieces(), lambda piece: None, threads=threads)
