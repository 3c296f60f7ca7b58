from __future__ import annotations

import pytest
from voxpot_jobs import Deadly, Draw, Odd

from ase_voxpot.errors import ConfigError
from ase_voxpot.tasks import Failure, backend_of, key_of, run_tasks


def run(tasks, folder, workers=1, **options):
    backend = backend_of(workers=workers)
    try:
        return run_tasks(tasks, folder, backend, **options)
    finally:
        backend.close()


def texts(found):
    return {key: result.read_text() for key, result in found.items()}


def test_any_number_of_workers_gives_the_same_results(tmp_path):
    tasks = [Draw(k) for k in range(9)]

    results = [texts(run(tasks, tmp_path / str(n), n)) for n in (1, 2, 4)]

    assert len(set(results[0].values())) == 9
    assert results[0] == results[1] == results[2]
    assert sorted(p.name for p in (tmp_path / "4").iterdir()) == sorted(f"{t.key}.txt" for t in tasks)


def test_what_is_there_is_not_computed_again(tmp_path):
    note = tmp_path / "note"
    folder = tmp_path / "results"
    seen = []

    run([Draw(1, str(note)), Draw(2, str(note))], folder)
    run([Draw(k, str(note)) for k in (2, 3, 3, 1)], folder, observe=lambda t, r: seen.append(t.seed))

    assert note.read_text().split() == ["1", "2", "3"]
    assert sorted(seen) == [1, 2, 3]


def test_errors_of_a_task_stop_no_other(tmp_path):
    tasks = [Odd(k) for k in range(5)]

    found = run(tasks, tmp_path)

    assert [type(found[t.key]).__name__ for t in tasks] == ["PosixPath", "Failure", "PosixPath", "Failure", "NoneType"]
    assert found[tasks[1].key] == Failure("ValueError: 1 is odd")
    assert len(list(tmp_path.iterdir())) == 2, "neither drafts nor marks are left"


def test_a_worker_that_is_killed_costs_its_task_an_attempt(tmp_path):
    note = str(tmp_path / "note")
    once, always = Deadly(1, note, times=1), Deadly(2, note, times=99)

    found = run([once, Draw(5), always, Draw(6)], tmp_path / "results", 2)

    assert found[once.key].read_text() == "alive"
    assert found[Draw(5).key].is_file()
    assert found[Draw(6).key].is_file()
    assert "the worker ended 3 times" in found[always.key].reason
    assert not list((tmp_path / "results").glob("*.running"))


def test_a_key_is_of_all_that_is_compared():
    assert Draw(1).key == Draw(1, "elsewhere").key
    assert Draw(1).key != Draw(2).key
    assert Draw(1).key != Odd(1).key
    with pytest.raises(TypeError, match="got set"):
        key_of({1, 2})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"workers": 0}, "workers: expected a whole number from 1 on, got 0"),
        ({"workers": 2, "scheduler": "tcp://here:1"}, "scheduler: expected it alone"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        backend_of(**options)
