"""Every block is worked on once, however many threads there are."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
import torch

from ase_voxpot.simd.threads import ENOUGH, spread


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("blocks", [0, 1, 7, 100])
def test_all_blocks_are_done_once(threads, count, blocks):
    threads(count)
    done = []

    spread(lambda pieces: done.extend(b for start, stop in pieces for b in range(start, stop)), blocks)

    assert sorted(done) == list(range(blocks))


def test_a_thread_is_not_begun_for_little(threads):
    threads(2)
    seen = set()

    spread(lambda pieces: seen.add(threading.get_ident()), 2 * ENOUGH - 1)

    assert seen == {threading.get_ident()}


def test_an_error_in_a_thread_is_heard_of(threads):
    threads(2)

    def fail(pieces):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        spread(fail, 100)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_does_not_wait_for_threads_that_it_does_not_have(threads):
    threads(2)
    spread(list, 100)
    child = os.fork()
    if child == 0:
        spread(list, 100)
        os._exit(0)
    ended, status, deadline = 0, None, time.monotonic() + 30
    while not ended and time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.02)
    if not ended:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert (ended, status) == (child, 0)
