from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from voxpot_jobs import Deadly, halves, later, mirror, threads

from ase_voxpot.errors import DivergenceError, VoxPotError
from ase_voxpot.tasks import backend_of, executors, map_calls


@pytest.fixture
def spread(tmp_path):
    def run(function, arguments, workers=1, **options):
        backend = backend_of(workers=workers)
        try:
            return map_calls(function, arguments, backend, place=tmp_path, **options)
        finally:
            backend.close()

    yield run
    assert not list(tmp_path.glob(".voxpot-*"))


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_arguments_to_the_last_bit(spread, workers):
    values = [np.random.default_rng(k).normal(size=3) for k in range(5)]
    ended = []

    found = spread(halves, [(v,) for v in values], workers, observe=ended.append)

    assert [f.tobytes() for f in found] == [(v / 2).tobytes() for v in values]
    assert sorted(ended) == list(range(5))


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_this_package_is_raised_as_it_is(spread, workers):
    with pytest.raises(DivergenceError, match="^no rest$"):
        spread(mirror, [(1,), (DivergenceError("no rest"),), (3,)], workers)


def test_the_first_error_in_order_is_raised_whichever_comes_first(spread):
    parts = [(0.5, DivergenceError("slow")), (0.0, DivergenceError("fast")), (0.0, 1)]

    with pytest.raises(DivergenceError, match="^slow$"):
        spread(later, parts, 2)


@pytest.mark.parametrize(("chosen", "expected"), [(None, 3), ("5", 5)])
def test_workers_share_the_cores_unless_a_number_is_chosen(spread, monkeypatch, chosen, expected):
    monkeypatch.setattr(executors, "thread_count", lambda: 6)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if chosen:
        monkeypatch.setenv("OMP_NUM_THREADS", chosen)

    assert spread(threads, [(), ()], 2) == [expected, expected]


def test_another_error_names_the_part(spread):
    with pytest.raises(VoxPotError, match="^part 2 of 3: KeyError: 'Ta'$"):
        spread(mirror, [(1,), (KeyError("Ta"),), (3,)])


def test_a_call_whose_worker_is_killed_is_made_again(spread, tmp_path):
    once = Deadly(1, str(tmp_path / "note"), times=1)
    always = Deadly(2, str(tmp_path / "note"), times=99)
    targets = [(tmp_path / str(k),) for k in range(3)]

    spread(once.compute, targets[:2], 2)

    assert [target.read_text() for (target,) in targets[:2]] == ["alive", "alive"]
    with pytest.raises(VoxPotError, match="part 1 of 1: the worker ended 3 times"):
        spread(partial(always.compute), targets[2:], 2)
